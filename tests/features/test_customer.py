"""An event counts once, whatever is sent again and however late it comes."""

from __future__ import annotations

from random import Random

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
    decode_state,
    encode_state,
)
from features.customer import IDS_KEPT
from features.tiles import DAYS_KEPT
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


def ids_by_the_rule(times: list[int]) -> tuple[list[int], int]:
    """Return the seconds that are remembered after events, and the floor: slow, plainly right."""
    seconds: list[int] = []
    floor, last = 0, -1
    for at in times:
        if at < floor:
            continue
        seconds.append(at // SECOND)
        if at >= last:
            floor = max(floor, (at // DAY - DAYS_KEPT) * DAY)
            last = at
        seconds = sorted(second for second in seconds if second >= floor // SECOND)
        if len(seconds) > IDS_KEPT:
            # A third of them or so goes at once, but never some of one second, nor the newest.
            gone = [second for second in seconds if second <= seconds[-97]]
            if gone[-1] == seconds[-1]:
                gone = [second for second in seconds if second < seconds[-1]]
            if gone:
                floor = (gone[-1] + 1) * SECOND
                seconds = seconds[len(gone) :]
    return seconds, floor


@settings(max_examples=25)
@given(
    st.integers(0, 1_000).map(Random),
    st.sampled_from([SECOND // 4, SECOND, MINUTE, HOUR, DAY]),
    st.sampled_from([0.0, 0.02, 0.3]),
    st.sampled_from([0, 1, 50]),
)
def test_the_oldest_ids_are_forgotten_in_whatever_order_events_come(
    chance: Random, pause: int, late: float, stored_every: int
) -> None:
    times = [START + n * pause for n in range(chance.randrange(100, 500))]
    times = [at - chance.randrange(90 * pause) * (chance.random() < late) for at in times]
    state = CustomerState(Definition())
    for number, at in enumerate(times):
        state.apply(happened(number, "visit", at))
        if stored_every and number % stored_every == 0:
            state = decode_state(encode_state(state), Definition())

    assert (sorted(state.ids.seconds()), state.floor) == ids_by_the_rule(times)


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
