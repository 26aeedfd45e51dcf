"""Time as the core counts it: integer milliseconds since 1970, UTC, and nothing else.

Integers compare exactly, survive every encoding, and make "the same log gives the same
state" true to the last bit. Durations are written for people (``30d``) and parsed once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeAlias

Millis: TypeAlias = int

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
WEEK: Millis = 7 * DAY

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")


def parse_duration(text: str) -> Millis:
    """Read a duration as people write it.

    Parameters
    ----------
    text
        A number and a unit: ``ms``, ``s``, ``m`` (minutes), ``h``, ``d`` or ``w``.

    Returns
    -------
    Millis
        The duration in milliseconds.

    Raises
    ------
    ValueError
        If the text is not a number followed by one of the units.

    Examples
    --------
    >>> parse_duration("30d") == 30 * DAY
    True
    >>> parse_duration("1.5h")
    5400000
    >>> parse_duration("soon")
    Traceback (most recent call last):
    ...
    ValueError: 'soon' is not a duration; write a number and a unit, such as 90s, 6h, 30d or 12w
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a duration; write a number and a unit, such as 90s, 6h, 30d or 12w"
        )
    return round(float(match[1]) * _UNITS[match[2]])


def format_duration(span: Millis) -> str:
    """Write a duration the way `parse_duration` reads it, in its largest whole unit.

    Examples
    --------
    >>> format_duration(30 * DAY), format_duration(36 * HOUR), format_duration(2 * WEEK)
    ('30d', '36h', '14d')
    """
    for unit in ("d", "h", "m", "s"):
        if span and span % _UNITS[unit] == 0:
            return f"{span // _UNITS[unit]}{unit}"
    return f"{span}ms"


def to_datetime(at: Millis) -> datetime:
    """Return the moment as an aware UTC datetime.

    Examples
    --------
    >>> to_datetime(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at / SECOND, UTC)


def to_iso(at: Millis) -> str:
    """Return the moment as ISO 8601 with a ``Z``, to the millisecond where there is one.

    Examples
    --------
    >>> to_iso(1_767_225_600_000), to_iso(1_767_225_600_120)
    ('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.120Z')
    """
    precision = "milliseconds" if at % SECOND else "seconds"
    return to_datetime(at).isoformat(timespec=precision).replace("+00:00", "Z")


def from_datetime(moment: datetime) -> Millis:
    """Return an aware datetime as milliseconds.

    Examples
    --------
    >>> from_datetime(datetime(1970, 1, 2, tzinfo=UTC)) == DAY
    True
    """
    return round(moment.timestamp() * SECOND)
