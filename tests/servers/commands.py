"""The `ebb` command as a user runs it: a process of its own, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from streams.demo import Child

ROOT = Path(__file__).resolve().parents[2]
#: How many times as long everything may take because others use the machine, too. It is for what
#: must come some time, and never for what is said to come soon: that is measured.
BUSY: Final = 3
_MODULE = ("-m", "streams.cli")


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without any of Ebbtide's settings, and with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EBB_")}
    # The tree under test, whatever else is installed.
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **extra}


class Ebb:
    """Runs `ebb ARGUMENTS` to its end.

    ``environment`` holds for every call; ``env`` of a call is added to it.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)

    def __call__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 60,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Return the ended process with what it printed; the exit code is not judged."""
        return subprocess.run(
            [sys.executable, *_MODULE, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BUSY * timeout,
            cwd=cwd or self.folder,
            env=clean_environment({**self.environment, **(env or {})}),
            check=False,
        )


class Processes:
    """Long-running commands, stopped at the end of the test; their logs shown if it fails."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.children: list[Child] = []

    def ebb(self, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
        """Start `ebb ARGUMENTS`, a worker for instance."""
        return self.python(*_MODULE, *arguments, env=env)

    def python(self, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
        """Start `python ARGUMENTS`, such as ``-m faust -A streams.app worker``."""
        words = [word for word in arguments if not word.startswith("-") and word not in _MODULE]
        name = f"{len(self.children) + 1}-{words[0] if words else 'python'}".replace("/", "_")
        child = Child(
            name,
            [sys.executable, *arguments],
            self.folder / f"{name}.log",
            env=clean_environment({**self.environment, **(env or {})}),
            cwd=self.folder,
        )
        self.children.append(child)
        return child

    def stop(self) -> None:
        """Ask all of them to end, and end those that have not after 10 s."""
        for child in self.children:
            if child.running:
                child.terminate()
        for child in self.children:
            child.stop()

    def kill(self) -> None:
        """End all of them at once: nobody looks at how they leave, and that would take a second."""
        for child in self.children:
            child.kill()

    def tails(self) -> dict[str, str]:
        """Return the last lines of each log."""
        return {child.name: child.tail(40) for child in self.children}


def wait_for(
    what: str, holds: Callable[[], object], seconds: float = 30.0, every: float = 0.05
) -> None:
    """Wait until ``holds()`` is true; fail with ``what`` when the time is over.

    The time is that of a machine with nothing else to do; it may be `BUSY`.
    """
    deadline = time.monotonic() + BUSY * seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {BUSY * seconds:g} s: {what}")
        time.sleep(every)
