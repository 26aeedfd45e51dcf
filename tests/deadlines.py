"""No test waits for ever: each has a deadline, and whoever overruns it says where it stands.

Preparing a test, the test itself and clearing up after it may take `SECONDS` each. Then what
every thread and every task is at is written down, and whatever the test waits for is interrupted:
it fails, and the run goes on. Where nothing can be interrupted, in C code for instance, the
process ends `GRACE` seconds later, and another takes over (`tests.sharing`); so it does when it
does not come to its first test, or from its last to its end. And a run of which nothing is heard
for `SILENCE` seconds ends.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, TextIO

import pytest

#: What a test may take to be prepared, to run and to be cleared up after, each: several times as
#: much as any does on a machine with nothing else to do.
SECONDS: Final = float(os.environ.get("EBB_TEST_DEADLINE", "420"))
#: After which whoever cannot be interrupted is ended. Whoever can is, again and again, till then.
GRACE: Final = min(60.0, SECONDS)
#: So many of them, and it is no longer the tests that are out of order.
MOST: Final = 3
#: After which a run is ended of which nothing is heard: its processes have failed to end by then.
SILENCE = 1_200.0


class Overdue(BaseException):
    """A test has not ended in time. Not an `Exception`: nothing that it runs may catch it."""


class Deadlines:
    """The hooks of a process that runs tests."""

    def __init__(self, told: TextIO) -> None:
        self._told = told
        self._overdue = 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        with self._limit(item, "is not prepared", pytest.fail.Exception):
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        # Not a failure like others, or Hypothesis would look for a smaller example of it.
        with self._limit(item, "has not ended", Overdue):
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        with self._limit(item, "is not cleared up after", pytest.fail.Exception):
            yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._end_after(SECONDS + GRACE)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        faulthandler.cancel_dump_traceback_later()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        # To the end of the process: what it has not let go of by then, it never will.
        self._end_after(SECONDS)

    def _end_after(self, seconds: float) -> None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._told)

    @contextmanager
    def _limit(self, item: pytest.Item, what: str, raised: type[BaseException]) -> Iterator[None]:
        def interrupt(signum: int, frame: FrameType | None) -> None:
            said = f"after {SECONDS:g} s {item.nodeid} {what}"
            print(f"\n{said}; where everything stands:", file=self._told)
            tell_tasks(self._told)
            self._told.flush()
            faulthandler.dump_traceback(self._told)
            self._overdue += 1
            if self._overdue == MOST:
                item.session.shouldfail = f"{MOST} deadlines are over: something is out of order"
            raise raised(said)

        self._end_after(SECONDS + GRACE)
        can = hasattr(signal, "SIGALRM")
        if can:
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, SECONDS, GRACE / 4)
        try:
            yield
        finally:
            if can:
                signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()


class Listener:
    """The hooks of a process that shares out tests and hears of their ends."""

    def __init__(self, told: TextIO) -> None:
        self._told = told
        #: Who ended without a word, and could not be asked how its tests went.
        self.crashed: list[str] = []

    def _heard(self) -> None:
        faulthandler.dump_traceback_later(SILENCE, exit=True, file=self._told)

    def pytest_sessionstart(self) -> None:
        self._heard()

    def pytest_runtest_logstart(self) -> None:
        self._heard()

    def pytest_runtest_logreport(self) -> None:
        self._heard()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object) -> None:
        self._heard()
        if error:
            self.crashed.append(f"{node}: {error}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # It may have crashed after its last test, and then no test tells of it.
        if self.crashed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self) -> None:
        faulthandler.cancel_dump_traceback_later()


def hold(config: pytest.Config) -> None:
    """Set the deadlines of a run."""
    # What tests print is kept until they end; what is said here must be read when they do not.
    told = os.fdopen(os.dup(sys.__stderr__.fileno()), "w", encoding="utf-8")  # type: ignore[union-attr]
    shares = not hasattr(config, "workerinput") and bool(getattr(config.option, "tx", None))
    config.pluginmanager.register(Listener(told) if shares else Deadlines(told))


def tell_tasks(told: TextIO) -> None:
    """Write down what the tasks of the event loop that was interrupted are at."""
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # there is no loop
        return
    for task in tasks:
        task.print_stack(file=told)
