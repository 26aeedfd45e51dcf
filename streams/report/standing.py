"""How runs stand to each other: what came of a comparison, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from streams.report.finished import Run
from streams.report.measuring import PRACTICAL

#: How often customers are drawn again, and from which seed.
ROUNDS: Final = 400
SEED: Final = 0
LEVEL: Final = 0.95


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
        The value less that of the first run; None of the first run, where it is not defined, and
        where the two ask different questions.
    low, high
        The interval of the difference; None where it cannot be told.
    real
        Whether the difference is more than chance, and large enough to be noticed.
    better
        Whether the difference is in the run's favour; None if there is none that is real, or more
        is neither better nor worse.
    asks_other
        Whether the metric cannot be compared with the first run, as that asks another question.
    """

    run: str
    value: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    real: bool = False
    better: bool | None = None
    asks_other: bool = False

    @property
    def verdict(self) -> str | None:
        """In words, whether the run differs from the first one; None of the first run."""
        if self.asks_other:
            return "another question"
        if self.difference is None:
            return None
        if self.low is None:
            return "cannot be told"
        return "real" if self.real else "no real difference"


class Compared(NamedTuple):
    """How many predictions of a run are compared, and the share after which the customer left."""

    predictions: int
    churned: float


@dataclass(frozen=True)
class Lead:
    """Which run is best by the metric that decides.

    Parameters
    ----------
    metric
        Which one.
    run
        The run with the best value.
    level_with
        Others whose difference from it is not real.
    ahead_of
        Others that are really worse.
    told
        Whether there are customers enough to tell any difference from chance.
    """

    metric: str
    run: str
    level_with: tuple[str, ...]
    ahead_of: tuple[str, ...]
    told: bool


@dataclass(frozen=True)
class Comparison:
    """What came of comparing runs.

    Parameters
    ----------
    runs
        What was compared; all else is held to the first one.
    by
        `prediction`: what all runs said of the same customer at the same time. `customer`: what
        each said of the same customers, as the runs ask different questions.
    compared
        Of each run, what was compared.
    customers
        Whose predictions they are.
    other_cause
        Common predictions that not all runs made for the same cause.
    standings
        By metric, each run's in the order of `runs`.
    lead
        Which is best; None if no metric that decides is defined of two runs.
    """

    runs: tuple[Run, ...]
    by: str
    compared: tuple[Compared, ...]
    customers: int
    other_cause: int
    standings: dict[str, tuple[Standing, ...]]
    lead: Lead | None

    @property
    def joined(self) -> int:
        """How many predictions of the first run are compared."""
        return self.compared[0].predictions

    @property
    def churned(self) -> float:
        """After which share of them the customer was gone."""
        return self.compared[0].churned

    def as_dict(self) -> dict[str, Any]:
        """Return everything for a machine."""
        return {
            "by": self.by,
            "runs": [
                {
                    "run": run.name,
                    "model": run.model,
                    "folder": str(run.folder),
                    "horizon": run.horizon,
                    "threshold": run.threshold,
                    "labels": len(run.labels),
                    "predictions": compared.predictions,
                    "churned": compared.churned,
                }
                for run, compared in zip(self.runs, self.compared, strict=True)
            ],
            "joined": self.joined,
            "customers": self.customers,
            "churned": self.churned,
            "other_cause": self.other_cause,
            "interval": {"level": LEVEL, "rounds": ROUNDS, "seed": SEED, "practical": PRACTICAL},
            "best": None
            if self.lead is None
            else {
                "metric": self.lead.metric,
                "run": self.lead.run,
                "level_with": list(self.lead.level_with),
                "ahead_of": list(self.lead.ahead_of),
                "told": self.lead.told,
            },
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
