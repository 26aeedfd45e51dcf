"""What came of alerts settles what was set aside for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from models.deciding import Outcome
from models.limits import MOST_AT_ONCE, Limits, Settlement

#: The offer was used: unless the outcome tells the cost, all that was set aside is spent.
_USED: Final = "redeemed"
#: It will not be: unless the outcome tells a cost, all goes back.
_UNUSED: Final = frozenset({"declined", "failed"})


def settlements(outcomes: Sequence[Outcome]) -> Iterator[Settlement]:
    """Yield what outcomes say of costs.

    Parameters
    ----------
    outcomes
        In any order, and repeated or not.

    Yields
    ------
    Settlement
        Of `redeemed`, `declined` and `failed`, after which nothing more is to come, and of every
        other outcome that tells a cost.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 11, 29, tzinfo=UTC)
    >>> def heard(kind, cost=None):
    ...     named = {"outcome_id": kind, "alert_id": "a", "user_id": "ada"}
    ...     return Outcome(**named, type=kind, time=now, cost=cost)
    >>> for each in settlements([heard("sent", 0.05), heard("opened"), heard("redeemed")]):
    ...     print(each.outcome_id, each.cost, each.closes)
    sent 5 False
    redeemed None True
    """
    for each in outcomes:
        cost = None if each.cost is None else round(each.cost * 100)
        if each.type in _UNUSED:
            yield Settlement(each.alert_id, each.outcome_id, cost or 0)
        elif each.type == _USED:
            yield Settlement(each.alert_id, each.outcome_id, cost)
        elif cost:
            yield Settlement(each.alert_id, each.outcome_id, cost, closes=False)


async def settle_costs(limits: Limits, outcomes: Sequence[Outcome]) -> None:
    """Settle what outcomes say of costs; to do it again does no harm.

    Parameters
    ----------
    limits
        Which all workers share.
    outcomes
        A batch.

    Raises
    ------
    LimitsAway
        If the limits cannot be asked.
    """
    told = list(settlements(outcomes))
    for first in range(0, len(told), MOST_AT_ONCE):
        # What an outcome says of the time is somebody else's word: it ends nothing.
        await limits.settle(told[first : first + MOST_AT_ONCE], now=0)
