"""What our own work decides on an input: found in process, by a plain loop over the events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.inprocess import Hand, run_through
from bench.peers.our_work import Core, arrival
from bench.shopping import Message, Mix
from streams.composition import shop_of
from streams.pipeline import NO_WATERMARK, Effects, handle
from streams.settings import load_settings


@dataclass(frozen=True)
class Outcome:
    """How many decisions and alerts there must be."""

    decisions: int
    alerts: int


def calm(mix: Mix, inputs: Sequence[Message], alerts: float) -> float:
    """Return the threshold above which the risk of so many decisions lies; cooldowns make fewer."""
    shop = shop_of(load_settings(environ={"EBB_CLOCK": "events"}).settings)
    risks: list[float] = []
    for effects in run_through(shop, (each.value for each in inputs)):
        risks += [each.decision.risk for each in effects.decided]
    wanted = min(round(alerts * mix.events), len(risks) - 1)
    return min(sorted(risks, reverse=True)[wanted], 1.0) if risks else 1.0


def decided(inputs: Iterable[Message], policy: float) -> Outcome:
    """Return what must be decided by whoever fires the timers of all customers of a partition."""
    core = Core(policy)
    lying: dict[int, list[bytes]] = defaultdict(list)
    for each in inputs:
        lying[each.partition].append(each.value)
    effects = (
        each
        for values in lying.values()
        for each in run_through(core.shop, values, Hand(core.shop))
    )
    return _outcome(effects)


def decided_alone(inputs: Iterable[Message], policy: float) -> Outcome:
    """Return what must be decided by whoever takes each customer alone.

    A timer fires when its customer comes again, and not after the last event; so these are fewer.
    """
    core = Core(policy)
    story: dict[bytes, list[bytes]] = defaultdict(list)
    for each in inputs:
        story[each.key].append(each.value)
    # All events of a customer at once: peers, who take them one by one, must find the same.
    effects = (
        handle(core.shop, core.judge, list(map(arrival, values)), (), book, NO_WATERMARK)
        for key, values in story.items()
        for book in [{key.decode(): core.new()}]
    )
    return _outcome(effects)


def _outcome(effects: Iterable[Effects]) -> Outcome:
    decisions = alerts = 0
    for each in effects:
        decisions += len(each.decided)
        alerts += len(each.alerts)
    return Outcome(decisions, alerts)
