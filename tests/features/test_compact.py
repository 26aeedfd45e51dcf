"""What takes few bytes comes back the same, to the last bit."""

from __future__ import annotations

from array import array
from math import copysign

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compact import (
    Damaged,
    brief,
    flags,
    full,
    pack_steps,
    scaled,
    unpack_steps,
    unscaled,
    which,
    whole,
)
from features.vectors import pack_vector, unpack_vector


@given(st.lists(st.integers(0, 2**62)))
def test_steps_come_back(numbers: list[int]) -> None:
    assert unpack_steps(pack_steps(numbers)) == numbers


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\xff" * 11 + b"\x01"])
def test_a_step_without_an_end_is_refused(data: bytes) -> None:
    with pytest.raises(Damaged):
        unpack_steps(data)


@given(
    st.one_of(
        st.floats(allow_nan=False),
        st.integers(-(10**6), 10**6).map(lambda number: number / 100),
        st.just(-0.0),
    )
)
def test_an_amount_comes_back_to_the_bit(value: float) -> None:
    for again in (unscaled(scaled(value)), float(whole(value))):
        assert (again, copysign(1.0, again)) == (value, copysign(1.0, value))


@given(st.one_of(st.integers(-(2**60), 2**60), st.integers(-99, 99).map(lambda n: n * 1_800_000)))
def test_a_span_comes_back(span: int) -> None:
    assert full(brief(span)) == span


@given(st.lists(st.sampled_from([0, 0, 7, "", "x", (), (0,)]), min_size=1, max_size=20))
def test_the_flags_say_what_is_there(things: list[object]) -> None:
    bits = flags(things)
    assert [bool(bits >> place & 1) for place in range(len(things))] == list(map(bool, things))
    assert bits < 1 << len(things)


@given(st.lists(st.integers(0, 1_000), min_size=16, max_size=16))
def test_the_bits_say_where_there_is_something(counts: list[int]) -> None:
    assert [int(bit) for bit in f"{which(counts):016b}"] == [int(bool(count)) for count in counts]


VALUES = st.one_of(st.integers(0, 256), st.floats(width=32), st.just(-0.0))
VECTORS = st.lists(VALUES, max_size=20).map(lambda values: array("f", values).tobytes())


@settings(max_examples=200)
@given(st.one_of(VECTORS, st.binary(max_size=9)), st.one_of(VECTORS, st.binary(max_size=9)))
def test_a_vector_comes_back_to_the_bit(vector: bytes, before: bytes) -> None:
    packed = pack_vector(vector, before)
    assert unpack_vector(packed, before) == vector
    assert len(packed) <= len(vector) + len(vector) // 16 + 2


@given(st.binary(max_size=40), VECTORS)
def test_what_is_no_vector_is_refused_or_read(packed: bytes, before: bytes) -> None:
    try:
        assert len(unpack_vector(packed, before)) < 1_100
    except Damaged as error:
        assert str(error)


def test_the_same_vector_again_takes_two_bits_a_value() -> None:
    vector = array("f", [0.1] * 54).tobytes()
    assert len(pack_vector(vector, vector)) == 1 + 14
