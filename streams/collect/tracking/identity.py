"""Who an event is of: a customer, a visitor who has not said who they are, or nobody.

Our ``user_id`` is one name for all three, and no two of them can be confused:

- a customer is their ``userId`` as the shop writes it;
- a visitor is ``anon:`` and the ``anonymousId``;
- what may not be traced to anybody goes to one of a few collective names, ``hidden:00`` and on.

A shop may have customers whose own ids begin with ``anon:`` or ``hidden:``. Those get ``user:``
in front, so that nobody who writes such an id becomes somebody else.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from features import HIDDEN, VISITOR

#: Collective names for what has no identity: enough to spread over partitions, few to keep.
HIDDEN_NAMES: Final = 64
#: The longest ``user_id`` of an event.
LONGEST_USER: Final = 200
#: The longest ``anonymousId`` that is told as it is.
LONGEST_VISITOR: Final = LONGEST_USER - len(VISITOR)
#: The longest ``messageId`` that is kept as it is.
LONGEST_MESSAGE: Final = 100
_RESERVED: Final = re.compile(r"(?:user:)*(?:anon|hidden):")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_DIGEST_BYTES: Final = 16


def read_id(value: object) -> str | None:
    """Return an id as text; None where there is none.

    Examples
    --------
    >>> read_id(" ada "), read_id(17), read_id(""), read_id(None), read_id([1])
    ('ada', '17', None, None, None)
    """
    # Most are texts or absent, and this is asked several times for every event.
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        # Hardly an id, and some numbers are too long to be written at all.
        return str(value) if -(2**63) <= value < 2**63 else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return None


def customer_name(user_id: str) -> str:
    """Return the ``user_id`` of a customer.

    Parameters
    ----------
    user_id
        As the shop writes it.

    Examples
    --------
    >>> customer_name("ada"), customer_name("anon:7")
    ('ada', 'user:anon:7')
    """
    # Most ids have no colon, and need no closer look.
    if ":" in user_id and _RESERVED.match(user_id):
        user_id = f"user:{user_id}"
    return fitted(user_id, LONGEST_USER)


def visitor_name(anonymous_id: str) -> str:
    """Return the ``user_id`` of a visitor who has not said who they are.

    Parameters
    ----------
    anonymous_id
        As the browser or the app made it up.

    Examples
    --------
    >>> visitor_name("5f3c")
    'anon:5f3c'
    """
    return VISITOR + fitted(anonymous_id, LONGEST_VISITOR)


def hidden_name(event_id: str) -> str:
    """Return the collective name for an event that may not be traced to anybody.

    It depends on the event alone, so that what one person did scatters over all the names, and
    the names never become many, whoever comes.

    Examples
    --------
    >>> hidden_name("m-1"), hidden_name("m-2")
    ('hidden:58', 'hidden:07')
    """
    number = blake2b(event_id.encode(), digest_size=1).digest()[0] % HIDDEN_NAMES
    return f"{HIDDEN}{number:02}"


def fitted(name: str, most: int) -> str:
    r"""Return an id that an event can carry: one too long, or not legible, by its digest.

    Examples
    --------
    >>> fitted("m-1", 100), len(fitted("m" * 101, 100)), fitted("a\tb", 100)
    ('m-1', 100, 'ab~36cd0d2ebe5c1135a8a9dc2302c08f1e')
    """
    if len(name) <= most and (name.isprintable() or not _CONTROL.search(name)):
        return name
    legible = _CONTROL.sub("", name)
    return f"{legible[: most - 2 * _DIGEST_BYTES - 1]}~{digest(name.encode())}"


def digest(content: bytes) -> str:
    """Return 32 characters that stand for some content."""
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
