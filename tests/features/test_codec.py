"""A state survives being stored, at any point and any number of times."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    CustomerState,
    Definition,
    Event,
    UnknownStateVersion,
    build_catalogue,
    decode_state,
    encode_state,
)
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, arrive, fire_until


@settings(max_examples=100)
@given(histories(), DEFINITIONS, st.sets(st.integers(0, 40)))
def test_storing_a_state_at_any_point_changes_nothing_of_what_follows(
    events: list[Event], definition: Definition, points: set[int]
) -> None:
    never = CustomerState(definition)
    stored = CustomerState(definition)
    for place, event in enumerate(events):
        said = arrive(never, event)
        assert arrive(stored, event) == said
        if place in points:
            stored = decode_state(encode_state(stored), definition)
            assert encode_state(stored) == encode_state(never)
    assert encode_state(stored) == encode_state(never)

    later = never.now + 50 * DAY
    stored = decode_state(encode_state(stored), definition)
    assert fire_until(stored, later) == fire_until(never, later)
    assert encode_state(stored) == encode_state(never)
    catalogue = build_catalogue(definition)
    assert catalogue.vector(stored, later) == catalogue.vector(never, later)


def test_a_customer_of_one_visit_is_stored_in_few_bytes() -> None:
    state = after([happened(0, "visit", START)], Definition())
    assert len(encode_state(state)) < 200


def test_what_a_newer_ebbtide_wrote_is_not_guessed_at() -> None:
    newer = msgspec.msgpack.encode([2, "who knows"])
    with pytest.raises(UnknownStateVersion, match=r"version 2 .* rebuild the state"):
        decode_state(newer, Definition())


@pytest.mark.parametrize("time", [0, 1, 4_102_444_800_000])
def test_the_first_and_last_times_that_an_event_may_have_can_be_stored(time: int) -> None:
    state = after([happened(0, "purchase", time, amount=1.0)], Definition())
    assert encode_state(decode_state(encode_state(state), Definition())) == encode_state(state)
