"""The segment of a customer is what the rules say of the days on which they came."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, Millis, build_catalogue
from models.understanding import SEGMENTS, Lifecycle

H = 20
SHOP = Definition(horizon=H * DAY, active=400 * DAY)
CATALOGUE = build_catalogue(SHOP)
LIFECYCLE = Lifecycle(CATALOGUE.index, SHOP.horizon_days)


def slowly(days: list[int], at: Millis) -> str:
    """Return the segment by the rules of the module, from the days themselves."""
    if at - days[0] * DAY < H * DAY:
        return "new"
    distinct = sorted(set(days))
    if len(distinct) == 1:
        return "one-time"
    gaps = [after - before for before, after in pairwise(distinct)]
    weights = [0.97 ** (len(gaps) - 1 - place) for place in range(len(gaps))]
    usual = sum(w * gap for w, gap in zip(weights, gaps, strict=True)) / sum(weights)
    if len(distinct) < 3 or np.float32(usual) > H:
        return "occasional"
    if len(distinct) >= 6 and distinct[-1] - distinct[0] >= 2 * H:
        return "loyal"
    return "regular"


def vector_of(days: list[int], at: Millis) -> list[float]:
    state = CustomerState(SHOP)
    for number, day in enumerate(days):
        state.apply(
            Event(event_id=str(number), user_id="ada", type="purchase", time=day * DAY, amount=1)
        )
    return list(CATALOGUE.vector(state, at))


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[int], Millis]:
    """Draw days with gaps around those at which the rules change, and a time after them."""
    gaps = draw(st.lists(st.sampled_from([0, 1, 3, 7, 8, H - 1, H, H + 1, 3 * H]), max_size=12))
    days = [int(day) for day in np.cumsum([1_000, *gaps])]
    silence = draw(st.sampled_from([0, 1, H - 1, H, H + 1, 10 * H]))
    return days, (days[-1] + silence) * DAY


@given(st.lists(lives(), min_size=1, max_size=8))
def test_a_segment_is_what_the_days_say(found: list[tuple[list[int], Millis]]) -> None:
    vectors = np.array([vector_of(*life) for life in found], dtype=np.float32)
    assert LIFECYCLE.of(vectors) == [slowly(*life) for life in found]
    assert LIFECYCLE.of_one(vectors[0].tolist()) == slowly(*found[0])


@pytest.mark.parametrize(
    ("days", "silence", "segment"),
    [
        ([0], 19, "new"),
        ([0], 20, "one-time"),
        ([0, 1, 2, 3, 4, 5, 6], 1, "new"),
        ([0, 40], 0, "occasional"),
        ([0, 30, 60, 90], 0, "occasional"),
        ([0, 10, 20], 0, "regular"),
        ([0, 10, 20], 300, "regular"),
        ([0, 8, 16, 24, 32, 39], 0, "regular"),
        ([0, 8, 16, 24, 32, 40], 0, "loyal"),
        ([0, 8, 16, 24, 32, 40], 300, "loyal"),
        ([0, 0, 0, 0, 0, 0], 300, "one-time"),
    ],
)
def test_the_words_are_those_of_a_shop_owner(days: list[int], silence: int, segment: str) -> None:
    later = [1_000 + day for day in days]
    assert LIFECYCLE.of_one(vector_of(later, (later[-1] + silence) * DAY)) == segment


def test_nobody_is_left_without_a_segment() -> None:
    empty = np.zeros((0, len(CATALOGUE.names)), dtype=np.float32)
    assert LIFECYCLE.of(empty) == []
    nothing_known = vector_of([], 0)
    assert LIFECYCLE.of_one(nothing_known) == "new"
    assert LIFECYCLE.of_one([1e9] * len(CATALOGUE.names)) in SEGMENTS
