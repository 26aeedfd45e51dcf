from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, HOUR
from streams.replay.span import Span, WrongSpan, parse_span

NEW_YEAR = 1_767_225_600_000


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("kafka://clickstream", Span("clickstream")),
        ("kafka://shop.clickstream/", Span("shop.clickstream")),
        ("kafka://clicks?from=2026-01-01", Span("clicks", since=NEW_YEAR)),
        ("kafka://clicks?to=2026-01-02&from=2026-01-01", Span("clicks", NEW_YEAR, NEW_YEAR + DAY)),
        ("kafka://clicks?from=2026-01-01T01:00", Span("clicks", since=NEW_YEAR + HOUR)),
        ("kafka://clicks?from=2026-01-01T01:00+01:00", Span("clicks", since=NEW_YEAR)),
        ("kafka://clicks?to=2026-01-01T00%3A00Z", Span("clicks", until=NEW_YEAR)),
    ],
)
def test_a_stretch_of_a_topic_is_read(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("kafka://", "names no topic"),
        ("kafka://?from=2026-01-01", "names no topic"),
        ("kafka://clicks/3", "names no topic"),
        ("kafka://[", "Invalid IPv6"),
        ("kafka://clicks?until=2026-01-01", "'until' is neither from nor to"),
        ("kafka://clicks?from=2026-01-01&from=2026-01-02", "from is there twice"),
        ("kafka://clicks?from=yesterday", "from: 'yesterday' is neither a date nor a time"),
        ("kafka://clicks?from=0001-01-01T00:00%2B10:00", "neither a date nor a time"),
        ("kafka://clicks?from=", "'' is neither"),
        ("kafka://clicks?from=2026-01-02&to=2026-01-02", "nothing is from 2026-01-02"),
    ],
)
def test_what_names_no_stretch_is_refused_with_its_reason(text: str, word: str) -> None:
    with pytest.raises(WrongSpan) as refused:
        parse_span(text)
    assert word in str(refused.value)
    assert str(refused.value).startswith(text)


@given(
    st.tuples(st.integers(0, 4 * 10**12), st.integers(0, 4 * 10**12)).filter(
        lambda ends: ends[0] < ends[1]
    )
)
def test_a_stretch_reads_as_it_is_written(ends: tuple[int, int]) -> None:
    span = Span("clickstream", *ends)
    assert parse_span(str(span)) == span
