"""By what the effect is told apart: things about an alert that were fixed before it was sent.

What comes after (who opened the mail, who took the coupon) is no such thing: to compare those who
opened with those held out compares keen customers with all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import UNSET

from models.deciding import Alert, suggested_action, suggested_of
from models.playbooks import stage_of
from models.understanding import Lifecycle, read_cut

#: What `Lifecycle` reads of an alert's vector.
_OF_LIFE: Final = ("tenure", "visit_days", "gap_mean", "gap_usual")
_PLACES: Final = {name: place for place, name in enumerate(_OF_LIFE)}


def action_of(alert: Alert) -> str:
    """Return what was suggested; of a held-out customer what would have been.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> held = Alert(alert_id="a", user_id="ada", decided_at=noon, valid_until=noon,
    ...     cause="silence", risk=0.85, band="high", reasons=[], silence_days=31.0,
    ...     action="none", arm="holdout", horizon_days=30.0, model_version="prior",
    ...     catalogue="c", vector={})
    >>> action_of(held), segment_of(held)
    ('offer', 'unknown')
    """
    if alert.arm == "treated":
        return alert.action
    if alert.offer is not UNSET:
        return suggested_of(alert.offer.kind)
    codes = [reason.code for reason in alert.reasons]
    return suggested_action("treated", alert.cause, codes, alert.risk)


def segment_of(alert: Alert) -> str:
    """Return the part of their life with the shop that the customer was in."""
    vector = alert.vector
    if not all(name in vector for name in _OF_LIFE):
        return "unknown"
    known = [vector[name] for name in _OF_LIFE]
    return Lifecycle(_PLACES, alert.horizon_days).of_one(known)


#: What is read for the stage.
_OF_STAGE: Final = ("recency", "overdue")


def stage_at(alert: Alert) -> str:
    """Return how the customer stood; nobody who is gone is alerted.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> late = Alert(alert_id="a", user_id="ada", decided_at=noon, valid_until=noon,
    ...     cause="silence", risk=0.85, band="high", reasons=[], silence_days=8.0,
    ...     action="offer", arm="treated", horizon_days=30.0, model_version="prior",
    ...     catalogue="c", vector={"recency": 8.0, "overdue": 1.6})
    >>> stage_at(late), group_of(late, ["risk:0.8", "recency:2:7", "orders:1"])
    ('late', ('risk >= 0.8', 'recency >= 7', 'unknown'))
    """
    vector = alert.vector
    if not all(name in vector for name in _OF_STAGE):
        return "unknown"
    return stage_of(vector, alert.horizon_days, math.inf)


#: What an alert is of that no policy file decided.
NO_PLAYBOOK: Final = "no playbook"


def playbook_of(alert: Alert) -> str:
    """Return the playbook that was chosen, for the held-out as for the treated."""
    return NO_PLAYBOOK if alert.playbook is UNSET else alert.playbook


def variant_of(alert: Alert) -> str:
    """Return the arm of the playbook, with its name; of the held-out the one they would have had.

    So each arm has held-out customers of its own to be compared with.
    """
    if alert.playbook is UNSET or alert.variant is UNSET:
        return NO_PLAYBOOK
    return f"{alert.playbook}/{alert.variant}"


def steering_of(alert: Alert) -> str:
    """Return how what was learnt has steered the decision; of the held-out as of the treated.

    Those who explored are, of those who meet the conditions, a draw: what treating does to them is
    what it does by the file's order.
    """
    return "not steered" if alert.steering is UNSET else alert.steering


#: What can be asked for, and how it is told of an alert.
DIMENSIONS: Final[Mapping[str, Callable[[Alert], str]]] = {
    "action": action_of,
    "playbook": playbook_of,
    "variant": variant_of,
    "cause": lambda alert: alert.cause,
    "segment": segment_of,
    "stage": stage_at,
    "band": lambda alert: alert.band,
    "steering": steering_of,
}

#: What can be asked for beside `DIMENSIONS`: whom treating moves, as of `models.effect.response`.
RESPONSE: Final = "response"


def group_of(alert: Alert, dimensions: Sequence[str]) -> tuple[str, ...]:
    """Return the group of an alert by some of `DIMENSIONS`, and by cuts of the risk or a feature.

    Raises
    ------
    NoCut
        If something is none of them.
    """
    return tuple(
        DIMENSIONS[name](alert) if name in DIMENSIONS else _cut_of(alert, name)
        for name in dimensions
    )


def _cut_of(alert: Alert, word: str) -> str:
    cut = read_cut(word)
    return cut.of(alert.risk if cut.name == "risk" else alert.vector.get(cut.name))
