"""When a customer may be disturbed: quiet hours on the customer's own clock, over a change of time.

A moment is quiet if a clock on the wall there shows a time within the quiet hours. So on the night
on which clocks go back an hour may be quiet twice, and on that on which they go forward quiet hours
may end early, or be skipped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from features import DAY, MINUTE, SECOND, Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Nights in a row that could be skipped before something is wrong with the zone.
_MOST_STEPS: Final = 8


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if 0 < len(name) <= 64 else None
    except (OSError, ValueError, KeyError):
        return None


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name.

    Examples
    --------
    >>> is_zone("Europe/Berlin"), is_zone("Europe/Brelin"), is_zone("../etc/passwd")
    (True, False, False)
    """
    return _zone(name) is not None


def _offset(zone: ZoneInfo, at: Millis) -> Millis:
    offset = (_EPOCH + timedelta(milliseconds=at)).astimezone(zone).utcoffset()
    assert offset is not None  # every zone has one
    return round(offset.total_seconds() * SECOND)


def date_in(zone: str, at: Millis) -> str:
    """Return the date in a time zone; that of UTC if there is no such zone.

    Examples
    --------
    >>> date_in("Asia/Shanghai", 20 * 3_600_000)
    '1970-01-02'
    """
    known = _zone(zone)
    moment = _EPOCH + timedelta(milliseconds=at + (_offset(known, at) if known else 0))
    return moment.date().isoformat()


def permitted_from(start: int, end: int, zone: str, at: Millis) -> Millis:
    """Return the first moment from ``at`` on that is not quiet.

    Parameters
    ----------
    start, end
        Of the quiet hours, in minutes since midnight; at ``end`` they are over.
    zone
        The name of the time zone; UTC if there is none of that name.
    at
        The moment.

    Examples
    --------
    Quiet from 21:00 to 8:00 in Berlin, on a winter evening at 23:30 there.

    >>> at = 20_100 * DAY + 22 * 60 * MINUTE + 30 * MINUTE
    >>> (permitted_from(21 * 60, 8 * 60, "Europe/Berlin", at) - at) / (60 * MINUTE)
    8.5
    """
    known = _zone(zone)
    for _ in range(_MOST_STEPS):
        offset = _offset(known, at) if known else 0
        wait = _left(start, end, (at + offset) % DAY)
        if not wait:
            return at
        then = at + wait
        if known is None or _offset(known, then) == offset:
            return then
        # Clocks are changed meanwhile: look again from there on.
        at = _change(known, offset, at, then)
    return at


def _left(start: int, end: int, clock: Millis) -> Millis:
    """Return how long it stays quiet by a clock that is not changed."""
    since = (clock - start * MINUTE) % DAY
    lasts = (end - start) * MINUTE % DAY
    return lasts - since if since < lasts else 0


def _change(zone: ZoneInfo, offset: Millis, before: Millis, after: Millis) -> Millis:
    """Return the first moment at which a zone no longer has an offset."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


__all__ = ["date_in", "is_zone", "permitted_from"]
