"""A vector is had again from what it is made of, to the last bit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    HOUR,
    CustomerState,
    Damaged,
    Definition,
    Event,
    Sketch,
    build_catalogue,
    decode_state,
    encode_state,
)
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, arrive, fire_until

CATALOGUE = build_catalogue(Definition())


@settings(max_examples=100)
@given(histories(), DEFINITIONS, st.lists(st.integers(0, 9 * DAY), min_size=1), st.data())
def test_vectors_come_back_each_after_the_one_before(
    events: list[Event], definition: Definition, pauses: list[int], data: st.DataObject
) -> None:
    catalogue = build_catalogue(definition)
    state = CustomerState(definition)
    seen = []
    for place, event in enumerate(events):
        arrive(state, event)
        at = state.now + pauses[place % len(pauses)]
        if state.last_seen < 0 or data.draw(st.booleans()):
            continue
        fire_until(state, at)
        vector, sketch = catalogue.sketched(state, at)
        assert vector == catalogue.vector(state, at)
        assert sketch is not None
        seen.append((at, vector.tobytes(), sketch))
        if data.draw(st.booleans()):
            state = decode_state(encode_state(state), definition)
    gaps = state.rhythm.gaps
    assert gaps is not None
    before = again = None
    for at, vector_bytes, sketch in seen:
        assert sketch.vector(at, definition.horizon_days) == vector_bytes
        packed = sketch.pack(before)
        # Whatever gaps follow, those of then come first.
        again = Sketch(gaps, None, packed, again)
        assert again.vector(at, definition.horizon_days) == vector_bytes
        assert again.pack(before and again._before) == packed
        before = sketch
    for at, vector_bytes, sketch in seen:
        assert sketch.vector(at, definition.horizon_days) == vector_bytes


@pytest.mark.parametrize("amount", [1e15, 3e17, -2e15, 0.1 + 0.2, 1e-9, -0.0])
def test_an_amount_that_is_no_hundredths_comes_back_too(amount: float) -> None:
    shop = Definition(amount_cap=1e18)
    state = after([happened(0, "purchase", START, amount=amount)], shop)
    vector, sketch = CATALOGUE.sketched(state, START + HOUR)
    assert sketch is not None
    again = Sketch(sketch.gaps, None, sketch.pack(None))
    assert again.vector(START + HOUR, shop.horizon_days) == vector.tobytes()


def test_a_vector_of_silence_takes_few_bytes_after_another() -> None:
    visits = [happened(n, "product_viewed", START + n * 5 * DAY + n % 3) for n in range(12)]
    visits += [happened(90 + n, "purchase", START + n * 5 * DAY, amount=9.5) for n in range(12)]
    state = after(sorted(visits, key=lambda event: event.at), Definition())
    sketches = []
    for days in (3, 8, 15):
        fire_until(state, state.last_seen + days * DAY)
        sketches.append(CATALOGUE.sketched(state, state.last_seen + days * DAY)[1])
    first, second, third = sketches
    assert first is not None
    assert second is not None
    assert third is not None
    assert len(first.pack(None)) < 50
    assert len(second.pack(first)) < 20
    assert len(third.pack(second)) < 20


def test_a_rhythm_of_very_many_days_is_not_told_by_its_gaps() -> None:
    state = after([happened(n, "visit", START + n * DAY) for n in range(64)], Definition())
    assert CATALOGUE.sketched(state, state.now)[1] is not None
    arrive(state, happened(64, "visit", START + 64 * DAY))
    assert CATALOGUE.sketched(state, state.now)[1] is None


def test_another_catalogue_has_no_sketches() -> None:
    other = type(CATALOGUE)(CATALOGUE.features[1:])
    state = after([happened(0, "visit", START)], Definition())
    vector, sketch = other.sketched(state, START)
    assert sketch is None
    assert list(vector) == list(CATALOGUE.vector(state, START))[1:]


@pytest.mark.parametrize(
    "fields",
    [[], [1], [1 << 40, 1], [3, 0, 9], [3, 0, "x"], [2, -1], [1 << 2, "x"], [3, "x", 1], [5, 1]],
)
def test_what_is_no_sketch_is_refused(fields: list[object]) -> None:
    packed = msgspec.msgpack.encode(fields)
    with pytest.raises(Damaged):
        Sketch([5], None, packed).vector(START, 30.0)
