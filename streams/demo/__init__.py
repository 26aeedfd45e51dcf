"""Ebbtide on one machine with nothing installed: simulated shoppers and embedded servers."""

from streams.demo.children import Child, ChildError, free_port, listens
from streams.demo.embedded import EmbeddedError, EmbeddedServers

__all__ = ["Child", "ChildError", "EmbeddedError", "EmbeddedServers", "free_port", "listens"]
