"""An asyncio loop without time: it passes at once when nobody has anything else to do.

So "wait until everybody is blocked" is ``sleep(1)``, costs microseconds, and is the same every
time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Clock(selectors.SelectSelector):
    """Passes the time that the loop would wait, instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nobody will ever wake them")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that does what is ready, and then jumps to the next moment anybody waits for."""

    def __init__(self) -> None:
        self._virtual = _Clock()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def until_quiet(self, seconds: float = 1.0) -> None:
        """Let everybody work until all of them wait, and so much time pass."""
        self.run_until_complete(asyncio.sleep(seconds))

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine that waits for nobody brings."""
        return self.run_until_complete(work)

    def end(self) -> None:
        """End every task, and close."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.until_quiet()
        self.close()
