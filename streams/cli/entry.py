"""How a room tells of its commands without importing them."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command lives, and its line in the help."""

    place: str
    meaning: str


__all__ = ["Entry"]
