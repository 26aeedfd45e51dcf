"""Write keys: what a storefront shows to be let in, and what Redis keeps of it."""

from streams.keys.keystore import Keystore, NoSuchKey
from streams.keys.writekey import (
    BYTES,
    NAME,
    PREFIX,
    SCOPES,
    Keyring,
    WriteKey,
    digest_of,
    new_secret,
)

__all__ = [
    "BYTES",
    "NAME",
    "PREFIX",
    "SCOPES",
    "Keyring",
    "Keystore",
    "NoSuchKey",
    "WriteKey",
    "digest_of",
    "new_secret",
]
