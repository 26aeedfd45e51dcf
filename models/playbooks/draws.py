"""Who gets what by chance: the same customer the same, for ever, and nothing to be kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from models.playbooks.plan import Arm, Plan, Playbook


class Chances(NamedTuple):
    """With which chances it was drawn what became of a customer whom a playbook was taken for.

    Parameters
    ----------
    held
        Of being held out, of everything or of the playbook.
    arm
        Of the arm that was drawn, held out or not.
    """

    held: float
    arm: float


def chances_of(plan: Plan, playbook: str, arm: str) -> Chances:
    """Return with which chances a customer of a playbook is held out, and has one of its arms.

    Examples
    --------
    Of the nine tenths that the shop does not hold out, a fifth is held out by the playbook:

    >>> from models.playbooks.plan import Action
    >>> arms = (Arm("ten", 2.0, Action("nothing")), Arm("fifteen", 1.0, Action("nothing")))
    >>> plan = Plan((Playbook("bargains", arms, holdout=0.2),), holdout=0.1)
    >>> chances_of(plan, "bargains", "fifteen")
    Chances(held=0.28, arm=0.333333333333)
    """
    taken = next(each for each in plan.playbooks if each.name == playbook)
    weights = {each.name: each.weight for each in taken.arms}
    held = plan.holdout + (1 - plan.holdout) * taken.holdout
    return Chances(round(held, 12), round(weights[arm] / sum(weights.values()), 12))


def held_out(plan: Plan, customer: str) -> bool:
    """Whether nothing is ever done for a customer, so that the effect of all can be measured.

    Those who were held out by a `Policy` with the same share and salt still are.

    Examples
    --------
    >>> plan = Plan((), holdout=0.1, salt="ebbtide")
    >>> [name for name in map("shopper-{}".format, range(20)) if held_out(plan, name)]
    ['shopper-0']
    >>> from models.deciding import Policy
    >>> Policy(holdout=0.1, salt="ebbtide").arm("shopper-0")
    'holdout'
    """
    return plan.arms.arm(customer) == "holdout"


def held_out_of(plan: Plan, playbook: Playbook, customer: str) -> bool:
    """Whether one playbook does nothing for a customer, so that its own effect can be measured."""
    return _share(plan, playbook, customer, b"holdout") < playbook.holdout


def arm_of(plan: Plan, playbook: Playbook, customer: str) -> Arm:
    """Return the arm that a customer has in a playbook, drawn by the weights.

    Whether a customer is held out says nothing of the arm.
    """
    return _drawn(playbook.arms, _share(plan, playbook, customer, b"arm"))


def explores(plan: Plan, customer: str) -> bool:
    """Whether a customer goes by the file's order, whatever was learnt; nobody if nothing steers.

    Says nothing of who is held out, of what, or of the arm.

    Examples
    --------
    >>> from models.playbooks.plan import Steering
    >>> plan = Plan((), holdout=0.1, salt="ebbtide", steering=Steering("response.json", 0.1))
    >>> [name for name in map("shopper-{}".format, range(20)) if explores(plan, name)]
    ['shopper-8']
    """
    steering = plan.steering
    if steering is None:
        return False
    drawn = blake2b(f"{plan.salt}|{customer}".encode(), digest_size=8, person=b"explore")
    return int.from_bytes(drawn.digest()) / 2**64 < steering.explore


def _drawn(arms: Sequence[Arm], share: float) -> Arm:
    left = share * sum(arm.weight for arm in arms)
    for arm in arms:
        if left < arm.weight:
            return arm
        left -= arm.weight
    # Rounding has left a grain behind the last one.
    return [arm for arm in arms if arm.weight > 0][-1]


def _share(plan: Plan, playbook: Playbook, customer: str, purpose: bytes) -> float:
    drawn = blake2b(
        f"{plan.salt}|{playbook.name}|{customer}".encode(), digest_size=8, person=purpose
    )
    return int.from_bytes(drawn.digest()) / 2**64


__all__ = ["Chances", "arm_of", "chances_of", "explores", "held_out", "held_out_of"]
