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
    return {name: getattr(rhythm, name) for name in Rhythm.__slots__ if name != "_horizon_days"}


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
    again = stored_and_read(rhythm)
    assert told(again) == told(rhythm)
    assert pack_rhythm(again) == pack_rhythm(rhythm)


@settings(max_examples=100)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 12), st.booleans()), min_size=1, max_size=4
    ),
)
def test_gaps_are_known_only_where_all_else_follows_from_them(
    gaps: list[int], inserted: list[tuple[int, int, bool]]
) -> None:
    rhythm, stored = visited(gaps), visited(gaps)
    days = {rhythm.last_day - sum(gaps[place:]) for place in range(len(gaps) + 1)}
    for before, forgotten, is_stored in inserted:
        day = rhythm.last_day - before
        if day in days:
            continue
        if is_stored:
            stored = stored_and_read(stored)
        # Of those of long ago not all are known any more.
        known = sorted(days)[forgotten:]
        news = rhythm.insert(day, known, H)
        assert stored.insert(day, known, H) is news
        assert told(stored) == told(rhythm)
        if news:
            days.add(day)
        if rhythm.gaps is not None:
            assert told(Rhythm.of_gaps(rhythm.last_day, list(rhythm.gaps), H)) == told(rhythm)
        assert told(stored_and_read(rhythm)) == told(rhythm)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(-3, 40), st.booleans()), min_size=1, max_size=GAPS_KEPT + 6))
def test_storing_a_rhythm_at_any_point_changes_nothing(visits: list[tuple[int, bool]]) -> None:
    never, stored = visited([]), visited([])
    for pause, is_stored in visits:
        if is_stored:
            stored = stored_and_read(stored)
        assert stored.mean == never.mean
        day = never.last_day + pause
        assert stored.visit(day, H) is never.visit(day, H)
        assert pack_rhythm(stored) == pack_rhythm(never)
    assert stored.mean == never.mean
    assert told(stored) == told(never)


def stored_and_read(rhythm: Rhythm) -> Rhythm:
    span = rhythm.last_day - rhythm.first_day
    return unpack_rhythm(pack_rhythm(rhythm), rhythm.last_day, span, H)


def test_who_never_came_has_no_rhythm() -> None:
    assert told(unpack_rhythm(pack_rhythm(Rhythm()), 0, 0, H)) == told(Rhythm())
