"""A body is unpacked no further than it may become."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collect.answers import Refused
from streams.collect.bodies import unpacked

BOMB = gzip.compress(bytes(50_000_000), 1)


def test_a_bomb_is_given_up_where_it_becomes_too_large() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="too_large"):
            unpacked(BOMB, "gzip", 100_000, lambda size: None)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5), st.integers(0, 1_000))
def test_what_was_packed_comes_out_if_it_is_not_too_large(pieces: list[bytes], most: int) -> None:
    whole, held = b"".join(pieces), []
    packed = b"".join(map(gzip.compress, pieces))
    if len(whole) > most:
        with pytest.raises(Refused, match="too_large"):
            unpacked(packed, "gzip", most, held.append)
    else:
        assert unpacked(packed, "gzip", most, held.append) == whole
        assert sum(held) == len(whole)


@given(st.binary(max_size=300))
def test_whatever_begins_like_gzip_is_unpacked_or_refused(rest: bytes) -> None:
    try:
        unpacked(b"\x1f\x8b" + rest, "", 1_000, lambda size: None)
    except Refused as refused:
        assert refused.code in ("invalid_gzip", "too_large")
