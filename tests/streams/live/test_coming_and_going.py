"""A process that starts or stops waits for nothing that never comes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.live import learner_app, worker_app
from streams.live.running import _Worker
from streams.live.serving import ChunkApp
from streams.settings import Settings, load_settings
from tests.streams.live.virtual import VirtualLoop


@pytest.fixture
def settings() -> Settings:
    return load_settings(environ={}).settings


@pytest.mark.parametrize("made", [worker_app, learner_app])
def test_nobody_waits_for_tables_at_the_start(made: Any, settings: Settings) -> None:
    started = []

    async def start() -> None:
        started.append(loop.time())

    app: ChunkApp = made(settings)
    app.consumer = SimpleNamespace(assignment=set, pause_partitions=lambda none: None)
    app.tables._recovery = SimpleNamespace(start=start)
    loop = VirtualLoop()
    loop.now(app.tables.on_start())
    # Whoever waits for them may go on, too.
    loop.now(app.tables.wait_until_tables_registered())
    assert started == [0.0]
    loop.close()


def test_nobody_waits_at_the_end_when_everything_has_ended(settings: Settings) -> None:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    worker: Any = _Worker(worker_app(settings), loop=loop, redirect_stdouts=False)
    began = loop.time()
    worker._shutdown_loop()
    asyncio.set_event_loop(None)
    assert loop.is_closed()
    assert loop.time() - began < 0.5
