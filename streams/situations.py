"""A customer of the running system as playbooks see one: from a dossier to a situation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.playbooks import Plan, Sent, Situation, stage_of, worth
from models.understanding import Lifecycle

if TYPE_CHECKING:
    from streams.live import Dossier


def situation_of(found: Dossier, plan: Plan, cause: str) -> Situation:
    """Return a customer as a plan would see one now.

    Parameters
    ----------
    found
        What is known of the customer.
    plan
        Says what customers are worth before anything is known of one.
    cause
        Why the customer should be thought to be looked at.

    Returns
    -------
    Situation
        What was done before is known from the decisions that are kept, the last few: each alert is
        taken for an action of no playbook and over no channel in particular.
    """
    facts, definition = found.features, found.state.definition
    horizon, active = definition.horizon_days, definition.active_days
    lifecycle = Lifecycle({name: place for place, name in enumerate(facts)}, horizon)
    alerted = {each.at for each in found.ledger.decisions if each.alert}
    if found.ledger.standing.alerted_at >= 0:
        alerted.add(found.ledger.standing.alerted_at)
    return Situation(
        customer=found.customer,
        at=found.at,
        risk=found.risk,
        band=found.band,
        cause=cause,
        reasons=tuple(each.code for each in found.reasons),
        segment=lifecycle.of_one(list(facts.values())),
        stage=stage_of(facts, horizon, active),
        value=worth(facts, horizon, plan.prior),
        facts=facts,
        traits=found.state.traits,
        sent=tuple(Sent(at) for at in sorted(alerted)),
    )
