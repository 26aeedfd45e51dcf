"""What is sent at a set rate: customers who come one by one, or in sessions, and probes among them.

A probe is a complaint of a customer who was never seen before, which is decided, and alerted, at
once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.shopping import Homes, Message, Mix, customer, event, messages
from features import decode_event

#: Events of two days of event time: as dense as where peers are compared.
_DENSE = 200_000
#: Events before they begin anew, one by one.
_ROUND = 1 << 16


@dataclass(frozen=True)
class Plan:
    """What is to be sent.

    ``probes``: one event in so many is one. ``base``: event time of the first event, in
    milliseconds; without it, the clock's. ``tag`` keeps the ids of several sendings apart. In
    ``sessions``, event time is that of the simulated shop, which ends at `bench.shopping.END`.
    """

    rate: float
    seconds: float
    probes: int = 100
    customers: int = 20_000
    base: int | None = None
    tag: int = 0
    seed: int = 7
    sessions: bool = False

    @property
    def total(self) -> int:
        """How many events it is."""
        return int(self.rate * self.seconds)

    def mix(self, partitions: int) -> Mix:
        """Return what comes in sessions."""
        days = 2 * self.total / _DENSE
        return Mix(self.total, self.customers, partitions, days, self.seed)


def traffic(plan: Plan, partitions: int, base: int) -> Iterator[Message]:
    """Return the events of a plan, each as it is asked for."""
    return _in_sessions(plan, partitions) if plan.sessions else _singly(plan, partitions, base)


def probe(plan: Plan, number: int) -> str:
    """Return the customer of a probe.

    >>> number_of(probe(Plan(10, 1, tag=3), 400))
    400
    """
    return f"probe-{plan.tag}-{number:09d}"


def number_of(name: str) -> int:
    """Return which of the events a probe was."""
    return int(name.rpartition("-")[2])


def _singly(plan: Plan, partitions: int, base: int) -> Iterator[Message]:
    homes, first = Homes(partitions), plan.tag * 1_000_000_000
    who = list(_regulars(plan, homes))
    for number in range(plan.total):
        at = base + int(number * 1_000 / plan.rate)
        if number % plan.probes == 0:
            name, kind = probe(plan, number), "complaint"
            key = name.encode()
            home = homes[key]
        else:
            (name, key, home), kind = who[number % len(who)], "product_viewed"
        yield Message(home, key, event(first + number, name, at, kind, 9.9, number % 50_000))


def _in_sessions(plan: Plan, partitions: int) -> Iterator[Message]:
    homes, first = Homes(partitions), plan.tag * 1_000_000_000
    for number, message in enumerate(messages(plan.mix(partitions))):
        if number % plan.probes == 0:
            name, at = probe(plan, number), decode_event(message.value).at
            value = event(first + number, name, at, "complaint", 9.9, number % 50_000)
            yield Message(homes[key := name.encode()], key, value)
        else:
            yield message


def _regulars(plan: Plan, homes: Homes) -> Iterator[tuple[str, bytes, int]]:
    rng = np.random.default_rng(plan.seed)
    weights = 1 / np.arange(1, plan.customers + 1)
    ranks = rng.choice(plan.customers, size=_ROUND, p=weights / weights.sum())
    for number in ranks.tolist():
        name = customer(number)
        yield name, (key := name.encode()), homes[key]
