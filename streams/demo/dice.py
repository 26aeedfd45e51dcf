"""Chance that falls the same way on every machine.

Of Python's random numbers only `random.Random.random` is promised to stay the same between
versions; everything here is built on it and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")

_INDEX_BITS: Final = 32


class Dice:
    """One shopper's luck: independent of every other shopper's, and of how many there are.

    Parameters
    ----------
    seed
        The whole shop's seed; not negative.
    index
        Which shopper; not negative.

    Examples
    --------
    >>> Dice(7, 1).roll() == Dice(7, 1).roll() != Dice(7, 2).roll()
    True
    """

    __slots__ = ("roll",)

    def __init__(self, seed: int, index: int) -> None:
        if seed < 0 or not 0 <= index < 1 << _INDEX_BITS:
            raise ValueError(f"seed {seed} and index {index} must not be negative")
        #: Uniform in [0, 1).
        self.roll = Random(seed << _INDEX_BITS | index).random

    def chance(self, share: float) -> bool:
        """Return true in this share of the throws."""
        return self.roll() < share

    def between(self, low: float, high: float) -> float:
        """Return a number between the two, all as likely."""
        return low + (high - low) * self.roll()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int((high - low + 1) * self.roll())

    def pick(self, things: Sequence[T]) -> T:
        """Return one of the things, all as likely."""
        return things[int(len(things) * self.roll())]

    def wait(self, mean: float, regularity: int) -> float:
        """Return a waiting time: Erlang, so the more regular, the closer to its mean."""
        product = 1.0
        for _ in range(regularity):
            product *= 1.0 - self.roll()
        return -log(product) * mean / regularity
