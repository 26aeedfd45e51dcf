"""What comes back: what a CRM says happened to an alert.

An outcome is what somebody else reports, at any time and perhaps more than once. It is checked
where it comes in; whoever reads the topic later counts each ``outcome_id`` once, the first one
that arrived.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from features import from_datetime

OUTCOME_VERSION: Final = 1
#: Bytes of an outcome, at most.
LARGEST: Final = 32 * 1024
#: The end of 2099, in milliseconds: no clock shows later.
_LATEST: Final = 4_102_444_800_000

#: What can have happened to an alert, in the order in which it mostly does.
OutcomeType: TypeAlias = Literal[
    "sent",
    "delivered",
    "opened",
    "clicked",
    "redeemed",
    "converted",
    "complained",
    "declined",
    "unsubscribed",
    "failed",
]

_Id = Annotated[str, Meta(min_length=1, max_length=200)]
_Money = Annotated[float, Meta(ge=-1e9, le=1e9)]


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a CRM says happened to an alert, published on ``outcomes``.

    Parameters
    ----------
    outcome_id
        Unique for what happened; repeats are harmless: the first one counts.
    alert_id, user_id
        Which alert, and whom; the customer is also the Kafka key.
    type
        ``sent``, ``delivered``, ``opened``, ``clicked``, ``redeemed``, ``converted``,
        ``complained``, ``declined``, ``unsubscribed`` or ``failed``. Who has unsubscribed, or
        complained (called the message spam), is sent no more over the channel that the property
        ``channel`` names; without one, over any.
    time
        When it happened: ISO 8601 with a zone.
    cost, value
        What it cost and what it brought, in the shop's currency.
    properties
        Anything else, at most 64.
    """

    outcome_id: _Id
    alert_id: _Id
    user_id: _Id
    type: OutcomeType
    time: Annotated[datetime, Meta(tz=True)]
    cost: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    value: _Money | None = None
    properties: Annotated[dict[str, Any], Meta(max_length=64)] = {}
    v: Annotated[int, Meta(ge=1, le=OUTCOME_VERSION)] = OUTCOME_VERSION


class InvalidOutcome(ValueError):
    """The bytes are not an outcome; says which field is wrong and why.

    Parameters
    ----------
    reason
        What is wrong, in words.
    field
        Path of the field; empty when the whole message cannot be read.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


_decoder = msgspec.json.Decoder(Outcome)
_encoder = msgspec.json.Encoder()
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")


def decode_outcome(raw: bytes | None) -> Outcome:
    """Decode and validate one message of ``outcomes``.

    Parameters
    ----------
    raw
        UTF-8 JSON, at most 32 KiB.

    Raises
    ------
    InvalidOutcome
        With the reason and the field.

    Examples
    --------
    >>> decode_outcome(
    ...     b'{"outcome_id":"o1","alert_id":"a1","user_id":"ada","type":"vanished",'
    ...     b'"time":"2026-01-01T00:00:00Z"}'
    ... )
    Traceback (most recent call last):
    ...
    models.deciding.outcome.InvalidOutcome: type: Invalid enum value 'vanished'
    """
    if not raw:
        raise InvalidOutcome("the message is empty")
    if len(raw) > LARGEST:
        raise InvalidOutcome(f"{len(raw)} bytes are more than the {LARGEST} of an outcome")
    try:
        outcome = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidOutcome(str(error)) from None
    except RecursionError:
        raise InvalidOutcome("the JSON is nested too deeply") from None
    if not 0 <= from_datetime(outcome.time) <= _LATEST:
        raise InvalidOutcome("the time must lie between 1970 and 2100", "time")
    # They become keys, and lines of other people's logs.
    for field in ("outcome_id", "alert_id", "user_id"):
        if _CONTROL.search(getattr(outcome, field)):
            raise InvalidOutcome("must hold no control characters", field)
    return outcome


def _invalid(error: msgspec.ValidationError) -> InvalidOutcome:
    reason, _, path = str(error).partition(" - at `")
    field = path.partition("$")[2].rstrip("`").removeprefix(".")
    if not field and (missing := _MISSING.fullmatch(reason)):
        field = missing[1]
    return InvalidOutcome(reason, field)


def encode_outcome(outcome: Outcome) -> bytes:
    """Encode an outcome as the JSON that `decode_outcome` reads."""
    return _encoder.encode(outcome)
