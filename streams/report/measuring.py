"""What a run is measured by, and what each customer contributes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.judging import MEASURES, Contributions, Offer, Ratios, Skill, Weighted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_DAY_MS: Final = 86_400_000
_EPS: Final = 1e-12
_TOP: Final = 0.1
#: A smaller difference makes none to a shop, however sure it is; of amounts, this share of them.
PRACTICAL: Final = 0.001


class Metric(NamedTuple):
    """What is known of a metric.

    Parameters
    ----------
    rises
        Whether more of it is better; None where more is neither.
    across
        Whether runs that ask another question, such as another horizon, can be compared by it.
    amount
        Whether it is an amount of something, rather than a share or a mean of shares.
    """

    rises: bool | None
    across: bool = False
    amount: bool = False

    def noticed(self, difference: float, held: float) -> bool:
        """Tell whether a shop would notice a difference from the value that it is held to."""
        return abs(difference) > PRACTICAL * (abs(held) if self.amount else 1.0)

    def better(self, difference: float) -> bool | None:
        """Tell whether a difference is in a run's favour."""
        return None if self.rises is None else (difference > 0) == self.rises


#: How well a model judges, by the names of the report.
JUDGING: Final = {
    "auc": Metric(True, across=True),
    "pr_auc": Metric(True),
    "log_loss": Metric(False),
    "brier": Metric(False),
    "precision_top_tenth": Metric(True),
}
#: What stands in for the log loss where the share of churners is another one.
SKILL: Final = {"skill": Metric(True, across=True)}
#: What comes of alerting everybody from a threshold on.
ALERTING: Final = {
    "precision": Metric(True),
    "recall": Metric(True),
    "f1": Metric(True),
    "accuracy": Metric(True),
    "reached": Metric(True),
    "alerts_per_day": Metric(None, across=True, amount=True),
}
#: What can be told of thresholds and of policies alike.
DECIDED: Final = ("precision", "reached", "alerts_per_day", "profit")
#: The same in money, where it is known what an offer costs.
EARNING: Final = {"profit": Metric(True, amount=True)}
METRICS: Final = JUDGING | SKILL | ALERTING | EARNING


@dataclass(frozen=True, eq=False)
class Rows:
    """Predictions of one run that are compared, with their customers numbered for all runs.

    Parameters
    ----------
    risks, labels
        What was said, and what came of it.
    who
        Whose it is, numbered from 0.
    number
        How many customers there are.
    at
        When, in milliseconds.
    """

    risks: Floats
    labels: Floats
    who: Ints
    number: int
    at: Ints

    @property
    def days(self) -> int:
        """On how many days (UTC) anybody was looked at."""
        return len(np.unique(self.at // _DAY_MS))

    def summed(self, values: npt.ArrayLike) -> Floats:
        """Return the sum of each customer's values, one value a prediction."""
        found: Floats = np.bincount(
            self.who, np.asarray(values, dtype=np.float64), self.number
        ).astype(np.float64)
        return found


class _Judged:
    """The figures of a model, called as the report calls them."""

    names: Sequence[str] = tuple(JUDGING)

    def __init__(self, rows: Rows) -> None:
        self._weighted = Weighted(
            rows.risks, rows.labels, rows.who, rows.number, list(MEASURES), _TOP
        )

    def measure(self, counts: Ints) -> Floats:
        return self._weighted.measure(counts)


def judging(rows: Rows) -> Contributions:
    """Return how well the risks rank and fit: the metrics of `JUDGING`."""
    return _Judged(rows)


def skill(rows: Rows) -> Contributions:
    """Return how much more is known than the share of churners: the metric of `SKILL`."""
    p = np.clip(rows.risks, _EPS, 1 - _EPS)
    losses = -np.log(np.where(rows.labels > 0, p, 1 - p))
    return Skill(
        rows.summed(losses), rows.summed(rows.labels), rows.summed(np.ones(len(rows.risks)))
    )


def alerting(
    rows: Rows, threshold: float, offer: Offer | None = None, pause: int = 0
) -> Contributions:
    """Return what comes of alerting at a threshold: the metrics of `ALERTING`, and `EARNING`.

    Everybody at or above the threshold counts as alerted, each time. The policy alerts less
    often: it waits between two alerts of a customer, and leaves some out on purpose.

    Parameters
    ----------
    rows
        The predictions.
    threshold
        The risk from which on.
    offer
        What an alert costs and saves; without it there is no profit.
    pause
        In milliseconds, for how long a customer who was made an offer is made no other: offers
        are fewer than alerts. 0 makes every alert an offer.

    Examples
    --------
    >>> rows = Rows(
    ...     np.array([0.9, 0.7, 0.2]), np.array([1.0, 0.0, 1.0]), np.arange(3), 3, np.zeros(3, int)
    ... )
    >>> found = alerting(rows, 0.6, Offer(cost=5.0, margin=100.0, saved=0.2))
    >>> told = dict(zip(found.names, found.measure(np.ones(3, int)).round(3).tolist()))
    >>> told["precision"], told["recall"], told["reached"], told["profit"]
    (0.5, 0.5, 0.5, 10.0)
    """
    alerted, left = rows.risks >= threshold, rows.labels > 0
    alerts, churned = rows.summed(alerted), rows.summed(left)
    found, right = rows.summed(alerted & left), rows.summed(alerted == left)
    made = alerted if not pause else _first_in_a_while(rows, alerted, pause)
    parts = {
        "precision": (found, alerts),
        "recall": (found, churned),
        "f1": (2 * found, alerts + churned),
        "accuracy": (right, rows.summed(np.ones(len(alerted)))),
    }
    return Ratios(parts | _decided(rows, alerted, made, offer))


def deciding(rows: Rows, alerted: Bools, sent: Bools, offer: Offer | None) -> Contributions:
    """Return what comes of alerts as they were decided: the metrics of `DECIDED`.

    Parameters
    ----------
    rows
        The predictions.
    alerted, sent
        Of each, whether there was an alert, and whether one went out: not to those held out.
    offer
        What an alert costs and saves; each that goes out is an offer.
    """
    return Ratios(_decided(rows, alerted, sent, offer))


def _decided(
    rows: Rows, alerted: Bools, made: Bools, offer: Offer | None
) -> dict[str, tuple[Floats, Floats]]:
    left = rows.labels > 0
    alerts, found = rows.summed(alerted), rows.summed(alerted & left)
    each = np.full(rows.number, 1 / max(rows.number, 1))
    parts = {
        "precision": (found, alerts),
        "reached": ((found > 0).astype(np.float64), (rows.summed(left) > 0).astype(np.float64)),
        "alerts_per_day": (alerts, rows.days * each),
    }
    if offer is not None:
        offers, of_churners = rows.summed(made), rows.summed(made & left)
        parts["profit"] = (offer.saved * offer.margin * of_churners - offer.cost * offers, each)
    return parts


def _first_in_a_while(rows: Rows, alerted: Bools, pause: int) -> Bools:
    """Return each customer's first alert in every while since they were first looked at."""
    first = np.full(rows.number, np.iinfo(np.int64).max)
    np.minimum.at(first, rows.who, rows.at)
    places = np.flatnonzero(alerted)
    places = places[np.lexsort((rows.at[places], rows.who[places]))]
    who = rows.who[places]
    nth = (rows.at[places] - first[who]) // pause
    made = np.zeros(len(alerted), dtype=bool)
    made[places[np.append(True, (np.diff(who) != 0) | (np.diff(nth) != 0))[: len(places)]]] = True
    return made
