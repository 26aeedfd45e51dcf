"""What is sent to an endpoint: the body, made once, and how far the attempts have come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis, from_datetime, to_iso
from streams.notify.endpoint import TEST_TYPE, TYPES

#: Bytes of a body, by the rules of Standard Webhooks.
LARGEST: Final = 20_000
_encoder: Final = msgspec.json.Encoder()


#: An id goes into a header, and is signed between full stops.
_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:-]{1,200}\Z")]
_Moment = Annotated[datetime, Meta(tz=True)]


class _Told(msgspec.Struct, frozen=True):
    """What must be known of an alert to send it.

    The rest is the receiver's: a worker that is newer than this process may say more, or suggest
    what is not known here.
    """

    alert_id: _Id
    user_id: str
    decided_at: _Moment
    valid_until: _Moment
    action: str
    arm: str
    not_before: _Moment | None = None


_decoder: Final = msgspec.json.Decoder(_Told)


class NotSent(ValueError):
    """An alert that no endpoint is to be told of; says why."""


class Notice(msgspec.Struct, frozen=True):
    """A message to endpoints.

    Parameters
    ----------
    webhook_id
        The alert's id: the same for each attempt and each endpoint.
    kind
        Its type.
    body
        The bytes that are sent and signed.
    until
        To be told of it later than that is worse than not to be told; 0 for no end.
    not_before
        To be told of it earlier than that disturbs the customer; 0 for at once.
    """

    webhook_id: str
    kind: str
    body: bytes
    until: Millis
    not_before: Millis = 0


class Attempts(msgspec.Struct, frozen=True, array_like=True):
    """How far a message has come at one endpoint.

    Parameters
    ----------
    made
        Attempts that the endpoint did not take.
    queued
        When it was queued.
    until, not_before
        As of the `Notice`.
    """

    made: int
    queued: Millis
    until: Millis
    not_before: Millis = 0


class DeadNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up.

    Parameters
    ----------
    webhook_id
        As of the `Notice`.
    why
        In words.
    died
        When.
    attempts
        How far it had come.
    body
        What would have been sent.
    """

    webhook_id: str
    why: str
    died: Millis
    attempts: Attempts
    body: bytes


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: msgspec.Raw


def notice_of(value: bytes, now: Millis) -> Notice:
    """Return what endpoints are told of an alert.

    Parameters
    ----------
    value
        The alert, as published.
    now
        The time.

    Raises
    ------
    NotSent
        If it is not an alert, of a held-out customer, or no longer valid.
    """
    try:
        alert = _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise NotSent(f"invalid: {error}") from None
    if alert.arm == "holdout" or alert.action == "none":
        raise NotSent("held_out")
    until = from_datetime(alert.valid_until)
    if until <= now:
        raise NotSent("expired")
    at = to_iso(from_datetime(alert.decided_at))
    body = _wrapped(TYPES[0], at, value)
    if len(body) > LARGEST:
        # The numbers that the model saw are most of it, and the least that a CRM needs.
        bare = {**msgspec.json.decode(value, type=dict[str, msgspec.Raw]), "vector": {}}
        body = _wrapped(TYPES[0], at, _encoder.encode(bare))
    if len(body) > LARGEST:
        raise NotSent(f"invalid: it has more than {LARGEST} bytes")
    wait = alert.not_before
    not_before = 0 if wait is None else from_datetime(wait)
    return Notice(alert.alert_id, TYPES[0], body, until, not_before)


def trial_notice(name: str, now: Millis) -> Notice:
    """Return a message that says nothing but that it arrives.

    Examples
    --------
    >>> trial_notice("crm", 0).body.decode()
    '{"type":"endpoint.test","timestamp":"1970-01-01T00:00:00Z","data":{"endpoint":"crm"}}'
    """
    body = _wrapped(TEST_TYPE, to_iso(now), _encoder.encode({"endpoint": name}))
    return Notice(f"test_{now}", TEST_TYPE, body, 0)


def _wrapped(kind: str, at: str, data: bytes) -> bytes:
    return _encoder.encode(_Body(kind, at, msgspec.Raw(data)))
