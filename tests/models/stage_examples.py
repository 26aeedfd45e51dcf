"""Stage-wise examples for the tests of the default model."""

from __future__ import annotations

import numpy as np

from features import DAY, Millis
from models.bayes import Signs
from models.learning import CUTS, LAST, NOT_YET, TrainingExample
from tests.models.portraits import CATALOGUE, customers

HORIZON = 30 * DAY
SIGNS_OF_SHOP = Signs(CATALOGUE, 30.0, 90.0)


def stage_examples(
    count: int, seed: int = 1, *, one_block: bool = False, start: Millis = 0, name: str = "u"
) -> list[TrainingExample]:
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
        returned_in = next((n for n, cut in enumerate(CUTS) if away < cut * HORIZON), NOT_YET)
        for stage, cut in enumerate(CUTS):
            if returned_in >= stage or stage == LAST:
                found.append(
                    TrainingExample(
                        example_id=f"{name}{number}.{stage}",
                        user_id=f"{name}{number % (count * 2 // 3)}",
                        at=at,
                        matured_at=at + round(cut * HORIZON),
                        cause="silence",
                        stage=stage,
                        returned_in=min(returned_in, NOT_YET),
                        label=int(returned_in > stage),
                        risk=0.5,
                        model_version="prior",
                        treated=treated,
                        catalogue=CATALOGUE.fingerprint,
                        vector=vector.tolist(),
                    )
                )
    return sorted(found, key=lambda each: each.matured_at)
