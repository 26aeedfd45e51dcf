"""Outcomes that a CRM sends: read like events in our own schema, and put where they belong."""

from __future__ import annotations

from typing import Final

from models.deciding import InvalidOutcome, Outcome, decode_outcome, encode_outcome
from streams.collect.gathering import Record
from streams.collect.listed import Listed, take_listed
from streams.collect.taken import Taken


def take_outcomes(body: bytes, source: str, most: int) -> Taken:
    """Return the records of a body of outcomes.

    Of a list, valid outcomes are taken and the others reported by their place; one that comes
    alone is taken or refused.

    Parameters
    ----------
    body
        One outcome, a list of them, or ``{"outcomes": [...]}``.
    source
        Name of the source whose key was shown.
    most
        Most outcomes of one request.

    Raises
    ------
    NotEvents
        If the body is none of these; says what it is.
    InvalidOutcome
        If it is one outcome, which cannot be used.

    Examples
    --------
    >>> taken = take_outcomes(
    ...     b'[{"outcome_id":"o1","alert_id":"a1","user_id":"ada","type":"opened",'
    ...     b'"time":"2026-01-01T00:00:00Z"}, 7]', "crm", 10)
    >>> taken.outcomes, taken.records[0].key, taken.unusable[0].code
    (1, b'ada', 'invalid_outcome')
    """
    return take_listed(OUTCOMES, body, source, most)


def _take(taken: Taken, outcome: Outcome) -> None:
    taken.outcomes += 1
    key = outcome.user_id.encode()
    taken.records.append(Record("outcomes", key, encode_outcome(outcome), taken.headers))


OUTCOMES: Final = Listed("outcomes", decode_outcome, _take, InvalidOutcome, "invalid_outcome")
