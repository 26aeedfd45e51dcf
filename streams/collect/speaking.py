"""The protocol that this collector speaks, put together from its parts."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from streams.collect.taking import Segment
from streams.settings import Settings


def segment(settings: Settings) -> Segment:
    """Return the Segment protocol, with what the settings say of consent.

    Parameters
    ----------
    settings
        All of them.
    """
    try:
        protocol: Any = import_module("streams.collect.protocol")
        translation: Any = import_module("streams.collect.translation")
    except ModuleNotFoundError:
        return _mute()
    return Segment(
        read=protocol.read_request,
        translate=translation.translate,
        source=translation.Source,
        refused=protocol.BadRequest,
    )


class _Mute(ValueError):
    code = "invalid_request"
    message = "This version speaks its own schema only: POST /v1/events."


def _mute() -> Segment:
    def read(path: str, body: bytes, header: str | None, query: str | None) -> Any:
        raise _Mute

    return Segment(read, lambda *_: SimpleNamespace(events=[], refused=None), str, _Mute)
