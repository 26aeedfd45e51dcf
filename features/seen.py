"""The ids of the events that a customer had, so that a repeat is known.

Most are kept as they are stored, four bytes an id in the order of their seconds and the steps
from one second to the next: to know a repeat, nothing need be unpacked. Those that came since lie
beside them until they are stored, too.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import lt, sub
from struct import Struct
from typing import Final

from features.compact import Damaged, pack_steps, unpack_steps

_ID: Final = Struct("<I")


class SeenIds:
    r"""Ids with the second of their event.

    Examples
    --------
    >>> seen = SeenIds()
    >>> seen.fresh[3_000_000_000] = 7
    >>> seen.fresh[5] = 8
    >>> seen.store()
    (8, b'\x00^\xd0\xb2\x05\x00\x00\x00', b'\x01')
    >>> 5 in seen, 6 in seen, len(seen), dict(seen.items())
    (True, False, 2, {3000000000: 7, 5: 8})
    """

    __slots__ = ("_keys", "_last", "_steps", "fresh")

    def __init__(self, last: int = 0, keys: bytes = b"", steps: bytes = b"") -> None:
        #: Those that came since the others were stored.
        self.fresh: dict[int, int] = {}
        self._last = last
        self._keys = keys
        self._steps = steps

    def __contains__(self, key: int) -> bool:
        return key in self.fresh or (bool(self._keys) and self.is_stored(key))

    def is_stored(self, key: int) -> bool:
        """Whether an id is among those that were stored."""
        keys, word = self._keys, _ID.pack(key)
        place = keys.find(word)
        # The bytes of two neighbours may look like it.
        while place > 0 and place & 3:
            place = keys.find(word, place + 1)
        return place >= 0

    def __len__(self) -> int:
        return len(self._keys) // 4 + len(self.fresh)

    def items(self) -> Iterator[tuple[int, int]]:
        """Return every id with its second."""
        yield from zip(_numbers(self._keys), self._seconds(), strict=True)
        yield from self.fresh.items()

    def seconds(self) -> list[int]:
        """Return the second of every id."""
        return [*self._seconds(), *self.fresh.values()]

    def _seconds(self) -> Iterable[int]:
        if not self._keys:
            return ()
        steps = unpack_steps(self._steps)
        return accumulate(steps, initial=self._last - sum(steps))

    def forget(self, oldest: int) -> None:
        """Forget those of the seconds before one."""
        fresh = self.fresh
        if fresh and min(fresh.values()) < oldest:
            self.fresh = {key: second for key, second in fresh.items() if second >= oldest}
        if not self._keys:
            return
        if self._last < oldest:
            self._keys = self._steps = b""
            self._last = 0
            return
        forgotten = sum([second < oldest for second in self._seconds()])
        if forgotten:
            self._keys = self._keys[4 * forgotten :]
            self._steps = _without(self._steps, forgotten)

    def store(self) -> tuple[int, bytes, bytes]:
        """Return the last second, the ids in the order of theirs, and the steps between them.

        Of one second, the lower id comes first: the same ids are always stored alike.
        """
        if self.fresh:
            keys, seconds = _in_order(self.fresh.items())
            if not self._keys:
                self._steps = pack_steps(map(sub, seconds[1:], seconds))
                self._keys = _words(keys)
            elif seconds[0] > self._last:
                self._steps += pack_steps(map(sub, seconds, (self._last, *seconds)))
                self._keys += _words(keys)
            else:
                keys, seconds = _in_order(self.items())
                self._steps = pack_steps(map(sub, seconds[1:], seconds))
                self._keys = _words(keys)
            self._last = seconds[-1]
            self.fresh = {}
        return self._last, self._keys, self._steps

    @classmethod
    def stored(cls, last: int, keys: bytes, steps: bytes) -> SeenIds:
        """Return the ids that `store` gave.

        Raises
        ------
        Damaged
            If there are not as many ids as steps.
        """
        # A step ends with a byte below 128.
        ends = len(steps.translate(None, _GOES_ON))
        if len(keys) % 4 or ends != max(len(keys) // 4 - 1, 0):
            raise Damaged(f"{len(keys)} bytes of ids have {ends} steps")
        return cls(last, keys, steps)


_GOES_ON: Final = bytes(range(128, 256))


def _without(steps: bytes, count: int) -> bytes:
    """Return the steps without the first ones."""
    for place, byte in enumerate(steps, 1):
        count -= byte < 128
        if not count:
            return steps[place:]
    return b""


def _in_order(items: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    keys, seconds = zip(*items, strict=True)
    if not all(map(lt, seconds, seconds[1:])):
        seconds, keys = zip(*sorted(zip(seconds, keys, strict=True)), strict=True)
    return keys, seconds


def _words(keys: Iterable[int]) -> bytes:
    words = array("I", keys)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _numbers(data: bytes) -> array[int]:
    words = array("I", data)
    if sys.byteorder == "big":
        words.byteswap()
    return words
