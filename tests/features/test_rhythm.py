"""A rhythm follows from its gaps, as long as it says that it does."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from features.rhythm import GAPS_KEPT, Rhythm
from features.rhythm_codec import pack_rhythm, unpack_rhythm

H = 30.0
DAYS = st.lists(st.one_of(st.integers(1, 9), st.integers(1, 400)), max_size=GAPS_KEPT + 6)


def told(rhythm: Rhythm) -> dict[str, Any]:
    return {name: getattr(rhythm, name) for name in Rhythm.__slots__}


def visited(gaps: list[int]) -> Rhythm:
    rhythm, day = Rhythm(), 18_000
    rhythm.visit(day, H)
    for gap in gaps:
        rhythm.visit(day := day + gap, H)
    return rhythm


@settings(max_examples=100)
@given(DAYS)
def test_a_rhythm_is_known_again_to_the_last_bit_however_many_gaps_it_has(gaps: list[int]) -> None:
    rhythm = visited(gaps)
    assert rhythm.gaps == (gaps if len(gaps) < GAPS_KEPT else None)
    packed = pack_rhythm(rhythm)
    again = unpack_rhythm(packed, rhythm.last_day, rhythm.last_day - rhythm.first_day, H)
    assert told(again) == told(rhythm)
    assert pack_rhythm(again) == packed


@settings(max_examples=100)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12)), min_size=1, max_size=4),
)
def test_gaps_are_known_only_where_all_else_follows_from_them(
    gaps: list[int], inserted: list[tuple[int, int]]
) -> None:
    rhythm = visited(gaps)
    days = {rhythm.last_day - sum(gaps[place:]) for place in range(len(gaps) + 1)}
    for before, forgotten in inserted:
        day = rhythm.last_day - before
        if day in days:
            continue
        # Of those of long ago not all are known any more.
        if rhythm.insert(day, sorted(days)[forgotten:], H):
            days.add(day)
        if rhythm.gaps is not None:
            assert told(Rhythm.of_gaps(rhythm.last_day, list(rhythm.gaps), H)) == told(rhythm)
        packed = pack_rhythm(rhythm)
        again = unpack_rhythm(packed, rhythm.last_day, rhythm.last_day - rhythm.first_day, H)
        assert told(again) == told(rhythm)


def test_who_never_came_has_no_rhythm() -> None:
    assert told(unpack_rhythm(pack_rhythm(Rhythm()), 0, 0, H)) == told(Rhythm())
