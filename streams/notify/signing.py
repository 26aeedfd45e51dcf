"""Signatures by the rules of Standard Webhooks 1.0: who holds the secret knows that it was us.

What is signed is ``ID.TIMESTAMP.BODY``. While a secret is being changed for another, both of them
sign, so that a receiver may change whenever it likes.
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

#: Random bytes in a secret; the rules allow 24 to 64.
BYTES: Final = 32
_PREFIX: Final = "whsec_"


class Secret(msgspec.Struct, frozen=True):
    """What an endpoint and we both know; it is masked wherever it is shown.

    Parameters
    ----------
    text
        As the receiver writes it: ``whsec_`` and base64.
    until
        When it ends, in milliseconds; 0 for never.

    Examples
    --------
    >>> Secret(new_secret(bytes(32)))
    Secret(whsec_***)
    """

    text: Annotated[str, Meta(pattern="^whsec_[A-Za-z0-9+/]{32,88}={0,2}$")]
    until: Millis = 0

    def __repr__(self) -> str:
        return f"Secret({_PREFIX}***)"

    @property
    def key(self) -> bytes:
        """The bytes that sign."""
        return base64.b64decode(self.text.removeprefix(_PREFIX))

    def ended(self, now: Millis) -> bool:
        """Whether it is past its end."""
        return 0 < self.until <= now


def new_secret(randomness: bytes) -> str:
    """Return a new secret, as the receiver writes it.

    Parameters
    ----------
    randomness
        32 bytes of the system's best.

    Examples
    --------
    >>> new_secret(bytes(32))
    'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
    """
    if len(randomness) != BYTES:
        raise ValueError(f"a secret is made of {BYTES} bytes, not of {len(randomness)}")
    return _PREFIX + base64.b64encode(randomness).decode()


def signed_headers(
    secrets: Iterable[Secret], webhook_id: str, body: bytes, now: Millis
) -> dict[str, str]:
    """Return the headers that say what this is, when it was sent, and by whom.

    Parameters
    ----------
    secrets
        All that the endpoint may know; those that have ended sign no more.
    webhook_id
        The same for each attempt.
    body
        The bytes that are sent.
    now
        The time of this attempt: receivers refuse one that is minutes old.

    Examples
    --------
    >>> headers = signed_headers([Secret(new_secret(bytes(32)))], "a1", b"{}", 1_700_000_000_000)
    >>> headers["webhook-id"], headers["webhook-timestamp"]
    ('a1', '1700000000')
    >>> headers["webhook-signature"]
    'v1,aoWhoNsiDNNNDPvMN7S4SnYJgL2SgYnCs/M9XfCqZ0s='
    """
    seconds = str(now // 1_000)
    content = b".".join((webhook_id.encode(), seconds.encode(), body))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(hmac.digest(secret.key, content, hashlib.sha256)).decode()}"
            for secret in secrets
            if not secret.ended(now)
        ),
    }
