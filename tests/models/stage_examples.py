"""Stage-wise examples for the tests of the default model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import DAY, Millis
from models.learning.kinds import CUTS
from models.learning.signs import Signs
from tests.models.portraits import CATALOGUE, customers

HORIZON = 30 * DAY
SIGNS_OF_SHOP = Signs(CATALOGUE, 30.0, 90.0)


@dataclass(frozen=True, slots=True)
class StageExample:
    """An example of one stage."""

    user_id: str
    at: Millis
    matured_at: Millis
    stage: int
    label: int
    treated: bool
    catalogue: str
    vector: list[float]


def stage_examples(
    count: int, seed: int = 1, *, one_block: bool = False, start: Millis = 0, name: str = "u"
) -> list[StageExample]:
    """Return the examples of random customers, by the time at which they mature.

    Each is looked at once a day after the other, or all at one time; some are treated.
    """
    chance = np.random.default_rng(seed)
    found = []
    for number, vector in enumerate(customers(count, seed)):
        at = start + (0 if one_block else number // 3 * DAY)
        silent = vector[CATALOGUE.index["recency"]]
        # The longer silent, the longer away.
        away = chance.gamma(1.0, 5.0 + float(silent)) * DAY
        treated = bool(chance.random() < 0.1)
        begin = 0.0
        for stage, cut in enumerate(CUTS):
            end = cut * HORIZON
            if away >= begin:
                found.append(
                    StageExample(
                        user_id=f"{name}{number % (count * 2 // 3)}",
                        at=at,
                        matured_at=at + round(end),
                        stage=stage,
                        label=int(away >= end),
                        treated=treated,
                        catalogue=CATALOGUE.fingerprint,
                        vector=vector.tolist(),
                    )
                )
            begin = end
    return sorted(found, key=lambda each: each.matured_at)
