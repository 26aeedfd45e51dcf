"""An event counts once, whatever is sent again and however late it comes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Applied,
    CustomerState,
    Definition,
    Event,
    encode_state,
)
from features.customer import IDS_KEPT
from tests import oracle
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, arrive, fire_until


@settings(max_examples=100)
@given(histories(), DEFINITIONS)
def test_sending_the_whole_history_again_changes_not_one_byte(
    events: list[Event], definition: Definition
) -> None:
    state = after(events, definition)
    before = encode_state(state)
    for event in events:
        fired, applied = arrive(state, event)
        assert (fired, applied in (Applied.DUPLICATE, Applied.TOO_LATE)) == ([], True)
    assert encode_state(state) == before


@settings(max_examples=25)
@given(
    st.integers(IDS_KEPT, 3 * IDS_KEPT),
    st.sampled_from([1, SECOND - 1, SECOND, MINUTE, HOUR, DAY, 3 * DAY]),
    st.randoms(use_true_random=False),
)
def test_sending_more_events_again_than_ids_are_remembered_changes_not_one_byte(
    count: int, pause: int, chance: object
) -> None:
    events = [happened(n, "purchase", START + n * pause, amount=1.0) for n in range(count)]
    state = after(events, Definition())
    before = encode_state(state)
    again = list(events)
    chance.shuffle(again)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    for event in again:
        assert state.apply(event) in (Applied.DUPLICATE, Applied.TOO_LATE)
    assert encode_state(state) == before
    seconds = state.ids.seconds()
    assert sum(second < max(seconds) for second in seconds) <= IDS_KEPT


@settings(max_examples=25)
@given(st.integers(2, 400), st.sampled_from([SECOND, MINUTE, HOUR, DAY, 30 * DAY]))
def test_events_in_order_are_all_counted_however_many(count: int, pause: int) -> None:
    events = [happened(n, "visit", START + n * pause) for n in range(count)]
    assert after(events, Definition()).events == count


def test_the_lines_of_one_large_basket_are_all_counted() -> None:
    # One receipt: every line carries the same time.
    lines = [happened(n, "purchase", START, amount=1.0, order_id="o") for n in range(170)]
    state = after(lines, Definition())
    assert (state.events, state.money.orders, state.money.spent) == (170, 1, 170.0)


@settings(max_examples=100)
@given(histories(), DEFINITIONS)
def test_what_became_of_each_event_is_said(events: list[Event], definition: Definition) -> None:
    state = CustomerState(definition)
    kept: list[Event] = []
    for event in events:
        _, applied = arrive(state, event)
        now_kept = oracle.counted([*kept, event])
        if len(now_kept) == len(kept):
            assert applied in (Applied.DUPLICATE, Applied.TOO_LATE)
        else:
            late = bool(kept) and event.at < max(each.at for each in kept)
            assert applied is (Applied.LATE if late else Applied.NEW)
        kept = now_kept
    assert state.events == len(kept)


def test_an_event_from_before_what_is_kept_is_refused_whole() -> None:
    state = after([happened(0, "visit", START + 100 * DAY)], Definition())
    before = encode_state(state)
    assert state.apply(happened(1, "purchase", START + 10 * DAY - 1)) is Applied.TOO_LATE
    assert encode_state(state) == before
    assert state.apply(happened(2, "purchase", START + 10 * DAY)) is Applied.LATE


def test_traits_are_bounded_in_number_and_length() -> None:
    many = [
        happened(n, "visit", START + n, traits={f"t{n}": "x" * 1_000, "city": None})
        for n in range(40)
    ]
    state = after(many, Definition())
    assert len(state.traits) == 16
    assert {len(value) for value in state.traits.values()} == {64}
    state.apply(happened(99, "visit", START + 99, traits={"t0": "new", "t99": "none of these"}))
    assert state.traits["t0"] == "new" and "t99" not in state.traits


def test_a_late_event_moves_neither_the_session_nor_the_timers() -> None:
    shop = Definition()
    state = after([happened(0, "visit", START), happened(1, "visit", START + 5 * DAY)], shop)
    session = (state.session.start, state.session.last, state.session.events)
    due = state.due()
    assert state.apply(happened(2, "product_added", START + 2 * DAY)) is Applied.LATE
    assert (state.session.start, state.session.last, state.session.events) == session
    assert (state.due(), state.rhythm.days, state.rhythm.last_gap) == (due, 2, 5)
    assert state.events == 3
    assert fire_until(state, START + 5 * DAY) == []
