"""Quiet hours on a clock that is set back and forth, against one that is read every minute."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, MINUTE, from_datetime, to_iso
from models.playbooks.quiet import date_in, is_zone, permitted_from

ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu"),
    # Half an hour of summer; a day that never was; a change at midnight; a month without fasting.
    *("Australia/Lord_Howe", "Pacific/Apia", "America/Asuncion", "Africa/Casablanca"),
]
CHANGES = [
    *("2025-03-30", "2025-10-26", "2025-03-09", "2025-11-02", "2025-04-06", "2025-10-05"),
    *("2011-12-30", "2024-03-24", "2024-10-06", "2025-02-23", "2025-04-06", "2025-07-01"),
]


def stepped(start: int, end: int, zone: str, at: int) -> int:
    """Look at the clock now, and then at the beginning of every minute."""
    clock = ZoneInfo(zone)
    while True:
        here = datetime.fromtimestamp(at / 1000, UTC).astimezone(clock)
        now = here.hour * 60 + here.minute
        quiet = start <= now < end if start < end else now >= start or now < end
        if not quiet:
            return at
        at = (at // MINUTE + 1) * MINUTE


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
    st.integers(-DAY, 2 * DAY),
    st.integers(0, 95),
    st.integers(1, 95),
)
def test_the_next_permitted_moment_is_the_one_that_the_clock_shows(
    zone: str, day: str, after: int, start: int, lasts: int
) -> None:
    at = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC)) + after
    begin, end = start * 15, (start + lasts) * 15 % (24 * 60)
    assert permitted_from(begin, end, zone, at) == stepped(begin, end, zone, at)


@pytest.mark.parametrize(
    ("start", "end", "zone", "at", "then"),
    [
        # Clocks go from 2:00 to 3:00, and back from 3:00 to 2:00.
        (22, 8, "Europe/Berlin", "2025-03-29T23:30:00Z", "2025-03-30T06:00:00Z"),
        (22, 8, "Europe/Berlin", "2025-10-25T21:30:00Z", "2025-10-26T07:00:00Z"),
        (2, 3, "Europe/Berlin", "2025-03-30T01:00:00Z", "2025-03-30T01:00:00Z"),
        (2, 3, "Europe/Berlin", "2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z"),
        (21, 8, "Nowhere/Land", "2025-10-26T07:59:59Z", "2025-10-26T08:00:00Z"),
        (21, 8, "Asia/Shanghai", "2025-06-01T00:00:00Z", "2025-06-01T00:00:00Z"),
    ],
)
def test_some_nights_by_hand(start: int, end: int, zone: str, at: str, then: str) -> None:
    moment = from_datetime(datetime.fromisoformat(at))
    assert to_iso(permitted_from(start * 60, end * 60, zone, moment)) == then


def test_a_zone_that_a_customer_names_is_looked_up_and_nothing_else() -> None:
    assert not any(map(is_zone, ["", "x" * 1_000, "../../etc/passwd", "/etc/passwd", "a\0b", "."]))
    assert date_in("Nowhere/Land", DAY - 1) == "1970-01-01"
