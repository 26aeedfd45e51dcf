"""What an outcome says of the customer's consent, as an event of the clickstream.

Whoever unsubscribes, or calls a message spam, wants no more of them. That is told by an event of
the customer's, on the customer's partition, so that whoever reads the events again knows it, too.
It has an id made of the outcome's, and the outcome's time: as often as it is told, it is the same.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from features import CHANNEL, Event, Millis, encode_event, from_datetime
from models.deciding import Outcome
from streams.live.messages import EVENTS, Message

#: Outcomes by which a customer says no: ``complained`` is what mailbox providers report when
#: somebody calls a message spam.
WITHDRAWING: Final = frozenset({"unsubscribed", "complained"})
#: Letters of a channel, at most; what is longer is the name of none.
_LONGEST: Final = 64


def withdrawal(outcome: Outcome, arrived: Millis) -> Event | None:
    """Return the event that says that a customer wants no messages any more; None if none is meant.

    Parameters
    ----------
    outcome
        What somebody else reports; the property ``channel`` says of which channel it is, and
        without it, it is of all of them.
    arrived
        When it arrived: nobody can have said anything later than that, whatever a clock shows.

    Examples
    --------
    >>> from models.deciding import decode_outcome
    >>> said = decode_outcome(
    ...     b'{"outcome_id":"o1","alert_id":"a1","user_id":"ada","type":"unsubscribed",'
    ...     b'"time":"2026-01-01T00:00:00Z","properties":{"channel":"email"}}'
    ... )
    >>> event = withdrawal(said, 1_767_312_000_000)
    >>> event.type, event.time, event.properties
    ('unsubscribed', 1767225600000, {'channel': 'email', 'outcome': 'unsubscribed'})
    """
    if outcome.type not in WITHDRAWING:
        return None
    at = from_datetime(outcome.time)
    told = outcome.properties.get(CHANNEL)
    channel = told.strip() if isinstance(told, str) else ""
    named = 0 < len(channel) <= _LONGEST
    digest = blake2b(outcome.outcome_id.encode(), digest_size=16).hexdigest()
    return Event(
        event_id=f"outcome-{digest}",
        user_id=outcome.user_id,
        type="unsubscribed",
        # A topic without times of its own says -1.
        time=min(at, arrived) if arrived > 0 else at,
        properties={**({CHANNEL: channel} if named else {}), "outcome": outcome.type},
    )


def withdrawal_message(event: Event) -> Message:
    """Return the event on its way to its customer's partition."""
    return Message(EVENTS, event.user_id.encode(), encode_event(event), [])


__all__ = ["WITHDRAWING", "withdrawal", "withdrawal_message"]
