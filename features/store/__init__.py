"""Where the customers are kept: the port, and the store in memory."""

from features.store.memory import MemoryStore
from features.store.port import Commit, Page, Record, Store, StoreAway

__all__ = ["Commit", "MemoryStore", "Page", "Record", "Store", "StoreAway"]
