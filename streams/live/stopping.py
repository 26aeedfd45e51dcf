"""Reasons to stop, which somebody has to decide about, and how long a stop may take."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import Final, NoReturn

logger = logging.getLogger(__name__)

#: Seconds that a stop may take. Positions are in the store: an abrupt end does no harm.
STOP: Final = 10.0
#: Seconds that it may take to give up: nothing is under way that is worth a wait.
GIVE_UP: Final = 6.0


class CannotGoOn(RuntimeError):
    """Going on would be wrong, and somebody has to decide: the process stops and says why."""


class EventsMissing(CannotGoOn):
    """The log no longer holds the records that the state waits for."""


class ShapeChanged(CannotGoOn):
    """The stored state was shaped by other settings."""


class NewerVersion(CannotGoOn):
    """What is stored was written by a newer Ebbtide."""


class Unreadable(CannotGoOn):
    """What is stored of a customer is not what any Ebbtide writes."""


class MostlyInvalid(CannotGoOn):
    """Most of what arrives cannot be used: somebody deployed something wrong."""


def leave_within(code: int, seconds: float = STOP, last_words: str = "") -> None:
    """End this process when its stop takes longer: the client of a broker that is away may hang.

    Parameters
    ----------
    code
        The exit code that it then ends with.
    seconds
        How long the stop may take.
    last_words
        What whoever started it is told then.
    """
    words = f"not stopped after {seconds:g} s: ended all the same"
    timer = threading.Timer(seconds, end, (code, words, last_words))
    timer.daemon = True
    timer.start()


def end(code: int, words: str, last_words: str = "") -> NoReturn:
    """End this process now."""
    logger.warning("%s", words)
    logging.shutdown()
    if last_words:
        print(last_words, file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
