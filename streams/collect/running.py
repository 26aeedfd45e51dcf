"""Runs a collector as this process: the composition of its parts, from settings to a server."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import uvicorn
from aiokafka import AIOKafkaProducer

from features import SECOND
from streams.brokers import asynchronous
from streams.cancelling import obey
from streams.collect.admitting import Admitting
from streams.collect.connection import Connection
from streams.collect.limits import Limits
from streams.collect.producing import Publishing
from streams.collect.serving import Door, Parts, collector
from streams.collect.speaking import segment
from streams.collect.taking import Segment
from streams.keys import Keystore
from streams.live import open_redis
from streams.noise import say_seldom
from streams.settings import Settings

logger = logging.getLogger(__name__)

_NOISY: Final = (
    *("aiokafka", "aiokafka.client", "aiokafka.conn", "aiokafka.producer.sender"),
    "uvicorn.error",
)
#: Seconds that requests under way may take to end when the process is told to stop.
_GRACE: Final = 15
#: Seconds that an idle connection is kept: longer than the proxies before it do.
_IDLE: Final = 75


def limits_of(settings: Settings) -> Limits:
    """Return the settings in the collector's own words."""
    own = settings.collect
    return Limits(
        body=own.body,
        read=own.read,
        requests=own.requests,
        size=own.memory,
        retry=own.retry,
        open=own.open,
        origins=own.origins,
        url=own.url,
    )


def producer_of(settings: Settings) -> Callable[[], Any]:
    """Return what makes a producer."""

    def make() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            acks="all",
            # What waits for company has waited already (`streams.collect.gathering`).
            linger_ms=0,
            max_batch_size=256 * 1024,
            max_request_size=4 * 1024 * 1024,
            request_timeout_ms=10_000,
            retry_backoff_ms=200,
            **asynchronous(settings),
        )

    return make


def run(settings: Settings, level: str = "info") -> None:
    """Take events until SIGTERM or Ctrl-C.

    Parameters
    ----------
    settings
        All of them.
    level
        What to log.
    """
    logging.basicConfig(
        level=level.upper(), format="[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"
    )
    say_seldom(_NOISY)
    server = server_of(settings, segment(settings))
    # uvicorn ends with the signal that it was stopped by; to be told to stop is no failure.
    with suppress(KeyboardInterrupt), _calmly():
        server.run()


@contextmanager
def _calmly() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def server_of(settings: Settings, protocol: Segment) -> uvicorn.Server:
    """Return the server of a collector, not yet running.

    Parameters
    ----------
    settings
        All of them.
    protocol
        The protocol of the storefronts.
    """
    client = open_redis(settings.redis.url)
    keys = Keystore(client, settings.redis.namespace)
    limits = limits_of(settings)
    publishing = Publishing(
        producer_of(settings),
        {name: settings.topic(name) for name in ("clickstream", "dead_letters", "outcomes")},
        settings.collect.slow,
        settings.collect.wait,
    )
    admitting = Admitting(
        keys.all,
        open=limits.open,
        wall=lambda: time.time_ns() // 1_000_000,
        ticks=time.monotonic,
    )
    door = Door(
        Parts(
            limits,
            protocol,
            admitting,
            publishing,
            wall=lambda: time.time_ns() // 1_000_000,
            rng=random.Random(),
        )
    )

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        await admitting.look()
        every = settings.collect.refresh / SECOND
        working = [
            asyncio.create_task(publishing.run()),
            asyncio.create_task(_again(admitting.look, every)),
        ]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            for task in working:
                with suppress(asyncio.CancelledError):
                    await task
            await keys.close()

    config = uvicorn.Config(
        collector(door, limits, lifespan),
        host=settings.collect.host,
        port=settings.collect.port,
        http=Connection,
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,
        # Addresses and keys of customers' browsers are nobody's reading.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
        backlog=2_048,
    )
    return uvicorn.Server(config)


async def _again(look: Callable[[], Awaitable[None]], every: float) -> None:
    while True:
        obey()
        await asyncio.sleep(every)
        await look()
