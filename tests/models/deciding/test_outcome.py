"""What a CRM reports: read when it can be used, and refused with the field and the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.deciding import InvalidOutcome, Outcome, decode_outcome, encode_outcome

GOOD: dict[str, Any] = {
    "outcome_id": "o",
    "alert_id": "a1",
    "user_id": "ada",
    "type": "redeemed",
    "time": "2026-01-02T00:00:00Z",
}


def read(**more: Any) -> Outcome:
    return decode_outcome(json.dumps({**GOOD, **more}).encode())


def test_an_outcome_is_read() -> None:
    found = read(cost=4, stray="ignored")
    assert (found.type, found.time) == ("redeemed", datetime(2026, 1, 2, tzinfo=UTC))
    assert (found.cost, found.value) == (4.0, None)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200),
    st.floats(0, 1e9),
    st.floats(-1e9, 1e9),
)
def test_an_outcome_survives_the_wire(name: str, cost: float, value: float) -> None:
    found = read(outcome_id=name, cost=cost, value=value)
    assert decode_outcome(encode_outcome(found)) == found


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"type": "vanished"}, "type", "vanished"),
        ({"time": "2026-01-02T00:00:00"}, "time", "timezone"),
        ({"time": "1969-12-31T00:00:00Z"}, "time", "between 1970 and 2100"),
        ({"cost": -0.01}, "cost", ">= 0"),
        ({"value": 1e10}, "value", "<= "),
        ({"alert_id": "a\nb"}, "alert_id", "control"),
        ({"v": 2}, "v", "<= 1"),
    ],
)
def test_what_cannot_be_used_is_named(more: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidOutcome, match=words) as refused:
        read(**more)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "empty"),
        (b"{", "truncated"),
        (b"[" * 100_000, "more than the"),
        (b"[" * 30_000, "nested|truncated|object"),
        (b"{}", "outcome_id"),
        (b"\xff", "malformed|UTF"),
    ],
)
def test_what_is_no_outcome_at_all_says_so(raw: bytes | None, words: str) -> None:
    with pytest.raises(InvalidOutcome, match=words):
        decode_outcome(raw)
