"""How much must be remembered of what was done for a customer, so that every limit can be held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from features import Millis
from models.deciding import Sent
from models.playbooks.plan import Plan

#: No cap is of more than that for one customer: so much is not kept of anybody.
MOST_CAPPED: Final = 100


def memory_of(plan: Plan) -> Millis:
    """Return how far back a plan looks; 0 if it does not.

    Examples
    --------
    >>> from models.playbooks.plan import Cap
    >>> memory_of(Plan((), cooldown=5, caps=(Cap("email", 2, 90),)))
    90
    """
    spans = [plan.cooldown, *(cap.per for cap in plan.caps)]
    return max([*spans, *(each.cooldown for each in plan.playbooks if not each.idle)])


def remembered(plan: Plan, sent: Sequence[Sent], at: Millis) -> tuple[Sent, ...]:
    """Return what of it can still be asked for: whatever else is dropped changes no answer.

    That is, within the longest span that the plan looks back, the newest of each playbook, and of
    those that count for caps as many of the newest, over each channel and in all, as a cap allows.

    Parameters
    ----------
    plan
        Of the shop.
    sent
        What was done, the oldest first.
    at
        The time.

    Examples
    --------
    >>> from models.playbooks.plan import Cap
    >>> plan = Plan((), caps=(Cap("", 2, 90),))
    >>> sent = [Sent(n * 40, "gift", "email") for n in range(5)]
    >>> [each.at for each in remembered(plan, sent, 160)]
    [120, 160]
    """
    memory = memory_of(plan)
    within = [each for each in sent if at - each.at < memory]
    return _newest(within, max([1, *(cap.most for cap in plan.caps)]))


def rememberable(sent: Sequence[Sent]) -> tuple[Sent, ...]:
    """Return what some plan could ask for at some time: whatever else is dropped changes no answer.

    Parameters
    ----------
    sent
        What was done, the oldest first.
    """
    return _newest(sent, MOST_CAPPED)


def _newest(sent: Sequence[Sent], most: int) -> tuple[Sent, ...]:
    playbooks: set[str] = set()
    over: Counter[str] = Counter()
    counted = 0
    kept = []
    for each in reversed(sent):
        needed = each.playbook not in playbooks
        playbooks.add(each.playbook)
        if not each.transactional:
            needed = needed or over[each.channel] < most or counted < most
            over[each.channel] += 1
            counted += 1
        if needed:
            kept.append(each)
    return tuple(reversed(kept))


__all__ = ["MOST_CAPPED", "memory_of", "rememberable", "remembered"]
