"""Customers told apart by a number: where it is cut, and on which side of the cuts somebody is."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

#: Of one number; more groups than that nobody has customers for.
MOST_EDGES: Final = 4
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
UNKNOWN: Final = "unknown"


class NoCut(ValueError):
    """A word tells nobody apart by a number; the message says why."""


class Cut(NamedTuple):
    """A number, and where it is cut.

    Parameters
    ----------
    name
        What is cut, such as a feature.
    edges
        Each begins a new group.

    Examples
    --------
    >>> coupons = Cut("coupons_90d", (1.0, 3.0))
    >>> coupons.of(0.0), coupons.of(1.0), coupons.of(7.0), coupons.of(None)
    ('coupons_90d < 1', 'coupons_90d 1 to 3', 'coupons_90d >= 3', 'unknown')
    >>> str(coupons), read_cut("coupons_90d:1:3.0") == coupons
    ('coupons_90d:1:3', True)
    """

    name: str
    edges: tuple[float, ...]

    def __str__(self) -> str:
        """Return the word that `read_cut` reads."""
        return ":".join([self.name, *map(_told, self.edges)])

    def of(self, value: float | None) -> str:
        """Return the group of somebody; ``unknown`` where there is no number."""
        if value is None or math.isnan(value):
            return UNKNOWN
        return groups_of(self)[bisect_right(self.edges, value)]


@lru_cache(maxsize=64)
def groups_of(cut: Cut) -> tuple[str, ...]:
    """Return the groups of a cut, the lowest first; each text once, however many are in it.

    Examples
    --------
    >>> groups_of(Cut("risk", (0.8,)))
    ('risk < 0.8', 'risk >= 0.8')
    """
    name, edges = cut.name, [*map(_told, cut.edges)]
    between = (f"{name} {low} to {high}" for low, high in pairwise(edges))
    return (f"{name} < {edges[0]}", *between, f"{name} >= {edges[-1]}")


@lru_cache(maxsize=64)
def read_cut(word: str) -> Cut:
    """Return the cut that a word says: a name and its edges, with a colon before each.

    Raises
    ------
    NoCut
        If it says none.

    Examples
    --------
    >>> read_cut("orders:2:1")
    Traceback (most recent call last):
    ...
    models.understanding.cuts.NoCut: orders:2:1: write the edges in order, such as orders:1:2
    """
    name, *edges = word.split(":")
    if not _NAME.fullmatch(name) or not edges:
        raise NoCut(f"{word}: write a name and where it is cut, such as orders:1:5")
    if len(edges) > MOST_EDGES:
        raise NoCut(f"{word}: {len(edges)} edges; write at most {MOST_EDGES}")
    try:
        found = tuple(float(edge) for edge in edges)
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise NoCut(f"{word}: an edge is no number; write such as orders:1:5")
    # Two numbers that are told alike would be one group with two names.
    if sorted({float(_told(edge)) for edge in found}) != list(found):
        ordered = Cut(name, tuple(sorted({float(_told(edge)) for edge in found})))
        raise NoCut(f"{word}: write the edges in order, such as {ordered}")
    return Cut(name, found)


def _told(edge: float) -> str:
    return f"{edge + 0.0:.9g}"


__all__ = ["MOST_EDGES", "UNKNOWN", "Cut", "NoCut", "groups_of", "read_cut"]
