"""What two models said of one decision, kept until its label is known."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from features import Millis

_PAIR: Final = np.dtype(
    [("user", "<u8"), ("decision", "<u8"), ("at", "<i8"), ("champion", "<f4"), ("rival", "<f4")]
)


class Pairs:
    """What both models said of decisions whose labels are awaited: of a customer, one a horizon.

    The last pairs lie in a ring of blocks, so that what is new can be stored without the rest.

    Parameters
    ----------
    horizon
        H, in milliseconds.
    made
        How many pairs were ever made.
    first
        Number of the oldest pair that still counts.
    blocks
        The blocks of the ring that there are, by number.
    size
        Blocks of the ring.

    Examples
    --------
    >>> from features import DAY
    >>> pairs = Pairs(30 * DAY)
    >>> pairs.make("ada", "d1", 0, 0.25, 0.5)
    True
    >>> pairs.make("ada", "d2", 29 * DAY, 0.25, 0.5)
    False
    >>> pairs.said("ada", "d1"), pairs.said("ada", "d2")
    ((0.25, 0.5), None)
    """

    #: Pairs of one block of the ring, and blocks.
    BLOCK: Final = 1_024
    BLOCKS: Final = 256

    def __init__(
        self,
        horizon: Millis,
        made: int = 0,
        first: int = 0,
        blocks: dict[int, bytes] | None = None,
        size: int = BLOCKS,
    ) -> None:
        self.horizon = horizon
        self.made, self.first = made, first
        #: Pairs that had to make room before their label came.
        self.evicted = 0
        self._size = size
        self._ring: dict[int, npt.NDArray[Any]] = {
            number: np.frombuffer(data, dtype=_PAIR).copy()
            for number, data in (blocks or {}).items()
        }
        self._changed: set[int] = set()
        self._by_user: dict[int, int] = {}
        for number in range(max(first, made - size * self.BLOCK), made):
            self._by_user[int(self._at(number)["user"])] = number

    def _at(self, number: int) -> Any:
        block, place = divmod(number, self.BLOCK)
        block %= self._size
        if block not in self._ring:
            self._ring[block] = np.zeros(self.BLOCK, dtype=_PAIR)
        return self._ring[block][place]

    def is_free(self, user_id: str, at: Millis) -> bool:
        """Whether a decision shares its horizon with none of the customer's that counts."""
        before = self._by_user.get(_short(user_id))
        return before is None or at >= int(self._at(before)["at"]) + self.horizon

    def make(
        self, user_id: str, decision: str, at: Millis, champion: float, challenger: float
    ) -> bool:
        """Keep what both say of a decision; not if it shares its horizon with one that counts.

        Parameters
        ----------
        user_id, decision
            Whose, and which.
        at
            Event time of the decision.
        champion, challenger
            Their risks.

        Returns
        -------
        bool
            Whether it counts.
        """
        if not self.is_free(user_id, at):
            return False
        user = _short(user_id)
        number = self.made
        row = self._at(number)
        gone = int(row["user"])
        oldest = number - self._size * self.BLOCK
        if oldest >= self.first and self._by_user.get(gone) == oldest:
            del self._by_user[gone]
            # Learnt of at a quarter of its horizon at the earliest, as this one is.
            self.evicted += int(row["at"]) + self.horizon > at + self.horizon // 4
        row["user"], row["decision"], row["at"] = user, _short(decision), at
        row["champion"], row["rival"] = champion, challenger
        self._by_user[user] = number
        self._changed.add(number // self.BLOCK % self._size)
        self.made += 1
        return True

    def said(self, user_id: str, decision: str) -> tuple[float, float] | None:
        """Return what champion and challenger said; None if the decision does not count."""
        number = self._by_user.get(_short(user_id))
        if number is None:
            return None
        row = self._at(number)
        if int(row["decision"]) != _short(decision):
            return None
        return float(row["champion"]), float(row["rival"])

    def changed(self) -> dict[int, bytes]:
        """Return the blocks to store, and take them for stored."""
        blocks = {number: self._ring[number].tobytes() for number in sorted(self._changed)}
        self._changed.clear()
        return blocks

    def clear(self) -> None:
        """Forget all pairs: they are of other models."""
        self._by_user.clear()
        self.first = self.made


def _short(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
