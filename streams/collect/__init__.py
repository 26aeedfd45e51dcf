"""How events come in over HTTP: who may send, how much at once, and when it is truly taken.

What is exported is imported when it is first asked for: ``ebb keys`` needs no web server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.collect.keys import SCOPES, WriteKey, digest_of, new_secret
    from streams.collect.keystore import Keystore, NoSuchKey
    from streams.collect.openapi import openapi
    from streams.collect.running import run

__all__ = [
    "SCOPES",
    "Keystore",
    "NoSuchKey",
    "WriteKey",
    "digest_of",
    "new_secret",
    "openapi",
    "run",
]

_PLACES = {
    "SCOPES": "keys",
    "Keystore": "keystore",
    "NoSuchKey": "keystore",
    "WriteKey": "keys",
    "digest_of": "keys",
    "new_secret": "keys",
    "openapi": "openapi",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"streams.collect.{_PLACES[name]}"), name)
