"""The protocol that this collector speaks, put together from its parts."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
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
        consent: Any = import_module("streams.collect.consent")
    except ModuleNotFoundError:
        return _mute()
    own = settings.collect
    rules = consent.ConsentRules(
        required=own.consent,
        without=own.without_consent,
        unknown=own.unasked,
        opted_out=own.opted_out,
    )

    @lru_cache(maxsize=1_000)
    def source(name: str) -> Any:
        return translation.Source(name, rules, own.currency or None)

    def keeps(item: Any, source: Any, opted_out: bool) -> bool:
        around = None if item is None else item.around
        told = None if around is None else around.consent
        if told is None and around is not None:
            told = consent.preferences(around.consent_management)
        return bool(source.consent.standing(told, opted_out) is consent.Standing.KEEP)

    return Segment(
        read=protocol.read_request,
        translate=translation.translate,
        source=source,
        refused=protocol.BadRequest,
        keeps=keeps,
        words=translation.REFUSALS,
    )


class _Mute(ValueError):
    code = "invalid_request"
    message = "This version speaks its own schema only: POST /v1/events."


def _mute() -> Segment:
    def read(path: str, body: bytes, header: str | None, query: str | None) -> Any:
        raise _Mute

    return Segment(read, lambda *_: None, str, _Mute)
