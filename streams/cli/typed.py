"""What people type at several commands, read in one way: lists, names, times, how long to keep."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from datetime import UTC, datetime

import click

from features import Millis, from_datetime, parse_duration
from streams.cli.errors import Usage


def some_of(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the words of a list, each once.

    Raises
    ------
    click.BadParameter
        If there are none, or others than those that are known.

    Examples
    --------
    >>> some_of("events, outcomes,events", ["events", "outcomes"])
    ('events', 'outcomes')
    """
    named = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [word for word in named if word not in known]
    if unknown or not named:
        raise click.BadParameter(f"{', '.join(unknown) or 'none'}: choose of {', '.join(known)}")
    return named


def named(name: str, pattern: str, whose: str) -> str:
    """Return a name as it was typed.

    Raises
    ------
    Usage
        If it is none of the pattern's.

    Examples
    --------
    >>> named("web", "[a-z]{1,60}", "a source's name")
    'web'
    """
    if not re.fullmatch(pattern, name):
        raise Usage(f"{name!r}: {whose} has 1 to 60 letters, digits, dots, dashes and underscores")
    return name


def kept_for(text: str) -> Millis:
    """Return how long something old stays good, as ``--keep`` has it; 0 is no time at all.

    Raises
    ------
    Usage
        If it is no duration.

    Examples
    --------
    >>> kept_for("0"), kept_for("1d")
    (0, 86400000)
    """
    try:
        return 0 if text.strip() == "0" else parse_duration(text)
    except ValueError as error:
        raise Usage(f"--keep: {error}") from None


def moment_of(text: str) -> Millis:
    """Return the time that ``--at`` names; UTC if it names no zone.

    Raises
    ------
    Usage
        If it is no time.

    Examples
    --------
    >>> moment_of("1970-01-02") == moment_of("1970-01-02T01:00+01:00") == 86_400_000
    True
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(
            f"--at {text}: write a date or time, as 2026-12-24 or 2026-12-24T18:00Z"
        ) from None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def present() -> Millis:
    """Return the time."""
    return time.time_ns() // 1_000_000


__all__ = ["kept_for", "moment_of", "named", "present", "some_of"]
