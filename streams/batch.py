"""What goes into the pipeline, and what comes out: the shop's rules, a batch, its effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from features import (
    Catalogue,
    CustomerState,
    Definition,
    Event,
    Handed,
    History,
    Millis,
    is_customer,
    is_visitor,
)
from models.deciding import Alert, Decision, Ledger, Policy, Promised
from models.judging import Explainer
from models.learning import Judgement, TrainingExample
from models.playbooks import Plan

#: The watermark of a partition in which nothing has happened yet.
NO_WATERMARK: Final[Millis] = -1


@dataclass(frozen=True)
class Shop:
    """All the rules of one shop.

    Parameters
    ----------
    definition
        What "gone" means here.
    catalogue
        The features.
    policy
        When to act.
    explainer
        Tells reasons in words.
    lateness
        How late an event may come before the watermark has passed it, in milliseconds.
    skew
        How far after its arrival an event's own time may lie, in milliseconds.
    keep
        Share of the predictions kept for learning.
    max_pending
        Most predictions kept for one customer.
    visitors
        Whether visitors, who have not said who they are, are judged as customers are.
    plan
        What to do about whom; None if the policy alone decides.
    stores
        Whether customers are stored, so that it is worth while to know what vectors are made of.
    """

    definition: Definition
    catalogue: Catalogue
    policy: Policy
    explainer: Explainer
    lateness: Millis
    skew: Millis
    keep: float = 1.0
    max_pending: int = 32
    visitors: bool = False
    plan: Plan | None = None
    stores: bool = True

    def judges(self, user_id: str) -> bool:
        """Whether decisions are taken on somebody: on customers, and on visitors if so wanted."""
        return is_customer(user_id) or (self.visitors and is_visitor(user_id))


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event as it lies in the log: where, when it arrived, and what it says.

    With a history it is one that its customer did as a visitor, and that was handed over; the
    first of them brings what was promised by what had been done for the visitor.
    """

    offset: int
    timestamp: Millis
    event: Event
    history: History | None = None
    promised: Promised | None = None


class Refusal(NamedTuple):
    """An event that cannot be used, and why."""

    offset: int
    reason: str
    field: str


class Passed(NamedTuple):
    """An event of a visitor that goes to the customer who that is, and what brought it about.

    With the first of them goes what the visitor was promised, if anything was.
    """

    offset: int
    timestamp: Millis
    handed: Handed
    promised: Promised | None = None


class TakenOver(NamedTuple):
    """What a customer was promised as a visitor, from now on.

    Parameters
    ----------
    user_id
        The customer.
    before
        How many decisions of the batch came before.
    promised
        By what was done for the visitor.
    """

    user_id: str
    before: int
    promised: Promised


class Customer:
    """A customer in hand: what is known, what is believed, and what of it has changed."""

    __slots__ = ("ledger", "ledger_changed", "new", "state", "state_changed")

    def __init__(self, state: CustomerState, ledger: Ledger, *, new: bool) -> None:
        self.state = state
        self.ledger = ledger
        self.new = new
        self.state_changed = False
        self.ledger_changed = False

    def due(self) -> Millis:
        """Return when this customer must be looked at next; `NEVER` if never."""
        return min(self.state.due(), self.ledger.due())


class Decided(NamedTuple):
    """A decision as it was taken.

    Parameters
    ----------
    user_id
        About whom.
    decision
        What was decided, and why.
    row
        Which row of the batch's vectors and of its judgement it rests on.
    kept
        Whether its label is awaited.
    traits
        What the shop had said of the customer by then; None where no plan asks for it.
    """

    user_id: str
    decision: Decision
    row: int
    kept: bool
    traits: Mapping[str, str] | None = None


@dataclass
class Effects:
    """What a batch brings about.

    Parameters
    ----------
    watermark
        The partition's watermark after the batch.
    alerts, examples
        To be published.
    refused
        For the dead-letter topic.
    passed
        For the partitions of the customers who visitors turned out to be, in order.
    changed
        Customers whose state, ledger or next timer may have changed.
    counts
        What happened, for status and metrics.
    decided
        Every decision, in order, also those not to act.
    taken_over
        What customers were promised as visitors, in order.
    vectors, judgement
        What was scored in this batch, and what came out; None where nothing was. Not every row
        became a decision: one that had been taken before is not taken again.
    """

    watermark: Millis
    alerts: list[Alert] = field(default_factory=list)
    examples: list[TrainingExample] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    changed: dict[str, Customer] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    decided: list[Decided] = field(default_factory=list)
    taken_over: list[TakenOver] = field(default_factory=list)
    vectors: npt.NDArray[np.float32] | None = None
    judgement: Judgement | None = None
