"""What a policy file says: playbooks, and what holds for all of them. Frozen; read once.

Money is in whole cents, time in milliseconds, a time of day in minutes since midnight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from features import Millis
from models.deciding import Policy
from models.playbooks.learnt import Group, Learnt

#: What can be done. ``nothing`` is an answer too: whoever it fits is left in peace.
Kind: TypeAlias = Literal["coupon", "recommend", "call", "message", "recover", "nothing"]
KINDS: Final[tuple[Kind, ...]] = ("coupon", "recommend", "call", "message", "recover", "nothing")


class OneOf(NamedTuple):
    """A condition: what is known of a customer is one of these words.

    Parameters
    ----------
    about
        ``band``, ``cause``, ``reasons``, ``segment``, ``stage``, ``consent`` or ``traits``. Of
        reasons one is enough; consents must all be there.
    key
        Of a trait its name.
    words
        Which.
    """

    about: str
    key: str
    words: tuple[str, ...]


class Within(NamedTuple):
    """A condition: a number that is known of a customer lies between two, both included.

    Parameters
    ----------
    about
        ``risk``, ``value`` or ``features``.
    key
        Of a feature its name.
    least, most
        None for no bound.
    """

    about: str
    key: str
    least: float | None
    most: float | None


Condition: TypeAlias = OneOf | Within


class Action(NamedTuple):
    """What is done.

    Parameters
    ----------
    kind
        One of `KINDS`.
    channel
        Over which; empty for the action that is none.
    cost
        What one costs, in cents, whoever receives it.
    template
        Which text, in the shop's CRM.
    depth
        Of a coupon: the share of the price that it takes off.
    expires
        Of a coupon: how long it is good for.
    transactional
        Whether the customer is owed it: it is never capped, and neither waits for the morning nor
        for a consent.
    """

    kind: Kind
    channel: str = ""
    cost: int = 0
    template: str = ""
    depth: float = 0.0
    expires: Millis = 0
    transactional: bool = False


class Arm(NamedTuple):
    """One of several things to do, between which chance decides."""

    name: str
    weight: float
    action: Action


class Budget(NamedTuple):
    """What a playbook may spend, in cents; None for any amount."""

    day: int | None = None
    month: int | None = None


_ANY_AMOUNT: Final = Budget()


class Cap(NamedTuple):
    """So many actions of a customer in so long a time, over one channel or (empty) over all."""

    channel: str
    most: int
    per: Millis


class Rate(NamedTuple):
    """So many actions of the whole shop in so long a time."""

    most: int
    per: Millis


class Quiet(NamedTuple):
    """When nobody is disturbed: from one time of day to another one, over midnight if need be.

    Parameters
    ----------
    start, end
        Minutes since midnight on the customer's clock; at ``end`` it is over.
    trait
        The trait that names the customer's time zone.
    channels
        Over which; empty for all.
    """

    start: int
    end: int
    trait: str = "timezone"
    channels: tuple[str, ...] = ()


class Consent(NamedTuple):
    """Where a customer's consent is known from.

    Parameters
    ----------
    name
        The same as a channel's: nothing goes out over that one without it.
    trait
        The trait that tells it.
    yes
        The values that grant it, in small letters.
    unknown
        Whether a customer of whom the trait is not known has granted it.
    renews
        Whether a trait that grants it lifts an older no of the customer's own. Only where the shop
        tells the trait when the customer says so, and not again and again.
    """

    name: str
    trait: str
    yes: tuple[str, ...] = ("true", "yes", "1", "granted")
    unknown: bool = False
    renews: bool = False


class Prior(NamedTuple):
    """What is known of a shop's customers before anything is known of one (`worth`).

    Parameters
    ----------
    margin
        The share of an order that the shop earns.
    order, orders
        Of an order the mean, in cents, and as how many orders of one's own that counts.
    rate, days
        Orders in so many days: what a customer has, before any is seen.
    """

    margin: float = 0.3
    order: int = 5_000
    orders: float = 3.0
    rate: float = 1.0
    days: float = 60.0


USUAL: Final = Prior()
#: Of orders, of days, and of money, in a file.
MOST: Final = 1_000.0
MOST_DAYS: Final = 10_000.0
MOST_CENTS: Final = 10**11


@dataclass(frozen=True)
class Playbook:
    """Whom it is for, what is done, and how often.

    Parameters
    ----------
    name
        Of the playbook.
    priority
        The smaller, the sooner it is taken.
    when
        All of these must hold.
    unless
        None of these may hold.
    arms
        What is done; several if chance decides between them.
    holdout
        The share of its customers to whom it is not done, so that what it does can be seen.
    budget
        What it may spend.
    cooldown
        Least time between two of its actions for one customer.
    uplift
        By how much it is thought to raise the chance that a customer at risk stays; None if nobody
        has an idea.
    enabled
        Whether it is in force.
    """

    name: str
    arms: tuple[Arm, ...]
    priority: int = 100
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()
    holdout: float = 0.0
    budget: Budget = _ANY_AMOUNT
    cooldown: Millis = 0
    uplift: float | None = None
    enabled: bool = True

    @cached_property
    def cost(self) -> float:
        """What one action costs in the mean over the arms, in cents."""
        weights = sum(arm.weight for arm in self.arms)
        return sum(arm.weight * arm.action.cost for arm in self.arms) / weights

    @cached_property
    def idle(self) -> bool:
        """Whether it does nothing, whichever arm is drawn."""
        return all(arm.action.kind == "nothing" for arm in self.arms)

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The channels of its arms that are not transactional, each once."""
        found = [each.action.channel for each in self.arms if not each.action.transactional]
        return tuple(dict.fromkeys(channel for channel in found if channel))


Goal: TypeAlias = Literal["return", "margin"]
GOALS: Final[tuple[Goal, ...]] = ("return", "margin")


@dataclass(frozen=True)
class Steering:
    """That what was learnt of playbooks stands in for what the file thinks of them.

    Parameters
    ----------
    response
        The file that says what was learnt, as the policy file names it.
    explore
        The share of customers who go by the file's order all the same, so that what was learnt
        can be learnt anew.
    least
        Treated customers, and held-out ones, from whom something must have been learnt to count.
    spread
        How far, as a standard deviation, the uplift of a group of customers is thought to lie from
        the file's: the smaller, the more it takes to believe otherwise.
    learnt
        What that file says; None as long as nobody has read it.
    goal
        By what playbooks are compared: how many more of the customers ``return``, or the
        ``margin`` that they bring, after cost.
    """

    response: str
    explore: float = 0.1
    least: int = 100
    spread: float = 0.05
    learnt: Learnt | None = None
    goal: Goal = "return"

    @cached_property
    def groups(self) -> dict[tuple[str, tuple[str, ...]], Group]:
        """What counts of it, by playbook and group."""
        found = () if self.learnt is None else self.learnt.groups
        return {(each.playbook, each.where): each for each in found if self.counts(each)}

    def counts(self, group: Group) -> bool:
        """Whether enough is known of a group."""
        told = group.known and (self.goal == "return" or group.money is not None)
        return told and min(group.treated, group.held_out) >= self.least


@dataclass(frozen=True)
class Plan:
    """A whole policy file.

    Parameters
    ----------
    timezone
        Of the shop: its days and months begin there, and a customer whose zone is not known lives
        there.
    currency
        ISO 4217; told with amounts.
    holdout, salt
        Share of customers to whom nothing is ever done, and what changes who they are: those of
        `Policy` with the same two.
    cooldown
        Least time between two actions for one customer, whichever playbooks they are of.
    rate
        Most actions of the shop; None for any number.
    caps
        Most actions for one customer.
    quiet
        When nobody is disturbed; None for never.
    consents
        Where consents are known from.
    prior
        What is known of a customer's value before anything is known of the customer.
    playbooks
        In the order of the file.
    fingerprint
        Changes with the file, and with what was learnt if that steers.
    steering
        How what was learnt counts; None if it does not.
    """

    playbooks: tuple[Playbook, ...]
    timezone: str = "UTC"
    currency: str = ""
    holdout: float = 0.1
    salt: str = "ebbtide"
    cooldown: Millis = 0
    rate: Rate | None = None
    caps: tuple[Cap, ...] = ()
    quiet: Quiet | None = None
    consents: tuple[Consent, ...] = ()
    prior: Prior = USUAL
    fingerprint: str = ""
    steering: Steering | None = None

    @cached_property
    def limited(self) -> bool:
        """Whether anything is limited for the shop as a whole: money, or a rate."""
        return self.rate is not None or any(
            each.enabled and each.budget != _ANY_AMOUNT for each in self.playbooks
        )

    @cached_property
    def arms(self) -> Policy:
        """Who tells the customers who are held out of everything from the others."""
        return Policy(holdout=self.holdout, salt=self.salt)


__all__ = [
    "KINDS",
    "Action",
    "Arm",
    "Budget",
    "Cap",
    "Condition",
    "Consent",
    "Kind",
    "OneOf",
    "Plan",
    "Playbook",
    "Prior",
    "Quiet",
    "Rate",
    "Steering",
    "Within",
]
