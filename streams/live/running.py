"""Runs one of the Faust apps as this process, until it is told to stop or gives up."""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from faust.worker import Worker

from streams.live.serving import ChunkApp
from streams.live.stopping import end, leave_within

#: Seconds for which one thread may keep the interpreter from the others. Records pass through the
#: thread that speaks to Kafka, and what is computed beside it would hold them up at each step.
_TURN: Final = 0.0005

#: Seconds in which connections that were given up close.
_CLOSING: Final = 0.1


class _Worker(Worker):
    """Faust's worker, of which a stop ends: by itself, after a while, or at a second signal."""

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        if self._signal_stop_time:
            end(128 + signal.value, "stopped at once, as asked again")
        super()._schedule_shutdown(signal)
        leave_within(0)

    async def _sentinel_task(self) -> None:
        # Everything has ended by now, and Faust would wait a second more.
        await asyncio.sleep(_CLOSING)


def run(app: ChunkApp, level: str = "info") -> None:
    """Run an app until SIGTERM or Ctrl-C.

    Parameters
    ----------
    app
        The worker or the learner.
    level
        What to log.

    Raises
    ------
    CannotGoOn
        If going on would be wrong; says why.
    """
    _collect_seldom()
    sys.setswitchinterval(_TURN)
    worker: Any = _Worker(
        app, loglevel=level, loop=asyncio.get_event_loop(), redirect_stdouts=False
    )
    with suppress(SystemExit):
        worker.execute_from_commandline()
    if app.gave_up is not None:
        raise app.gave_up


def _collect_seldom() -> None:
    """Look for garbage in cycles less often.

    Nothing of a customer is in a cycle, and there are many of them in memory: looking through them
    all again and again took a tenth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 5, 5_000)


def use_uvloop() -> bool:
    """Run on uvloop where it is installed; return whether it is."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        asyncio.set_event_loop(asyncio.new_event_loop())
        return False
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.set_event_loop(asyncio.new_event_loop())
    return True
