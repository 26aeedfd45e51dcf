"""Who may come in: the key that is shown, held to the keys that are known, and its rate limit."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.exceptions import RedisError

from features import Millis
from streams.collect.answers import Refused
from streams.collect.rate import Bucket
from streams.keys import PREFIX, SCOPES, Keyring, WriteKey

logger = logging.getLogger(__name__)

#: Whoever comes without a key where none is needed.
OPEN: Final = WriteKey(name="open", digest="0" * 64, scopes=SCOPES)
#: Seconds that Redis may take to tell.
_PATIENCE: Final = 2.0
#: Looks a second that are made because a key was not known; some seconds' worth at once.
_LOOKS: Final = 4.0
#: Seconds between two lines of the log about unknown keys that are let in.
_SELDOM: Final = 60.0


class Admitting:
    """Knows the keys, as Redis had them a few seconds ago; those it knows it keeps.

    Parameters
    ----------
    load
        Reads all keys.
    open
        Whether whoever shows no key is let in.
    wall
        The clock, in milliseconds.
    ticks
        A steady clock's seconds.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Sequence[WriteKey]]],
        *,
        open: bool,
        wall: Callable[[], Millis],
        ticks: Callable[[], float],
    ) -> None:
        self._load = load
        self._open = open
        self._wall = wall
        self._ticks = ticks
        self._ring: Keyring | None = None
        self._buckets: dict[str, Bucket] = {}
        self._looking = asyncio.Lock()
        self._begun = 0
        self._spare = Bucket(_LOOKS, ticks())
        self._told = -_SELDOM
        #: Why the keys cannot be read just now, in words; empty when they can.
        self.trouble = ""

    def __len__(self) -> int:
        return 0 if self._ring is None else len(self._ring)

    @property
    def known(self) -> bool:
        """Whether the keys were ever read."""
        return self._ring is not None

    async def look(self) -> None:
        """Read the keys anew; what was known stays when Redis is away."""
        async with self._looking:
            await self._read()

    async def _look_again(self) -> None:
        """Read the keys anew, since what was read before may lack one that was just made.

        Whoever shows nonsense costs little: all who wait share one look, there are only so many
        looks a second, and whoever comes too often waits for the next.
        """
        begun = self._begun
        async with self._looking:
            if self._begun > begun:
                return
            if wait := self._spare.wait(self._ticks()):
                if self.trouble:
                    return
                await asyncio.sleep(wait)
            self._spare.take(1, self._ticks())
            await self._read()

    async def _read(self) -> None:
        self._begun += 1
        try:
            async with asyncio.timeout(_PATIENCE):
                keys = await self._load()
        except (RedisError, OSError, TimeoutError) as error:
            if not self.trouble:
                logger.warning("write keys cannot be read: %s", type(error).__name__)
            self.trouble = f"Redis does not tell the write keys: {type(error).__name__}"
            return
        if self.trouble:
            logger.info("write keys are read again")
        self.trouble = ""
        self._ring = Keyring(keys)
        kept = self._ring.ids()
        self._buckets = {key: each for key, each in self._buckets.items() if key in kept}

    async def admit(self, secret: str | None, scope: str = "events") -> WriteKey:
        """Return the key of a sender.

        Parameters
        ----------
        secret
            What was shown; None for nothing.
        scope
            What the key has to be good for.

        Raises
        ------
        Refused
            ``no_key``, ``no_keys_defined``, ``unknown_key``, ``wrong_scope``, ``keys_away``, or
            ``rate_limited`` (which carries the seconds to wait).
        """
        key = self._find(secret)
        if key is None and secret is not None and not self._open:
            # It may have been made a moment ago.
            await self._look_again()
            key = self._find(secret)
        if key is None:
            key = self._stranger(secret)
        if scope not in key.scopes:
            raise Refused("wrong_scope")
        if key.rate and (wait := self._bucket(key).wait(self._ticks())):
            raise Refused("rate_limited", retry=int(wait) + 1)
        return key

    def _find(self, secret: str | None) -> WriteKey | None:
        if self._ring is None or secret is None:
            return None
        return self._ring.find(secret, self._wall())

    def _stranger(self, secret: str | None) -> WriteKey:
        """Return who an unknown sender is, where anybody is let in; otherwise refuse them."""
        if self._open:
            if secret is not None:
                self._tell_unknown()
            return OPEN
        if self._ring is None or (self.trouble and secret is not None):
            # Perhaps it is a key that was made since Redis was last seen.
            raise Refused("keys_away")
        if not self._ring:
            raise Refused("no_keys_defined")
        raise Refused("no_key" if secret is None else "unknown_key")

    def _tell_unknown(self) -> None:
        """Say that a key is none, where it makes no difference yet."""
        now = self._ticks()
        if now - self._told >= _SELDOM:
            self._told = now
            logger.warning(
                "a key that is unknown is let in, as source open: without --open it is not"
            )

    def count(self, key: WriteKey, events: int) -> None:
        """Take so many events off a key's rate limit."""
        if key.rate:
            self._bucket(key).take(events, self._ticks())

    def _bucket(self, key: WriteKey) -> Bucket:
        bucket = self._buckets.get(key.digest)
        if bucket is None or bucket.rate != key.rate:
            bucket = self._buckets[key.digest] = Bucket(key.rate, self._ticks())
        return bucket

    def bearer(self, token: str) -> str | None:
        """Return a Bearer token if it is a key; what else it may be is no business of ours.

        Segment's own tokens come with the key in the body.
        """
        # One that is not known may have been made a moment ago.
        ours = token.startswith(PREFIX) or self._find(token) is not None
        return token if ours else None


def shown_key(authorization: str, bearer: Callable[[str], str | None]) -> str | None:
    """Return the key in an ``Authorization`` header; None if there is none that can be read.

    Parameters
    ----------
    authorization
        The header, perhaps empty.
    bearer
        Whether a Bearer token is a key.

    Examples
    --------
    >>> shown_key("Basic ZWJiX2tleTo=", lambda token: None)
    'ebb_key'
    """
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return bearer(rest)
    if scheme.lower() != "basic":
        return None
    try:
        name, _, _ = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name or None
