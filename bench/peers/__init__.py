"""The same work on other stream processors, each in a process and, if need be, a venv of its own.

Nothing here imports Ebbtide: what runs needs msgspec and the peer's own library.
"""
