"""A shop with a policy file, small enough to be said again by hand, and what happens in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE, Definition, Millis, build_catalogue
from models.deciding import Policy
from models.learning import Judgement
from models.playbooks import Plan, read_plan
from streams.pipeline import Arrival, Shop
from tests.features.histories import START, happened
from tests.streams.pipeline.miniature import shop_with

#: What the workers can hold to.
TEXT: Final = """
version = 1
timezone = "Asia/Shanghai"
currency = "EUR"
holdout = { share = 0.25, salt = "pepper" }
quiet = { from = "21:00", to = "08:00", channels = ["phone"] }

[consent.email]
trait = "news"

[[playbook]]
name = "sorry"
priority = 10
when = { cause = "distress" }
action = { kind = "recover", channel = "email", transactional = true, template = "sorry", cost = 2 }

[[playbook]]
name = "peace"
priority = 20
when = { traits = { tier = "staff" } }
action = { kind = "nothing" }

[[playbook]]
name = "call"
priority = 30
holdout = 0.5
when = { risk = { min = 0.7 } }
action = { kind = "call", channel = "phone" }

[[playbook]]
name = "bargain"
priority = 40

[[playbook.arms]]
name = "ten"
weight = 2
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 0.60 }

[[playbook.arms]]
name = "nothing"
action = { kind = "nothing" }
"""
#: The same, and how often.
CAPPED: Final = TEXT.replace(
    "quiet = {",
    """limits = { cooldown = "3d" }
cap = [
  { channel = "email", most = 2, per = "20d" },
  { most = 3, per = "25d" },
]
quiet = {""",
).replace('name = "call"', 'name = "call"\ncooldown = "10d"')
NAMES: Final = tuple(f"shopper-{number}" for number in range(8))
PLAN: Final = read_plan(TEXT, build_catalogue(Definition()).names)
LIMITED: Final = read_plan(CAPPED, build_catalogue(Definition()).names)


def planned(plan: Plan = PLAN, cooldown: Millis = 2 * DAY) -> Shop:
    """Return the shop."""
    policy = Policy(
        threshold=0.5, hysteresis=0.1, cooldown=cooldown, holdout=0.25, salt="pepper", valid=5 * DAY
    )
    return replace(shop_with(policy=policy, lateness=0), plan=plan)


class Wavering:
    """A judge whose risk goes up and down, several times a day."""

    version = "wavering-1"

    def __init__(self, shop: Shop) -> None:
        self._tenure = shop.catalogue.index["tenure"]

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        risks = np.rint(vectors[:, self._tenure].astype(np.float64) * 29) % 10 / 10
        risks = np.clip(risks, 0.05, 0.95)
        parts = risks.reshape(-1, 1)
        return Judgement(risks, parts, 0.0, ("renewal",), self.version)


@st.composite
def logs(draw: st.DrawFn, names: Sequence[str] = NAMES, least: int = 1) -> list[Arrival]:
    """Return what shoppers do, one after the other in time."""
    step = st.tuples(
        st.sampled_from(names),
        st.one_of(st.integers(1, 4 * HOUR), st.integers(1, 3 * DAY)),
        st.sampled_from(["visit", "purchase", "complaint", "refund", "unsubscribed"]),
        st.sampled_from([{}, {}, {"tier": "staff"}, {"tier": "gold"}, {"news": "yes"}]),
    )
    now = START
    log = []
    for number, (name, pause, kind, traits) in enumerate(
        draw(st.lists(step, min_size=least, max_size=50))
    ):
        now += pause
        channel = {"channel": "email"} if kind == "unsubscribed" else {}
        told = happened(number, kind, now, name, traits=traits, properties=channel)
        log.append(Arrival(number, now, told))
    # Whose only event moves time, so that all silences are looked at.
    end = now + 40 * DAY
    return [*log, Arrival(len(log), end, happened(len(log), "visit", end, "clock"))]


# -- the oracle: the file above, said by hand --------------------------------------------------


class Said(NamedTuple):
    """What the file says of a customer at a decision point."""

    playbook: str
    arm: str
    held: bool
    not_before: Millis


def share(key: str, **more: Any) -> float:
    """Return a number from 0 to 1, the same for the same words."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, **more).digest()) / 2**64


def by_hand(
    name: str,
    at: Millis,
    cause: str,
    risk: float,
    traits: dict[str, str],
    before: Sequence[tuple[Millis, str, str]] | None = None,
) -> Said | None:
    """Return what is done; None if no playbook is for the customer.

    ``before`` is what was done, by which playbook and over which channel, where that is limited.
    """

    def free(channel: str) -> bool:
        within = [each for each in before or () if each[1] != "sorry"]
        return (
            all(at - each[0] >= 3 * DAY for each in within)
            and sum(at - each[0] < 25 * DAY for each in within) < 3
            and (
                channel != "email"
                or sum(at - each[0] < 20 * DAY and each[2] == "email" for each in within) < 2
            )
        )

    rested = all(each[1] != "call" or at - each[0] >= 10 * DAY for each in before or ())
    held = share(f"pepper|{name}") < 0.25
    if cause == "distress":
        return Said("sorry", "only", held, at)
    if traits.get("tier") == "staff":
        return Said("peace", "only", False, at)
    if risk >= 0.7 and rested and free("phone"):
        morning = at
        # Eight o'clock in Shanghai, which knows no summer time, is midnight in UTC.
        while not 8 * 60 <= (morning // MINUTE + 8 * 60) % (24 * 60) < 21 * 60:
            morning = morning // MINUTE * MINUTE + MINUTE
        held = held or share(f"pepper|call|{name}", person=b"holdout") < 0.5
        return Said("call", "only", held, morning)
    if traits.get("news") == "yes" and free("email"):
        ten = share(f"pepper|bargain|{name}", person=b"arm") * 3 < 2
        return Said("bargain", "ten" if ten else "nothing", held, at)
    return None
