"""Windows do not care in which order things arrived."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR
from features.tiles import DAYS_KEPT, HOURS_KEPT, KINDS_COUNT, Tiles

NOW = 20_000 * DAY + 5 * HOUR
#: (how long ago, kind, money); quarters add up the same in any order.
HAPPENINGS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 48 * HOUR), st.integers(0, 89 * DAY)),
        st.integers(0, KINDS_COUNT - 1),
        st.integers(-400, 4_000).map(lambda quarters: quarters / 4),
    ),
    max_size=30,
)


def tiles_of(happenings: list[tuple[int, int, float]]) -> Tiles:
    """Return tiles as a state keeps them: what is too old goes whenever a later day begins."""
    tiles, latest = Tiles(), 0
    for ago, kind, money in happenings:
        at = NOW - ago
        if at > latest:
            tiles.forget(at)
            latest = at
        tiles.add(at, kind, money)
    tiles.forget(NOW)
    return tiles


@settings(max_examples=100)
@given(HAPPENINGS, st.randoms(use_true_random=False))
def test_windows_do_not_depend_on_the_order_of_arrival(
    happenings: list[tuple[int, int, float]], chance: object
) -> None:
    shuffled = list(happenings)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    one, other = tiles_of(happenings), tiles_of(shuffled)
    assert (one.hours, one.days) == (other.hours, other.days)
    for days in (1, 7, 30, 90):
        assert one.by_day(NOW, days) == other.by_day(NOW, days)
        assert one.money(NOW, days) == other.money(NOW, days)
    for hours in (1, 24, 48):
        assert one.by_hour(NOW, hours) == other.by_hour(NOW, hours)


@settings(max_examples=100)
@given(HAPPENINGS, st.integers(0, 3 * DAY))
def test_forgetting_takes_nothing_from_any_window_that_can_still_be_asked_for(
    happenings: list[tuple[int, int, float]], later: int
) -> None:
    whole = Tiles()
    for ago, kind, money in happenings:
        whole.add(NOW - ago, kind, money)
    kept = tiles_of(happenings)
    for days in (7, 30, DAYS_KEPT):
        assert kept.by_day(NOW + later, days) == whole.by_day(NOW + later, days)
        assert kept.money(NOW + later, days) == whole.money(NOW + later, days)
    for hours in (24, HOURS_KEPT):
        assert kept.by_hour(NOW + later, hours) == whole.by_hour(NOW + later, hours)


def test_what_is_kept_does_not_grow_with_time() -> None:
    tiles = Tiles()
    for hour in range(0, 400 * 24, 5):
        tiles.add(hour * HOUR, 1, 1.0)
        tiles.forget(hour * HOUR)
    assert len(tiles.hours) <= HOURS_KEPT + 1
    assert len(tiles.days) <= DAYS_KEPT + 1
    assert len(tiles.spend) <= DAYS_KEPT + 1
