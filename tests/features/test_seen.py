"""A repeat is known whether or not the ids were stored since, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compact import Damaged
from features.seen import SeenIds

#: Ids whose bytes look like those of their neighbours.
KEYS = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 256, 0x01000000, 0x01010101]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS, st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))),
        st.tuples(st.just("store"), KEYS, st.just(0)),
        st.tuples(st.just("forget"), KEYS, st.one_of(st.integers(0, 9), st.integers(0, 2**32))),
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(STEPS)
def test_ids_are_known_until_they_are_forgotten(steps: list[tuple[str, int, int]]) -> None:
    seen, plain = SeenIds(), dict[int, int]()
    for verb, key, second in steps:
        assert (key in seen) is (key in plain)
        if verb == "add" and key not in plain:
            seen.fresh[key] = plain[key] = second
        elif verb == "store":
            seen = SeenIds.stored(*seen.store())
        elif verb == "forget":
            seen.forget(second)
            plain = {each: when for each, when in plain.items() if when >= second}
        assert dict(seen.items()) == plain
        assert sorted(seen.seconds()) == sorted(plain.values())
        assert len(seen) == len(plain)
    other = SeenIds()
    other.fresh = dict(sorted(plain.items()))
    assert seen.store() == other.store()


@pytest.mark.parametrize(
    ("keys", "steps"),
    [(b"abc", b""), (b"abcdefgh", b""), (b"abcd", b"\x01"), (b"abcdefgh", b"\x81")],
)
def test_ids_that_do_not_fit_their_steps_are_refused(keys: bytes, steps: bytes) -> None:
    with pytest.raises(Damaged):
        SeenIds.stored(7, keys, steps)
