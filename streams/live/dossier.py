"""All that is known, believed and decided about one customer, now or later in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from features import NEVER, CustomerState, Millis, decode_state, to_iso
from features.store import Store
from models.deciding import Decision, Ledger, Obstacle, Play
from models.judging import Cause, Ground
from models.learning import Judge
from models.playbooks import Hindrance, say, say_steering
from streams.answers import why_of
from streams.live.held import Mark, read_mark
from streams.pipeline import Shop
from streams.topics import partition_of


class UnknownCustomer(LookupError):
    """Nothing is known of this customer."""


class HasBecome(LookupError):
    """A visitor who has said who they are: what they did is that customer's now.

    Parameters
    ----------
    customer, since
        Who it is, and since when that is known.
    """

    def __init__(self, customer: str, since: Millis) -> None:
        super().__init__(customer)
        self.customer = customer
        self.since = since


class TooEarly(ValueError):
    """The state has moved past that moment, and cannot be moved back."""


@dataclass(frozen=True)
class Dossier:
    """One customer, as seen at a moment.

    Parameters
    ----------
    customer
        Who.
    at
        The moment; the partition's watermark unless a later one was asked for.
    state, ledger
        What is known, and what was believed and done.
    watermark
        Of the customer's partition.
    features
        Every feature at the moment.
    risk, band, reasons
        What the model of now says at the moment, and what raises the risk, strongest first.
    causes
        All that raises or lowers it, the strongest first.
    model_version
        The model of now.
    active
        Whether the customer still counts as one.
    judged
        Whether decisions are taken: not on a visitor who has not said who they are.
    say
        Puts into words what a decision rested on.
    language, currency
        In which the rest is told.
    policy
        Fingerprint of the policy file by which is decided; empty if there is none.
    """

    customer: str
    at: Millis
    state: CustomerState
    ledger: Ledger
    watermark: Millis
    features: dict[str, float]
    risk: float
    band: str
    reasons: list[Cause]
    causes: list[Cause]
    model_version: str
    active: bool
    judged: bool
    say: Callable[[Ground], str]
    language: str = "en"
    currency: str = ""
    policy: str = ""

    @property
    def last_decision(self) -> Decision | None:
        """The last decision that was made, also one not to act."""
        return self.ledger.decisions[-1] if self.ledger.decisions else None

    @property
    def timers(self) -> list[dict[str, Any]]:
        """What will happen if the customer stays silent, soonest first."""
        state = self.state
        found = []
        if state.session.events:
            ends = state.session.last + state.definition.session_gap
            found.append((ends, "session_end"))
        if state.check_due < NEVER:
            found.append((state.check_due, "silence"))
        if self.ledger.due() < NEVER:
            found.append((self.ledger.due(), "label"))
        return [{"at": to_iso(at), "cause": cause} for at, cause in sorted(found)]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return {
            "customer": self.customer,
            "at": to_iso(self.at),
            "active": self.active,
            "judged": self.judged,
            "events": self.state.events,
            "first_seen": to_iso(self.state.first_seen) if self.state.events else None,
            "last_seen": to_iso(self.state.last_seen) if self.state.events else None,
            "consent": {
                channel or "*": {"granted": granted, "at": to_iso(at)}
                for channel, (at, granted) in sorted(self.state.traits.words.items())
            },
            "watermark": to_iso(self.watermark),
            "features": self.features,
            "timers": self.timers,
            "pending_labels": len(self.ledger.pending),
            "risk": self.risk,
            "band": self.band,
            "reasons": [cause._asdict() for cause in self.reasons],
            "causes": [cause._asdict() for cause in self.causes],
            "model_version": self.model_version,
            "decisions": [self.told(each) for each in self.ledger.decisions],
        }

    def told(self, decision: Decision) -> dict[str, Any]:
        """Return a decision as plain data, its grounds in words."""
        play = decision.play
        by_plan = {} if play is None else {"play": self._played(play)}
        return {
            "at": to_iso(decision.at),
            "cause": decision.cause,
            "risk": decision.risk,
            "band": decision.band,
            "arm": decision.arm,
            "model_version": decision.version,
            "alert": decision.alert,
            "why": self.why(decision),
            "reasons": [
                {"code": each.code, "text": self.say(each), "contribution": each.contribution}
                for each in decision.grounds
            ],
            **by_plan,
        }

    def why(self, decision: Decision) -> str:
        """Return why something was decided, in words."""
        return why_of(decision, self.language)

    def _played(self, play: Play) -> dict[str, Any]:
        return {
            "policy": play.policy,
            "playbook": play.playbook or None,
            "variant": play.variant or None,
            "kind": play.kind or None,
            "channel": play.channel or None,
            "held_out": play.held or None,
            "not_before": None if play.not_before < 0 else to_iso(play.not_before),
            "obstacles": [
                {**each._asdict(), "why": self.hindered(each, play.policy)}
                for each in play.obstacles
            ],
            **self._steered(play),
        }

    def _steered(self, play: Play) -> dict[str, Any]:
        """Return how what was learnt has steered a decision; nothing where nothing steers."""
        if not play.steering:
            return {}
        return {
            "steering": play.steering,
            "instead": play.instead or None,
            "uplift": play.uplift,
            "steered": self.steered(play),
        }

    def steered(self, play: Play) -> str:
        """Return how what was learnt has steered a decision, in words; empty if it did not."""
        return say_steering(play.steering, play.instead, self.language)

    def hindered(self, obstacle: Obstacle, policy: str) -> str:
        """Return what stood in the way of a playbook, in words.

        Parameters
        ----------
        obstacle
            What it was.
        policy
            The version of the policy file that said so. In which currency another one than that
            of now counted is not known.
        """
        _, code, about, numbers, found, wanted = obstacle
        hindrance = Hindrance(code, about, numbers, found, wanted)
        return say(hindrance, self.language, self.currency if policy == self.policy else "")


async def read_dossier(
    store: Store, shop: Shop, judge: Judge, customer: str, at: Millis | None = None
) -> Dossier:
    """Read a customer from the store and judge at a moment.

    Parameters
    ----------
    store
        Of the workers.
    shop, judge
        The rules, and the model of now.
    customer
        Who.
    at
        The moment, in silence since the last event; None for the partition's watermark.

    Raises
    ------
    UnknownCustomer
        If nothing is known of the customer.
    HasBecome
        If it is a visitor who has become a customer.
    TooEarly
        If the state has moved past the moment.
    """
    mark = await _mark_of(store, customer)
    page = await store.read(partition_of(customer.encode(), mark.partitions), [customer], -1, 0)
    record = page.records[customer]
    if record.state is None:
        raise UnknownCustomer(customer)
    state = decode_state(record.state, shop.definition)
    if state.trail is not None and state.trail.customer is not None:
        raise HasBecome(state.trail.customer, state.trail.since)
    ledger = Ledger() if record.ledger is None else Ledger.decode(record.ledger)
    moment = max(mark.watermark, state.now) if at is None else at
    if moment < state.now:
        raise TooEarly(
            f"{customer} is known as of {to_iso(state.now)}; ask for that moment or a later one"
        )
    # A private copy, moved on in silence: what the worker would see then, if nothing came.
    while state.due() <= moment:
        state.fire()
    vector = shop.catalogue.vector(state, moment)
    judgement = judge.judge(np.array([vector], dtype=np.float32))
    features = shop.catalogue.as_dict(vector)
    [risk] = judgement.told()
    weights = shop.explainer.weigh(judgement)[0]
    return Dossier(
        customer=customer,
        at=moment,
        state=state,
        ledger=ledger,
        watermark=mark.watermark,
        features=features,
        risk=risk,
        band=shop.policy.band(risk),
        reasons=shop.explainer.causes(weights, features),
        causes=shop.explainer.all_causes(weights, features),
        model_version=judgement.version,
        active=state.is_active(moment),
        judged=shop.judges(customer),
        say=shop.explainer.say,
        language=shop.explainer.language,
        currency="" if shop.plan is None else shop.plan.currency,
        policy="" if shop.plan is None else shop.plan.fingerprint,
    )


async def _mark_of(store: Store, customer: str) -> Mark:
    """Return the mark of the customer's partition; any mark tells how many there are."""
    mark = read_mark(await store.mark(0))
    if not mark.partitions:
        raise UnknownCustomer(customer)
    partition = partition_of(customer.encode(), mark.partitions)
    return read_mark(await store.mark(partition)) if partition else mark
