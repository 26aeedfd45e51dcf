"""Write keys: what a storefront shows to be let in, and what is remembered of it.

A key is 192 random bits. Nobody can guess one, so a plain SHA-256 is enough to keep it by: a
slow hash protects secrets that people think up. What lies in Redis opens no door.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis

#: What a key may be good for.
SCOPES: Final = ("events", "outcomes")
#: Random bytes in a key.
BYTES: Final = 24
PREFIX: Final = "ebb_"
#: Digits of the hash that people name a key by.
_ID: Final = 8
#: Longer ones are not worth hashing.
_LONGEST: Final = 200

#: How a source may be named.
NAME: Final = r"^[A-Za-z0-9._-]{1,60}$"
Name = Annotated[str, Meta(pattern=NAME)]


class WriteKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key: never the key itself.

    Parameters
    ----------
    name
        The source that it belongs to, such as ``web`` or ``till``; several keys may share one.
    digest
        SHA-256 of the key, in hexadecimal digits.
    scopes
        What it is good for: ``events``, ``outcomes``.
    rate
        Events a second that one collector takes with it; 0 for any number.
    created
        When it was made, in milliseconds.
    until
        When it ends, in milliseconds; 0 for never.
    """

    name: Name
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[str, ...] = ("events",)
    rate: Annotated[float, Meta(ge=0)] = 0.0
    created: Millis = 0
    until: Millis = 0
    v: Annotated[int, Meta(ge=1, le=1)] = 1

    @property
    def key_id(self) -> str:
        """How people name it: the first digits of its hash."""
        return self.digest[:_ID]

    def ended(self, now: Millis) -> bool:
        """Whether it is past its end."""
        return 0 < self.until <= now


def new_secret(randomness: bytes) -> str:
    """Return a new key.

    Parameters
    ----------
    randomness
        24 bytes of the system's best.

    Examples
    --------
    >>> new_secret(bytes(24))
    'ebb_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    if len(randomness) != BYTES:
        raise ValueError(f"a key is made of {BYTES} bytes, not of {len(randomness)}")
    return PREFIX + base64.urlsafe_b64encode(randomness).decode()


def digest_of(secret: str) -> str:
    """Return what is kept of a key.

    Examples
    --------
    >>> digest_of("ebb_secret")[:16]
    'a1efcc8caac02c87'
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Keyring:
    """The keys that open this door just now.

    Parameters
    ----------
    keys
        All that are known.

    Examples
    --------
    >>> ring = Keyring([WriteKey(name="web", digest=digest_of("ebb_secret"))])
    >>> ring.find("ebb_secret", now=0).name, ring.find("ebb_guess", now=0)
    ('web', None)
    """

    def __init__(self, keys: Iterable[WriteKey] = ()) -> None:
        self._keys = {key.digest: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def ids(self) -> frozenset[str]:
        """Return the hashes of all keys."""
        return frozenset(self._keys)

    def find(self, secret: str, now: Millis) -> WriteKey | None:
        """Return the key that was shown; None if there is no such key, or it has ended.

        How long this takes tells nothing: the search goes by the hash of what was shown, and
        the last step compares in constant time.
        """
        if not secret or len(secret) > _LONGEST:
            return None
        shown = digest_of(secret)
        key = self._keys.get(shown)
        same = hmac.compare_digest(shown, key.digest if key is not None else _NOBODY)
        return key if key is not None and same and not key.ended(now) else None


_NOBODY: Final = "0" * 64
