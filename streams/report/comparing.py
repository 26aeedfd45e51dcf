"""Which of several backtests judged better, and whether that is more than chance.

Runs are compared prediction by prediction: only what all of them said of the same customer at
the same time counts. The interval of a difference comes from drawing customers again, since what
is said of one customer many times is no more than one customer's worth of evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.judging import (
    Interval,
    average_precision,
    bootstrap_difference,
    log_loss,
    precision_at,
    roc_auc,
)
from streams.report.finished import NotComparable, Run

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Metric(NamedTuple):
    """How a metric is called where intervals are computed, and whether more of it is better."""

    measure: str
    rises: bool


#: By the names of the report.
METRICS: Final = {
    "auc": Metric("auc", True),
    "pr_auc": Metric("pr_auc", True),
    "log_loss": Metric("log_loss", False),
    "brier": Metric("brier", False),
    "precision_top_tenth": Metric("precision_top", True),
}
#: A smaller difference makes none to a shop, however sure it is.
PRACTICAL: Final = 0.001
#: With fewer customers to draw from, intervals come out too narrow to be believed.
FEWEST: Final = 20
#: How often customers are drawn again, and from which seed.
ROUNDS: Final = 400
SEED: Final = 0
LEVEL: Final = 0.95
_TOP: Final = 0.1


@dataclass(frozen=True)
class Standing:
    """How good a run is by one metric, and how it differs from the first run.

    Parameters
    ----------
    run
        Its name.
    value
        Of the metric; None where it is not defined, such as a ROC AUC without churners.
    difference
        The value less that of the first run; None of the first run, and where it is not defined.
    low, high
        The interval of the difference; None where it cannot be told.
    better
        Whether the difference is in the run's favour; None if there is none that is real.
    """

    run: str
    value: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    better: bool | None = None

    @property
    def verdict(self) -> str | None:
        """In words, whether the run differs from the first one; None of the first run."""
        if self.difference is None:
            return None
        if self.low is None:
            return "cannot be told"
        return "no real difference" if self.better is None else "real"


@dataclass(frozen=True)
class Comparison:
    """What came of comparing runs.

    Parameters
    ----------
    runs
        What was compared; all else is held to the first one.
    joined
        Predictions that all runs have in common.
    customers
        Whose they are.
    churned
        Share of the predictions after which the customer was gone.
    other_cause
        Common predictions that not all runs made for the same cause.
    standings
        By metric, each run's in the order of `runs`.
    """

    runs: tuple[Run, ...]
    joined: int
    customers: int
    churned: float
    other_cause: int
    standings: dict[str, tuple[Standing, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Return everything for a machine."""
        return {
            "runs": [
                {
                    "run": run.name,
                    "model": run.model,
                    "folder": str(run.folder),
                    "labels": len(run.labels),
                }
                for run in self.runs
            ],
            "joined": self.joined,
            "customers": self.customers,
            "churned": self.churned,
            "other_cause": self.other_cause,
            "interval": {"level": LEVEL, "rounds": ROUNDS, "seed": SEED, "practical": PRACTICAL},
            "metrics": {
                metric: [
                    {
                        "run": each.run,
                        "value": each.value,
                        "difference": each.difference,
                        "low": each.low,
                        "high": each.high,
                        "verdict": each.verdict,
                        "better": each.better,
                    }
                    for each in standings
                ]
                for metric, standings in self.standings.items()
            },
        }


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare runs by the predictions that all of them have in common.

    Raises
    ------
    NotComparable
        If they have none in common, or do not agree on what became of the customers.
    """
    places = _joined(runs)
    labels = [run.labels[place] for run, place in zip(runs, places, strict=True)]
    if not len(labels[0]):
        each = ", ".join(f"{run.name} has {len(run.labels):,}" for run in runs)
        raise NotComparable(
            f"there is no customer and time of which all runs said something whose label is "
            f"known ({each}); landmarks and events, or other silences, have little in common"
        )
    wrong = sum(int((labels[0] != other).sum()) for other in labels[1:])
    if wrong:
        raise NotComparable(
            f"the runs do not agree on what became of {wrong:,} predictions: "
            "they were made under different rules"
        )
    customers = runs[0].customers[places[0]].tolist()
    number = {name: place for place, name in enumerate(sorted(set(customers)))}
    causes = [run.causes[place] for run, place in zip(runs, places, strict=True)]
    return Comparison(
        runs=tuple(runs),
        joined=len(customers),
        customers=len(number),
        churned=float(labels[0].mean()),
        other_cause=int(np.any([causes[0] != other for other in causes[1:]], axis=0).sum()),
        standings=standings_of(
            [run.name for run in runs],
            [run.risks[place] for run, place in zip(runs, places, strict=True)],
            labels[0],
            np.array([number[name] for name in customers], dtype=np.int64),
        ),
    )


def _joined(runs: Sequence[Run]) -> list[Ints]:
    """Return where in each run the common predictions are, in the order of customer and time."""
    names = sorted(set[str]().union(*(run.customers.tolist() for run in runs)))
    number = {name: place for place, name in enumerate(names)}
    times = np.unique(np.concatenate([run.at for run in runs]))
    orders, keys, counted = [], [], []
    for run in runs:
        who = np.array([number[name] for name in run.customers], dtype=np.int64)
        key = who * len(times) + np.searchsorted(times, run.at)
        order = np.lexsort((run.causes.astype(str), key))
        key = key[order]
        # Who was looked at twice in one moment is told apart by the order of the causes.
        place = np.arange(len(key))
        first = np.maximum.accumulate(np.where(np.diff(key, prepend=-1) > 0, place, 0))
        orders.append(order)
        keys.append(key)
        counted.append(place - first)
    most = 1 + max((int(nth.max()) for nth in counted if len(nth)), default=0)
    unique = [key * most + nth for key, nth in zip(keys, counted, strict=True)]
    common = reduce(np.intersect1d, unique)
    return [order[np.searchsorted(key, common)] for order, key in zip(orders, unique, strict=True)]


def standings_of(
    names: Sequence[str], risks: Sequence[Floats], labels: Floats, customers: Ints
) -> dict[str, tuple[Standing, ...]]:
    """Return, by metric, how good each run is, and how it differs from the first.

    Parameters
    ----------
    names, risks
        Of each run, its name and what it said: a risk for each prediction, in the same order.
    labels
        What came of each prediction.
    customers
        Whose it is, numbered from 0 without gaps.

    Examples
    --------
    >>> labels = np.tile([0.0, 1.0], 50)
    >>> knows, guesses = np.where(labels > 0, 0.9, 0.1), np.full(100, 0.5)
    >>> found = standings_of(["knows", "guesses"], [knows, guesses], labels, np.arange(100))
    >>> [(each.value, each.verdict, each.better) for each in found["auc"]]
    [(1.0, None, None), (0.5, 'real', False)]
    """
    values = [_values(said, labels) for said in risks]
    found = {metric: [Standing(names[0], _defined(values[0][metric]))] for metric in METRICS}
    enough = int(customers.max()) + 1 >= FEWEST
    for run in range(1, len(names)):
        # From one seed, so that the same customers are drawn for every run.
        differences = bootstrap_difference(
            risks[run],
            risks[0],
            labels,
            customers,
            np.random.default_rng(SEED),
            measures=[kind.measure for kind in METRICS.values()],
            top=_TOP,
            resamples=ROUNDS if enough else 1,
            level=LEVEL,
        )
        for metric, kind in METRICS.items():
            found[metric].append(
                _standing(
                    names[run],
                    values[run][metric],
                    differences[kind.measure],
                    kind.rises,
                    enough=enough,
                )
            )
    return {metric: tuple(standings) for metric, standings in found.items()}


def _values(risks: Floats, labels: Floats) -> dict[str, float]:
    return {
        "auc": roc_auc(risks, labels),
        "pr_auc": average_precision(risks, labels),
        "log_loss": log_loss(risks, labels),
        "brier": float(np.mean((risks - labels) ** 2)),
        "precision_top_tenth": precision_at(risks, labels, _TOP),
    }


def _standing(run: str, value: float, found: Interval, rises: bool, *, enough: bool) -> Standing:
    difference = found.estimate
    if not enough or np.isnan(found.low):
        return Standing(run, _defined(value), _defined(difference))
    real = found.leaves_out(0.0) and abs(difference) > PRACTICAL
    better = ((difference > 0) == rises) if real else None
    return Standing(run, _defined(value), difference, found.low, found.high, better)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
