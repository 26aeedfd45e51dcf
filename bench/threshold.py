"""The policy threshold with which Ebbtide alerts for so many of the events: found in process."""

from __future__ import annotations

from collections.abc import Sequence

from bench.inprocess import run_through
from bench.shopping import Message, Mix
from streams.composition import shop_of
from streams.settings import load_settings


def calm(mix: Mix, inputs: Sequence[Message], alerts: float) -> float:
    """Return the threshold above which the risk of so many decisions lies; cooldowns make fewer."""
    shop = shop_of(load_settings(environ={"EBB_CLOCK": "events"}).settings)
    risks: list[float] = []
    for effects in run_through(shop, (each.value for each in inputs)):
        risks += [each.decision.risk for each in effects.decided]
    wanted = min(round(alerts * mix.events), len(risks) - 1)
    return min(sorted(risks, reverse=True)[wanted], 1.0) if risks else 1.0
