"""The protocol that this collector speaks, put together from its parts."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from streams.collect.taking import Segment
from streams.settings import Settings

#: Why a message was refused, when it must not be kept either.
UNKEPT: Final = frozenset({"consent_missing"})


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

    return Segment(
        read=protocol.read_request,
        translate=translation.translate,
        source=source,
        refused=protocol.BadRequest,
        unkept=UNKEPT,
        words=translation.REFUSALS,
    )


class _Mute(ValueError):
    code = "invalid_request"
    message = "This version speaks its own schema only: POST /v1/events."


def _mute() -> Segment:
    def read(path: str, body: bytes, header: str | None, query: str | None) -> Any:
        raise _Mute

    return Segment(read, lambda *_: None, str, _Mute)
