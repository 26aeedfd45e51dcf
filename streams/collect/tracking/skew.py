"""When something happened, though the device that says so may have a wrong clock.

A device tells when something happened (``timestamp`` or ``originalTimestamp``) and when it sent
that (``sentAt``), and the collector knows when it came. What lies between the first two is
right even if both are wrong by years, so the time of the event is
``receivedAt - (sentAt - originalTimestamp)``.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from features import DAY, Millis, from_datetime

#: No device keeps an event for so long: one of its two times is not one.
NONSENSE: Final[Millis] = 3_650 * DAY
#: Numbers from these on are milliseconds, microseconds, nanoseconds; below, seconds.
_SCALES: Final = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1e3))
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]+)?")
#: How Go prints a time: the offset stands apart, and the zone's name behind it.
_APART: Final = re.compile(r" ?([+-]\d\d:?\d\d)?(?: (?:UTC|GMT))?$")


def read_time(value: object) -> Millis | None:
    """Read a time as an SDK, a server or a person may have written it.

    Parameters
    ----------
    value
        ISO 8601 in any of its forms (without a zone it is UTC), the date of an e-mail, or a
        number since 1970: seconds, milli-, micro- or nanoseconds, told apart by their size.

    Returns
    -------
    Millis or None
        None for what is no time, as if it were absent.

    Examples
    --------
    >>> read_time("1970-01-02T00:00:00.250Z"), read_time("1970-01-02"), read_time("86400.25")
    (86400250, 86400000, 86400250)
    >>> read_time(1_767_225_600), read_time(1_767_225_600_000), read_time("yesterday")
    (1767225600000, 1767225600000, None)
    """
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _scaled(value)
    return None


def _read_text(text: str) -> Millis | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        text = text.strip()
        if _NUMBER.fullmatch(text):
            return _scaled(float(text))
        found = _unusual(text)
        if found is None:
            return None
        moment = found
    try:
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (OverflowError, ValueError):
        return None


def _unusual(text: str) -> datetime | None:
    """Read the forms that are rare."""
    # The longest that is a time has some 40 characters; nothing longer is worth a look.
    if not 8 <= len(text) <= 64:
        return None
    try:
        return datetime.fromisoformat(_APART.sub(r"\1", text.upper()))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _scaled(number: float) -> Millis | None:
    # A whole number of JSON can have any length, and then be too large for a float.
    if not 0 <= number < 1e20 or not math.isfinite(number):
        return None
    return round(number * next(scale for least, scale in _SCALES if number >= least))


def event_time(received_at: Millis, sent_at: Millis | None, original: Millis | None) -> Millis:
    """Return when something happened, by the collector's clock.

    Parameters
    ----------
    received_at
        When the request came, by the collector's clock.
    sent_at
        When the device says that it sent the request.
    original
        When the device says that it happened.

    Returns
    -------
    Millis
        Never later than ``received_at``. Without ``sent_at``, or with one that cannot be (ten
        years from ``original``, so not by the same clock), the device's own time as it is;
        without any time, ``received_at``.

    Examples
    --------
    A phone whose clock stands at 1970, and which kept the event for a minute:

    >>> event_time(1_767_225_600_000, sent_at=90_000, original=30_000)
    1767225540000
    """
    if original is None:
        return received_at
    at = original
    if sent_at is not None:
        waited = sent_at - original
        if 0 <= waited <= NONSENSE:
            at = received_at - waited
        elif -DAY <= waited < 0:
            # Clocks are set while a page is open, and some SDKs round one of the two times.
            at = received_at
    return at if 0 <= at <= received_at else received_at
