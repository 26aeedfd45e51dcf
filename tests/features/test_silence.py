"""Timers fire once, when the oracle says, and never for what is past."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, NEVER, CustomerState, Definition, Event, decode_state, encode_state
from features.silence import next_check
from tests import oracle
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, arrive, fire_until
from tests.oracle import Timer


def same(found: list[Timer], expected: list[Timer]) -> bool:
    """Compare; the oracle adds gaps up in another order, so its own rhythm may be 1 ms off."""
    return [timer[1:] for timer in found] == [timer[1:] for timer in expected] and all(
        abs(one.at - other.at) <= 1 for one, other in zip(found, expected, strict=True)
    )


@settings(max_examples=150)
@given(histories(most=20), DEFINITIONS, st.booleans())
def test_each_timer_fires_once_and_when_the_oracle_says(
    events: list[Event], definition: Definition, stored: bool
) -> None:
    state = CustomerState(definition)
    fired: list[Timer] = []
    for event in events:
        if stored:
            state = decode_state(encode_state(state), definition)
        fired += arrive(state, event)[0]
    until = state.now + 300 * DAY
    fired += fire_until(state, until)

    expected = oracle.timers(events, definition, until)
    assert same(fired, expected), (fired, expected)
    assert len({(timer.at, timer.cause) for timer in fired}) == len(fired)
    assert state.due() == NEVER


@settings(max_examples=100)
@given(histories(most=20), DEFINITIONS)
def test_nobody_is_looked_at_who_has_been_gone_for_long(
    events: list[Event], definition: Definition
) -> None:
    state = CustomerState(definition)
    for event in [*events, None]:
        until = state.now + 300 * DAY if event is None else event.at
        while state.due() <= until:
            due = state.due()
            last = state.last_activity
            if state.fire() is not None:
                assert 0 <= due - last < definition.active
        if event is not None:
            state.apply(event)


@settings(max_examples=100)
@given(histories(most=12, repeats=False), DEFINITIONS, st.data())
def test_events_from_behind_the_watermark_fire_no_timer_again_and_none_of_the_past(
    events: list[Event], definition: Definition, data: st.DataObject
) -> None:
    # The watermark has gone ahead of this customer, and then come events from before it.
    state = after(events, definition)
    watermark = state.now + data.draw(st.integers(0, 40 * DAY))
    fired = fire_until(state, watermark)
    backs = data.draw(st.lists(st.integers(0, 40 * DAY), min_size=1, max_size=5))
    for number, back in enumerate(backs):
        known = state.now
        state.apply(happened(1_000 + number, "purchase", watermark - back, amount=1.0))
        again = [timer for timer in fire_until(state, watermark) if timer.scored]
        assert all(timer.at >= known for timer in again)
        fired += again
    scored = [(timer.at, timer.cause) for timer in fired if timer.scored]
    assert len(set(scored)) == len(scored), scored


def test_a_session_opened_from_behind_does_not_end_a_second_time_at_the_same_moment() -> None:
    state = after([happened(0, "visit", START)], Definition())
    assert fire_until(state, START + HOUR // 2) == [Timer(START + HOUR // 2, "session_end", True)]
    state.apply(happened(1, "visit", START))
    assert [timer for timer in fire_until(state, START + HOUR // 2) if timer.scored] == []


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        # Nobody's rhythm: the fixed waits alone, below 90 days.
        (0.0, [3, 7.5, 15, 22.5, 30, 45, 60, 75]),
        # Every 5 days: late at 10, 15 is one of both, 25 by his own rhythm.
        (5.0, [3, 7.5, 10, 15, 22.5, 25, 30, 45, 60, 75]),
        # Half a day from a step of the ladder is nothing new: 7.8 is skipped, and 15.6 is not.
        (5.2, [3, 7.5, 10.4, 15, 15.6, 22.5, 26, 30, 45, 60, 75]),
        # So are 7.35 and 14.7, just before one.
        (4.9, [3, 7.5, 9.8, 15, 22.5, 24.5, 30, 45, 60, 75]),
        # Every 60 days: 1.5 times that is when he counts as gone.
        (60.0, [3, 7.5, 15, 22.5, 30, 45, 60, 75]),
        # Every 20 days: 30 and 60 are on the ladder already, 40 is his.
        (20.0, [3, 7.5, 15, 22.5, 30, 40, 45, 60, 75]),
    ],
)
def test_the_ladder_of_a_shop_of_30_days(rhythm: float, expected: list[float]) -> None:
    shop = Definition(horizon=30 * DAY, active=90 * DAY)
    found, after_ = [], START
    while (due := next_check(shop, START, rhythm, after_)) < NEVER:
        found.append((due - START) / DAY)
        after_ = due
    assert found == pytest.approx(expected)


def test_multiples_may_be_written_in_any_order() -> None:
    forwards, backwards = Definition(multiples=(1.5, 3.0)), Definition(multiples=(3.0, 1.5))
    at = [next_check(shop, 0, 8.0, 8 * DAY) for shop in (forwards, backwards)]
    assert at == [12 * DAY, 12 * DAY]


def test_a_session_ends_once_and_before_the_silence_that_begins_there() -> None:
    shop = Definition(session_gap=3 * DAY)  # the first wait of the ladder is 3 days, too
    state = after([happened(0, "visit", START)], shop)
    assert [timer.cause for timer in fire_until(state, START + 3 * DAY)] == [
        "session_end",
        "silence",
    ]


def test_trouble_without_any_activity_arms_no_check() -> None:
    shop = Definition(activity=frozenset({"purchase"}))
    state = after([happened(0, "complaint", START)], shop)
    assert fire_until(state, START + HOUR) == [Timer(START + HOUR // 2, "session_end", False)]
    assert state.due() == NEVER


@given(histories(), DEFINITIONS)
def test_a_state_that_was_just_read_is_due_when_one_that_stayed_in_memory_is(
    events: list[Event], definition: Definition
) -> None:
    held, read = CustomerState(definition), CustomerState(definition)
    for event in events:
        read = decode_state(encode_state(read), definition)
        for state in (held, read):
            while state.due() <= event.at:
                state.fire()
            state.apply(event)
        assert held.due() == read.due()
        assert encode_state(held) == encode_state(read)
