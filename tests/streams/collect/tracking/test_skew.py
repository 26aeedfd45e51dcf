"""Times as devices tell them, and when things really happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, from_datetime
from streams.collect.tracking.skew import NONSENSE, event_time, read_time

AT = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE = 60_000


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000000000Z",
        "2026-01-01t00:00:00z",
        "2026-01-01T01:00:00+01:00",
        "2026-01-01T01:00:00+0100",
        "2025-12-31T19:00-05:00",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00",
        "2026-01-01 00:00:00 UTC",
        "2026-01-01 01:00:00 +0100",
        "2026-01-01 01:00:00.000000 +0100 UTC",
        "2026-01-01",
        "20260101T000000Z",
        " 2026-01-01T00:00:00Z ",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "Thu, 01 Jan 2026 01:00:00 +0100",
        "1767225600",
        "1767225600000",
        1767225600,
        1767225600.0,
        1767225600000,
        1767225600000000,
        1767225600000000000,
    ],
)
def test_a_time_is_read_however_it_is_written(text: object) -> None:
    assert read_time(text) == AT


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-13-01", "2026-01-01T25:00Z", "1e5", "-5", "٣", "0x10", "9" * 400),
        *(None, True, [], {}, -1, float("inf"), float("nan"), 10**30),
    ],
)
def test_what_is_no_time_is_as_if_it_were_absent(text: object) -> None:
    assert read_time(text) is None


def test_milliseconds_are_kept() -> None:
    assert read_time("2026-01-01T00:00:00.123Z") == AT + 123
    assert read_time("2026-01-01T00:00:00.123999Z") == AT + 124
    assert read_time(1767225600.123) == AT + 123


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_iso_time_is_the_moment_that_it_names(moment: datetime, offset: int) -> None:
    there = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=offset)))
    assert read_time(there.isoformat()) == from_datetime(there)


@given(st.text() | st.integers() | st.floats())
def test_nothing_that_is_called_a_time_raises(value: object) -> None:
    found = read_time(value)
    assert found is None or isinstance(found, int)


@given(
    off=st.integers(-50 * 365 * DAY, 50 * 365 * DAY),
    waited=st.integers(0, 30 * DAY),
    under_way=st.integers(0, MINUTE),
)
def test_the_clock_of_the_device_cancels_out(off: int, waited: int, under_way: int) -> None:
    happened = AT
    sent = happened + waited
    received = sent + under_way
    assert event_time(received, sent + off, happened + off) == happened + under_way


@given(st.integers(AT - DAY, AT), st.integers(0, 4_102_444_800_000), st.integers(0, 2 * AT))
def test_nothing_happens_after_it_was_told(received: int, sent: int, original: int) -> None:
    assert 0 <= event_time(received, sent, original) <= received
    assert 0 <= event_time(received, None, original) <= received
    assert event_time(received, sent, None) == received


@pytest.mark.parametrize("sent", [0, 1, AT - NONSENSE - MINUTE, AT + NONSENSE + DAY])
def test_a_send_time_that_cannot_be_leaves_the_time_as_it_was_told(sent: int) -> None:
    assert event_time(AT, sent, AT - 5 * MINUTE) == AT - 5 * MINUTE


def test_history_that_is_sent_now_keeps_its_time() -> None:
    assert event_time(AT, AT, AT - 5 * 365 * DAY) == AT - 5 * 365 * DAY
    assert event_time(AT, AT, AT - 20 * 365 * DAY) == AT - 20 * 365 * DAY


def test_a_clock_that_was_set_in_between_makes_no_event_of_the_future() -> None:
    assert event_time(AT, AT - MINUTE, AT - MINUTE + 500) == AT
