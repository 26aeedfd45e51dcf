"""A customer of the running system as playbooks see one: from a dossier to a situation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.deciding import Decision, Promised, Sent
from models.playbooks import Plan, Situation, stage_of, worth
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
        What was done before is what the workers remember. Where they decide by no policy file, it
        is known from the decisions that are kept, the last few: each alert is taken for an action
        of no playbook and over no channel in particular.
    """
    facts, definition = found.features, found.state.definition
    horizon, active = definition.horizon_days, definition.active_days
    lifecycle = Lifecycle({name: place for place, name in enumerate(facts)}, horizon)
    ledger = found.ledger
    sent = ledger.sent or tuple(_sent(each) for each in ledger.decisions if each.alert)
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
        sent=Promised(ledger.standing, sent).all_sent(),
    )


def _sent(decision: Decision) -> Sent:
    play = decision.play
    if play is None:
        return Sent(decision.at)
    return Sent(decision.at, play.playbook, play.channel)
