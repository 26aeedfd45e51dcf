"""Child processes that do not outlive their parent, and whose words are kept.

On Linux the kernel ends a child when its parent goes, however it goes (``PR_SET_PDEATHSIG``).
Elsewhere a parent that is killed with SIGKILL leaves its children behind; every other end of
the parent is covered by `Child.stop` and the interpreter's exit.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_GRACE: Final = 10.0
_TAIL: Final = 8_192
#: Below the ports that Linux, macOS and Windows give to connections.
_PORTS: Final = range(20_000, 32_000)
_dice: Final = random.Random()


class ChildError(RuntimeError):
    """A child process did not start or did not become ready; the message shows its last words."""


class Child:
    """A running child process with its log.

    Parameters
    ----------
    name
        What people call it; used in messages.
    command
        The program and its arguments.
    log
        The file that its output is appended to.
    env
        Its whole environment; this process's own when not given.
    cwd
        Its working folder.

    Notes
    -----
    Start children in the main thread: the kernel ties a child to the *thread* that made it.

    Examples
    --------
    >>> import sys, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with Child("sleeper", [sys.executable, "-c", "input()"], folder / "log") as child:
    ...     child.running
    True
    >>> child.running
    False
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{name} must be started in the main thread, or it ends with this")
        self.name = name
        self.log = log
        self._asked = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,  # a child that reads ends, rather than taking the terminal
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                preexec_fn=_leash(),
                # Ctrl-C reaches the parent only, which then stops its children in order.
                start_new_session=True,
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        with self.log.open("rb") as stream:
            stream.seek(max(0, self.log.stat().st_size - _TAIL))
            text = stream.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until ``ready()`` holds.

        Raises
        ------
        ChildError
            If the child ends first, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ChildError(f"{self.name} ended with {self.exit_code}: {what}{self._words()}")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name}: {what}, waited {seconds:g} s{self._words()}")
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """Wait for its end and return its exit code.

        Raises
        ------
        ChildError
            If it still runs after that time.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ChildError(f"{self.name} still runs after {seconds:g} s{self._words()}") from None

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has already ended."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        self._asked = True
        self._process.send_signal(signal.SIGTERM)
        # A process that was frozen takes no SIGTERM until it goes on.
        self._process.send_signal(signal.SIGCONT)

    def stop(self, grace: float = _GRACE) -> int:
        """Ask it to end, insist after ``grace`` seconds, and return its exit code."""
        if self.running:
            # Asked once is enough: a worker takes a second time for "at once".
            if not self._asked:
                self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        if self.running:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        atexit.unregister(self.kill)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def _words(self) -> str:
        tail = self.tail()
        return f"\nThe end of {self.log}:\n{tail}" if tail else f"\n{self.log} is empty"


def free_port() -> int:
    """Return a loopback port that nobody uses at this moment.

    It is none of those that the system gives to connections, of which one might take it before
    it is listened on.
    """
    for port in _dice.sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise ChildError("each port from 20000 to 31999 is in use")


def listens(port: int) -> bool:
    """Tell whether someone accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _leash() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up here: after fork only calls
    parent = os.getpid()

    def hold() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # A shell's background jobs ignore Ctrl-C, and would hand that down.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if os.getppid() != parent:  # gone between the fork and the line above
            os._exit(1)

    return hold
