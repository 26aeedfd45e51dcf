"""Which examples were learnt lately: a worker's crash can send one twice, under the same id.

The ids lie in the store in blocks, as a ring, so that a commit writes one block or two and not
all of them. What comes again after more than `REMEMBERED` others is learnt again.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from features.store import Record, Store

#: Ids of one block, and blocks of the ring.
_BLOCK: Final = 1_024
_BLOCKS: Final = 192
#: How many ids are remembered at least.
REMEMBERED: Final = _BLOCK * (_BLOCKS - 1)
_FREE: Final = 0


class Seen:
    """The ids of the examples that were learnt last.

    Parameters
    ----------
    learnt
        How many were learnt so far.
    blocks
        The blocks of the ring that there are, by number.

    Examples
    --------
    >>> seen = Seen(0, {})
    >>> seen.add("a"), seen.add("b"), seen.add("a")
    (True, True, False)
    >>> sorted(seen.changed())
    ['seen-0']
    """

    def __init__(self, learnt: int, blocks: Mapping[int, bytes]) -> None:
        self._learnt = learnt
        self._blocks = [_unpacked(blocks.get(number, b"")) for number in range(_BLOCKS)]
        # Most of a young ring is free: only what has been stored holds ids.
        stored = (self._blocks[number] for number in blocks)
        self._ids = {each for block in stored for each in block if each != _FREE}
        self._changed: set[int] = set()

    def add(self, example_id: str) -> bool:
        """Remember an id; return whether it is new."""
        short = int.from_bytes(blake2b(example_id.encode(), digest_size=8).digest()) or 1
        if short in self._ids:
            return False
        number, slot = divmod(self._learnt, _BLOCK)
        number %= _BLOCKS
        block = self._blocks[number]
        self._ids.discard(block[slot])
        block[slot] = short
        self._ids.add(short)
        self._changed.add(number)
        self._learnt += 1
        return True

    def changed(self) -> dict[str, Record]:
        """Return the records to store, and take them for stored."""
        records = {_name(number): Record(_packed(self._blocks[number])) for number in self._changed}
        self._changed.clear()
        return records


async def read_seen(store: Store, partition: int, learnt: int) -> Seen:
    """Read which examples were learnt lately."""
    page = await store.read(partition, [_name(number) for number in range(_BLOCKS)], -1, 0)
    found = {number: page.records[_name(number)].state for number in range(_BLOCKS)}
    return Seen(learnt, {number: data for number, data in found.items() if data is not None})


def _name(number: int) -> str:
    return f"seen-{number}"


def _packed(block: array[int]) -> bytes:
    if sys.byteorder == "big":
        block = array("Q", block)
        block.byteswap()
    return block.tobytes()


def _unpacked(data: bytes) -> array[int]:
    block = array("Q")
    block.frombytes(data or bytes(8 * _BLOCK))
    if sys.byteorder == "big":
        block.byteswap()
    return block
