"""Reasons to stop: what somebody has to decide before a process may go on."""

from __future__ import annotations


class CannotGoOn(RuntimeError):
    """Going on would be wrong, and somebody has to decide: the process stops and says why."""


class EventsMissing(CannotGoOn):
    """The log no longer holds the records that the state waits for."""


class ShapeChanged(CannotGoOn):
    """The stored state was shaped by other settings."""
