"""What libraries say again and again while a server is away: heard, but not a hundred times."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

#: Most lines that are told apart.
_LINES = 1_000


class Seldom(logging.Filter):
    """Lets the same line of a logger through once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is let through."""
        if record.levelno < logging.WARNING:
            return True
        key, now = str(record.msg)[:40], time.monotonic()
        if now - self._last.get(key, -1.0) < 1.0:
            return False
        if len(self._last) > _LINES:
            self._last.clear()
        self._last[key] = now
        return True


def say_seldom(names: Iterable[str]) -> None:
    """Let loggers repeat themselves once a second at most.

    Parameters
    ----------
    names
        Of the loggers; a filter works on one logger, not on those below it.
    """
    for name in names:
        logging.getLogger(name).addFilter(Seldom())
