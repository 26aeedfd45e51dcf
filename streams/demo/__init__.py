"""Ebbtide on one machine with nothing installed: simulated shoppers and embedded servers.

What is exported is imported when it is first asked for: the tests' servers need no River.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streams.demo.children import Child, ChildError, free_port, listens
from streams.demo.embedded import EmbeddedError, EmbeddedServers
from streams.demo.storefront import Storefront

if TYPE_CHECKING:
    from streams.demo.doorway import visit
    from streams.demo.playing import Unsettled, play
    from streams.demo.shoppers import Shop
    from streams.demo.show import live_table, summary
    from streams.demo.stage import Stage
    from streams.demo.truth import Truth

__all__ = [
    "Child",
    "ChildError",
    "EmbeddedError",
    "EmbeddedServers",
    "Shop",
    "Stage",
    "Storefront",
    "Truth",
    "Unsettled",
    "free_port",
    "listens",
    "live_table",
    "play",
    "summary",
    "visit",
]

_PLACES = {
    "Shop": "shoppers",
    "Stage": "stage",
    "Truth": "truth",
    "Unsettled": "playing",
    "live_table": "show",
    "play": "playing",
    "summary": "show",
    "visit": "doorway",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"streams.demo.{_PLACES[name]}"), name)
