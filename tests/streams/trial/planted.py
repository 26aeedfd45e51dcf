"""Shoppers whose answer to being treated is known, because it was planted.

Each is judged three times, forty days apart. A visit of a kind that is in trouble is a moment at
which any policy may alert again, so that what is done depends on the risk alone; who is treated
is drawn by the hash of the policy. Treating keeps many of the new, some of the occasional, and
drives a few of the loyal away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from features import DAY, to_iso
from models.deciding import Policy
from streams.trial import Alternative, Decided, Trial, Trials, Tried, try_policy

EFFECTS: Final = np.array([0.3, 0.1, -0.1])
SEGMENTS: Final = ("new", "occasional", "loyal")
LOOKS: Final = 3
APART: Final = 40 * DAY
LOGGING: Final = Policy(threshold=0.5, hysteresis=0.1, cooldown=14 * DAY, holdout=0.4)


class Shop:
    """Shoppers drawn from a seed, and what they do untreated and treated.

    Parameters
    ----------
    seed
        Of what is drawn.
    customers
        How many.
    """

    def __init__(self, seed: int, customers: int = 300) -> None:
        rng = np.random.default_rng(seed)
        self.names = tuple(f"{seed}-{number}" for number in range(customers))
        self.who = np.tile(np.arange(customers), LOOKS)
        self.at = np.repeat(np.arange(1, LOOKS + 1) * APART, customers)
        self.segment = rng.integers(0, 3, customers)[self.who]
        own = rng.normal(0, 0.08, customers)[self.who]
        middle = np.array([0.65, 0.55, 0.5])[self.segment]
        self.risks = np.clip(middle + rng.normal(0, 0.15, len(self.who)), 0.02, 0.98)
        # What the model says is not quite so, and of each customer there is more than it knows.
        stays = np.clip(0.85 - 0.7 * self.risks + own, 0.02, 0.98)
        self.untreated = stays
        self.treated = np.clip(stays + EFFECTS[self.segment], 0.02, 0.98)
        self.luck = rng.random(len(self.who))

    def decided(self, policy: Policy = LOGGING) -> Decided:
        """Return what a backtest of the shop would have read, before anybody was treated."""
        count = len(self.who)
        return Decided(
            folder=Path("planted"),
            report=REPORT,
            model="planted",
            policy=policy,
            names=self.names,
            customers=self.who,
            at=self.at,
            causes=("distress",) * count,
            risks=self.risks,
            labels=np.full(count, np.nan),
            silence_days=np.zeros(count),
            last_at=self.at,
            alerts=np.zeros(count, dtype=bool),
            arms=("treated",) * count,
        )

    def logged(self, decided: Decided) -> Trials:
        """Return what was tried by the policy that ran, and what came of it."""
        ran = try_policy(Alternative(decided, decided.policy))
        share = decided.policy.holdout
        rows = []
        for place in np.flatnonzero(ran.alerts):
            treated = not ran.held_out[place]
            chance = (self.treated if treated else self.untreated)[place]
            rows.append(
                Trial(
                    customer=self.names[self.who[place]],
                    at=int(self.at[place]),
                    cause="distress",
                    treated=treated,
                    propensity=1 - share if treated else share,
                    reward=float(self.luck[place] < chance),
                )
            )
        return Trials("planted", tuple(rows))


def salted(seed: int, **changed: Any) -> Policy:
    """Return the logging policy, or another, whose holdout is drawn anew."""
    same = {"threshold": 0.5, "hysteresis": 0.1, "cooldown": 14 * DAY, "holdout": 0.4}
    return Policy(**{**same, **changed, "salt": f"seed {seed}"})


def truth(threshold: float, holdout: float) -> float:
    """Return what a policy is worth a logged moment: the mean over a crowd, nobody being drawn."""
    crowd = Shop(987, customers=200_000)
    logged = crowd.risks >= LOGGING.threshold
    treats = (crowd.risks >= threshold) * (1 - holdout)
    worth = crowd.treated * treats + crowd.untreated * (1 - treats)
    return float(worth[logged].mean())


REPORT: Final[dict[str, Any]] = {
    "mode": "events",
    "models": [{"model": "planted"}],
    "configuration": {"active": "90d", "horizon": "30d", "weights": {"treated": 1.0}},
    "data": {"last": to_iso(200 * DAY)},
}

__all__ = ["LOGGING", "Shop", "Tried", "salted", "truth"]
