"""The front door: what storefronts send, and what becomes of it."""
