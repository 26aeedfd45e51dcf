"""What was learnt of a playbook, for one customer: it stands in for the uplift of the file.

1. It counts if enough treated and held-out customers of the customer's group are known. Where it
   does not, the file's word stands, and nothing is other than without steering.
2. What was measured is by how much more of the treated came back; a file's uplift is of those who
   would not have. So the one is the other times the risk, which was that of the group.
3. It is shrunk to the file's uplift (to none where the file says nothing), the more so the less
   sure it is: the mean of two normal guesses, each weighed by its precision.
   Where the goal is the margin, so is what such customers brought by it, after cost: the file's
   guess is what it would have of this one, the uplift of risk and value less the cost.
4. If the bounds are wholly below zero, the playbook harms, and is not taken. Until they are,
   nothing is held against it but that it brings nothing.
5. What the customer is owed, or what does nothing, is not asked about.

A share of the customers, drawn as the holdout is, goes by the file's order whatever was learnt, and
in each group treated and held-out ones go the same way: so what was learnt can be learnt again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from models.playbooks.faults import Fault, PolicyWrong
from models.playbooks.learnt import Group, LearntWrong, decode_learnt
from models.playbooks.lines import lines_of
from models.playbooks.plan import Plan, Playbook, Steering
from models.playbooks.situation import Situation


class Estimate(NamedTuple):
    """What was learnt of a playbook for customers like one.

    Parameters
    ----------
    uplift
        What stands in for that of the file.
    lift, low, high
        By how much more of the treated came back, as a share, and its bounds.
    where
        Which customers.
    treated, held_out
        Of how many it is known.
    gain
        What is expected of it, in cents, after cost, where the goal is the margin; else None.
    """

    uplift: float
    lift: float
    low: float
    high: float
    where: tuple[str, ...]
    treated: int
    held_out: int
    gain: float | None = None

    @property
    def harms(self) -> bool:
        """Whether it drives such customers away, beyond doubt."""
        return self.high < 0


def estimate(steering: Steering, playbook: Playbook, situation: Situation) -> Estimate | None:
    """Return what was learnt of a playbook for a customer; None where the file's word stands.

    Parameters
    ----------
    steering
        Of the plan.
    playbook
        Which.
    situation
        Of the customer.

    Examples
    --------
    Half of the way from the file's 0.05 to what was measured: 0.07 of customers at a risk of 0.7.

    >>> from models.playbooks.learnt import Group, Learnt
    >>> from models.playbooks.plan import Action, Arm
    >>> call = Playbook("call", (Arm("only", 1.0, Action("call", "phone", 3_00)),), uplift=0.05)
    >>> group = Group(playbook="call", where=("loyal",), treated=900, held_out=100, risk=0.7,
    ...     lift=0.07, error=0.035, low=-0.02, high=0.16)
    >>> learnt = Learnt(version=1, first="", last="", horizon_days=30.0, alpha=0.05,
    ...     by=("segment",), groups=(group,))
    >>> steering = Steering("response.json", spread=0.05, learnt=learnt)
    >>> ada = Situation("ada", 0, risk=0.8, band="high", segment="loyal")
    >>> found = estimate(steering, call, ada)
    >>> round(found.uplift, 4), found.harms
    (0.075, False)
    >>> estimate(Steering("response.json", least=200, learnt=learnt), call, ada) is None
    True
    """
    if steering.learnt is None or playbook.idle or not playbook.channels:
        return None
    where = steering.learnt.where(situation)
    group = steering.groups.get((playbook.name, where))
    if group is None:
        return None
    assert group.lift is not None and group.error is not None
    assert group.low is not None and group.high is not None
    word = playbook.uplift or 0.0
    own, noise = steering.spread**2, (group.error / group.risk) ** 2
    shrunk = word + own / (own + noise) * (group.lift / group.risk - word)
    return Estimate(
        max(shrunk, 0.0),
        group.lift,
        group.low,
        group.high,
        where,
        group.treated,
        group.held_out,
        _gain(steering, playbook, situation, group),
    )


def _gain(
    steering: Steering, playbook: Playbook, situation: Situation, group: Group
) -> float | None:
    if steering.goal == "return":
        return None
    assert group.money is not None and group.money_error is not None
    lost = situation.risk * situation.value
    word = lost * (playbook.uplift or 0.0) - playbook.cost
    own, noise = (steering.spread * lost) ** 2, (100 * group.money_error) ** 2
    # Of a customer who is worth nothing, only what was measured of others is known.
    share = own / (own + noise) if own else float(not noise)
    return word + share * (100 * group.money - word)


def with_learnt(plan: Plan, text: str, data: bytes, features: Collection[str]) -> Plan:
    """Return a plan that steers by what a file says.

    Parameters
    ----------
    plan
        As it was read.
    text
        Of the policy file.
    data
        Of the file that it names.
    features
        The names that there are: those of the catalogue.

    Raises
    ------
    PolicyWrong
        If that says nothing that was learnt, or by features that there are not; at the line of the
        policy file that names it.
    """
    steering = plan.steering
    assert steering is not None
    try:
        learnt = decode_learnt(data)
    except LearntWrong as error:
        raise PolicyWrong([at_response(text, f"{steering.response}: {error}")]) from None
    if steering.goal == "margin" and any(
        each.known and each.money is None for each in learnt.groups
    ):
        wrong = "it tells no money, by which to steer; write it anew with ebb effect"
        raise PolicyWrong([at_response(text, f"{steering.response}: {wrong} --write-response")])
    for name in learnt.features:
        if name not in features:
            wrong = f"by: there is no feature {name!r}; ebb features lists them all"
            raise PolicyWrong([at_response(text, f"{steering.response}: {wrong}")])
    mark = blake2b(text.encode() + b"\0" + data, digest_size=6).hexdigest()
    return replace(plan, steering=replace(steering, learnt=learnt), fingerprint=mark)


def at_response(text: str, wrong: str) -> Fault:
    """Return what is wrong with the file of what was learnt, as a fault of the policy file."""
    return Fault(lines_of(text).get(("steering", "response"), 1), "steering.response", wrong)


__all__ = ["Estimate", "at_response", "estimate", "with_learnt"]
