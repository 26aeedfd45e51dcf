"""Kafka's hash: the same numbers as the client that looks at every byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2 as byte_by_byte

from streams.murmur2 import murmur2


@given(st.binary(max_size=2_000))
def test_every_key_has_the_hash_that_other_clients_give_it(key: bytes) -> None:
    assert murmur2(key) == byte_by_byte(key) & 0xFFFFFFFF


def test_a_key_of_any_length_has_it() -> None:
    for length in range(300):
        key = bytes((7 * place + length) % 256 for place in range(length))
        assert murmur2(key) == byte_by_byte(key) & 0xFFFFFFFF
