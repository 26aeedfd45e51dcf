"""A customer at a decision point, as playbooks see one; and in which stage somebody is now.

The segment says who a customer was while they came, the stage how they stand now. The first that
holds is it; H is the horizon, A the silence after which a customer is gone:

============  =================================================================================
``gone``      silent for A or longer
``lapsing``   silent for H or longer
``late``      silent for at least 1.5 times as long as is usual for this customer
``current``   everybody else
============  =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from features import Millis
from models.deciding import Sent

STAGES: Final = ("current", "late", "lapsing", "gone")
#: In multiples of the customer's own rhythm: the first at which the silence is looked at.
LATE_AFTER: Final = 1.5


def stage_of(facts: Mapping[str, float], horizon_days: float, active_days: float) -> str:
    """Return how a customer stands now.

    Parameters
    ----------
    facts
        A vector by name; ``recency`` and ``overdue`` are read.
    horizon_days, active_days
        H and A.

    Examples
    --------
    >>> stage_of({"recency": 8.0, "overdue": 1.6}, 30.0, 90.0)
    'late'
    >>> stage_of({"recency": 30.0, "overdue": 0.9}, 30.0, 90.0)
    'lapsing'
    """
    silent = facts["recency"]
    if silent >= active_days:
        return "gone"
    if silent >= horizon_days:
        return "lapsing"
    return "late" if facts["overdue"] >= LATE_AFTER else "current"


@dataclass(frozen=True)
class Situation:
    """A customer at a decision point.

    Parameters
    ----------
    customer, at
        Who, and when.
    cause
        Why the customer is looked at; empty where nothing has happened but a question.
    risk, band
        Of not coming back, and in one word.
    reasons
        Codes of what raises the risk, strongest first.
    segment, stage
        Who the customer was, and how they stand now.
    value
        What is lost with the customer within the horizon, in cents (`worth`).
    facts
        Every feature by its name.
    traits
        What the shop has said of the customer.
    sent
        What was done before, held-out customers' as if it had been.
    """

    customer: str
    at: Millis
    risk: float
    band: str
    cause: str = ""
    reasons: tuple[str, ...] = ()
    segment: str = ""
    stage: str = ""
    value: float = 0.0
    facts: Mapping[str, float] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)
    sent: tuple[Sent, ...] = ()


__all__ = ["LATE_AFTER", "STAGES", "Sent", "Situation", "stage_of"]
