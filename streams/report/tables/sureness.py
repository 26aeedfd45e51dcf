"""How sure the figures of a report are: the same way for all of them.

Customers are drawn again 200 times from a set seed, so that one backtest gives one report; the
draws tell risks apart in 20,000 steps, which a million predictions need to be done in seconds.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.judging import Interval, bootstrap
from streams.report.evidence import Known

RESAMPLES: Final = 200
SEED: Final = 0
STEPS: Final = 20_000


def intervals(
    known: Known, measures: list[str], held: npt.NDArray[Any] | None = None, *, looks: bool = False
) -> dict[str, Interval]:
    """Return figures with intervals of 95 %, by the names of `models.judging.MEASURES`.

    Parameters
    ----------
    known
        The predictions.
    measures
        Which figures.
    held
        Which of the predictions; all without it.
    looks
        Whether what goes by rank is a mean over the landmarks.
    """
    rows = slice(None) if held is None else held
    return bootstrap(
        known.risks[rows],
        known.labels[rows],
        known.customers.codes[rows],
        np.random.default_rng(SEED),
        measures=measures,
        resamples=RESAMPLES,
        steps=STEPS,
        looks=known.at[rows] if looks else None,
    )
