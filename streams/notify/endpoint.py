"""An endpoint: an address that alerts are sent to, and how it has behaved."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from features import Millis
from streams.notify.signing import Secret

#: The kinds of messages that an endpoint may ask for.
TYPES: Final = ("intervention.decided",)
#: What ``ebb endpoints test`` sends.
TEST_TYPE: Final = "endpoint.test"
#: Most endpoints: each has a queue and connections of its own.
MOST_ENDPOINTS: Final = 100
#: How an endpoint may be named.
NAME: Final = r"^[A-Za-z0-9._-]{1,60}$"
_LONGEST_URL: Final = 2_000


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send, what, and with which secrets to sign it.

    Parameters
    ----------
    name
        What people call it.
    url
        Where it listens.
    secrets
        The newest first; older ones sign along until their end.
    types
        What it wants to be told; empty for everything.
    created
        When it was added, in milliseconds: it gets what is published from then on.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    url: Annotated[str, Meta(max_length=_LONGEST_URL)]
    secrets: Annotated[tuple[Secret, ...], Meta(min_length=1)]
    types: tuple[str, ...] = ()
    created: Millis = 0
    v: Annotated[int, Meta(ge=1, le=1)] = 1

    @property
    def shown_url(self) -> str:
        """The address without its query, in which some keep a password."""
        bare, mark, _ = self.url.partition("?")
        return f"{bare}?***" if mark else bare

    def wants(self, kind: str) -> bool:
        """Whether it is to be told of something."""
        return not self.types or kind in self.types

    def rotated(self, text: str, now: Millis, keep: Millis) -> Endpoint:
        """Return it with a new secret; the old ones end after a while.

        Examples
        --------
        >>> old, new = "whsec_" + "A" * 44, "whsec_" + "B" * 44
        >>> endpoint = Endpoint(name="crm", url="https://crm.example", secrets=(Secret(old),))
        >>> [secret.until for secret in endpoint.rotated(new, now=10, keep=90).secrets]
        [0, 100]
        """
        end = now + keep
        kept = tuple(
            Secret(old.text, min(old.until or end, end))
            for old in self.secrets
            if keep and not old.ended(now)
        )
        return msgspec.structs.replace(self, secrets=(Secret(text), *kept))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint stands.

    Parameters
    ----------
    waiting
        Messages that wait for their first or next attempt, or are under way.
    oldest
        When the one that has waited longest was queued; 0 if none waits.
    delivered, failed
        Messages that it took, attempts that it did not take.
    dead, forgotten
        Messages that were given up and are kept, and those that are kept no more.
    last_success, last_failure
        When; 0 for never.
    last_error
        What was wrong the last time.
    slow_until
        Until then it is left in peace.
    strikes
        How often in a row it was left in peace: it had said that it is too much, or was down.
    disabled
        Why nothing is sent to it; empty when it is in use.
    """

    waiting: int = 0
    oldest: Millis = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    forgotten: int = 0
    last_success: Millis = 0
    last_failure: Millis = 0
    last_error: str = ""
    slow_until: Millis = 0
    strikes: int = 0
    disabled: str = ""

    @property
    def state(self) -> Literal["active", "slow", "disabled"]:
        """All of it in a word."""
        if self.disabled:
            return "disabled"
        return "slow" if self.strikes else "active"


def checked_url(url: str, *, plain: bool) -> str:
    """Return an address as it may be kept.

    Parameters
    ----------
    url
        As somebody wrote it.
    plain
        Whether ``http://`` will do.

    Raises
    ------
    ValueError
        If it is no address, or one that cannot be used; says what to write.

    Examples
    --------
    >>> checked_url("https://crm.example/hooks", plain=False)
    'https://crm.example/hooks'
    >>> checked_url("http://crm.example/hooks", plain=False)
    Traceback (most recent call last):
    ...
    ValueError: write https://...; for http:// within your own network, set notify.http = true
    """
    if len(url) > _LONGEST_URL:
        raise ValueError(f"it is longer than {_LONGEST_URL} characters")
    if not url.isprintable() or " " in url:
        raise ValueError("it has blanks or signs that cannot be shown; write https://HOST/PATH")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{error}; write https://HOST/PATH") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave name and password out: receivers know us by our signature")
    if parts.fragment:
        raise ValueError("leave out what comes after the #: it is never sent")
    if parts.scheme == "http" and not plain:
        raise ValueError(
            "write https://...; for http:// within your own network, set notify.http = true"
        )
    return url


def name_of(url: str) -> str:
    """Return what to call an endpoint whose owner did not say: after its host.

    Examples
    --------
    >>> name_of("https://crm.example:8443/hooks"), name_of("https://[::1]/")
    ('crm.example', '1')
    """
    host = urlsplit(url).hostname or ""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", host).strip("-")[:60] or "endpoint"
