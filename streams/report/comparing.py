"""Which of several backtests judged better, and whether that is more than chance.

Runs that ask the same question are compared prediction by prediction: only what all of them said
of the same customer at the same time counts. Runs with other horizons are compared customer by
customer, each by its own labels, and only by what can be compared then. The interval of a
difference comes from drawing customers again, since what is said of one customer many times is no
more than one customer's worth of evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from models.judging import Contributions, Interval, Offer, Paired, pair
from streams.report.finished import NotComparable, Run
from streams.report.measuring import METRICS, Metric, Rows, alerting, deciding, judging, skill
from streams.report.standing import (
    LEVEL,
    ROUNDS,
    SEED,
    Compared,
    Comparison,
    Lead,
    Standing,
)

Ints = npt.NDArray[np.int64]

#: With fewer customers to draw from, intervals come out too narrow to be believed.
FEWEST: Final = 20
#: Which metric decides, the first that all runs have.
_DECIDES: Final = {
    "models": ("log_loss",),
    "horizons": ("auc",),
    "thresholds": ("profit", "f1"),
    # Without a price, more alerts that are less often right are neither better nor worse.
    "policies": ("profit",),
}


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare runs by what they have in common: predictions, or customers with other horizons.

    Raises
    ------
    NotComparable
        If they have nothing in common, or do not agree on what became of the customers.
    """
    one_question = len({run.horizon for run in runs}) == 1
    places = _joined(runs) if one_question else _of_common_customers(runs)
    if not len(places[0]):
        each = ", ".join(f"{run.name} has {len(run.labels):,}" for run in runs)
        what = "customer and time" if one_question else "customer"
        raise NotComparable(
            f"there is no {what} of which all runs said something whose label is "
            f"known ({each}); landmarks and events, or other silences, have little in common"
        )
    labels = [run.labels[place] for run, place in zip(runs, places, strict=True)]
    other_cause = 0
    if one_question:
        wrong = sum(int((labels[0] != other).sum()) for other in labels[1:])
        if wrong:
            raise NotComparable(
                f"the runs do not agree on what became of {wrong:,} predictions: "
                "they were made under different rules"
            )
        causes = [run.causes[place] for run, place in zip(runs, places, strict=True)]
        other_cause = int(np.any([causes[0] != other for other in causes[1:]], axis=0).sum())
    rows = _rows(runs, places)
    horizons = [run.horizon for run in runs]
    found = _paired(
        [
            _measured(run, each, place, runs)
            for run, each, place in zip(runs, rows, places, strict=True)
        ],
        rows[0].number,
    )
    kind = "models" if one_question else "horizons"
    if one_question and runs[0].alerts:
        kind = "policies" if any(run.decided for run in runs) else "thresholds"
    names = [run.name for run in runs]
    enough = rows[0].number >= FEWEST
    return Comparison(
        runs=tuple(runs),
        by="prediction" if one_question else "customer",
        compared=tuple(Compared(len(each), float(each.mean())) for each in labels),
        customers=rows[0].number,
        other_cause=other_cause,
        standings=standings_of(names, found, [each == horizons[0] for each in horizons], enough),
        lead=_lead(names, found, _DECIDES[kind], enough),
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


def _of_common_customers(runs: Sequence[Run]) -> list[Ints]:
    """Return where in each run the predictions are of customers whom all runs know."""
    common = set[str].intersection(*(set(run.customers.tolist()) for run in runs))
    return [
        np.flatnonzero([name in common for name in run.customers.tolist()]).astype(np.int64)
        for run in runs
    ]


def _rows(runs: Sequence[Run], places: Sequence[Ints]) -> list[Rows]:
    """Return what is compared of each run, with one number for each customer."""
    names = sorted(set(runs[0].customers[places[0]].tolist()))
    number = {name: place for place, name in enumerate(names)}
    return [
        Rows(
            risks=run.risks[place],
            labels=run.labels[place],
            who=np.array([number[name] for name in run.customers[place]], dtype=np.int64),
            number=len(names),
            at=run.at[place],
        )
        for run, place in zip(runs, places, strict=True)
    ]


def _measured(run: Run, rows: Rows, places: Ints, runs: Sequence[Run]) -> list[Contributions]:
    found = []
    # Of one model at several thresholds, how well it judges is the same.
    if not run.alerts or len({(each.folder, each.model) for each in runs}) > 1:
        found.append(judging(rows))
    if len({each.horizon for each in runs}) > 1:
        found.append(skill(rows))
    if run.decided is not None:
        found.append(deciding(rows, *run.decided.at(places), offer_of(runs)))
    elif run.threshold is not None:
        found.append(alerting(rows, run.threshold, offer_of(runs), run.pause))
    return found


def offer_of(runs: Sequence[Run]) -> Offer | None:
    """Return the offer that all runs which know one have in common."""
    offers = {run.offer for run in runs if run.offer is not None}
    return offers.pop() if len(offers) == 1 else None


def _paired(measured: Sequence[Sequence[Contributions]], customers: int) -> Paired:
    return pair(
        measured,
        customers,
        np.random.default_rng(SEED),
        resamples=ROUNDS if customers >= FEWEST else 1,
        level=LEVEL,
    )


def standings_of(
    names: Sequence[str],
    found: Paired,
    same_question: Sequence[bool],
    enough: bool,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, tuple[Standing, ...]]:
    """Return, by metric, how good each run is, and how it differs from the first.

    Parameters
    ----------
    names
        Of the runs.
    found
        Their figures; those that all runs have are told.
    same_question
        Of each run, whether it asks the same question as the first one.
    enough
        Whether there are customers enough to tell a difference from chance.
    metrics
        What is known of each metric.

    Examples
    --------
    >>> labels, who = np.tile([0.0, 1.0], 50), np.arange(100)
    >>> knows, guesses = np.where(labels > 0, 0.9, 0.1), np.full(100, 0.5)
    >>> rows = [Rows(risks, labels, who, 100, who) for risks in (knows, guesses)]
    >>> found = _paired([[judging(each)] for each in rows], 100)
    >>> standings = standings_of(["knows", "guesses"], found, [True, True], enough=True)["auc"]
    >>> [(each.value, each.verdict, each.better) for each in standings]
    [(1.0, None, None), (0.5, 'real', False)]
    """
    standings = {
        metric: [Standing(names[0], _defined(value))]
        for metric, value in found.values[0].items()
        if all(metric in each for each in found.values)
    }
    for run in range(1, len(names)):
        differences = found.differences(run)
        for metric, each in standings.items():
            value, kind = _defined(found.values[run][metric]), metrics[metric]
            if same_question[run] or kind.across:
                held = found.values[0][metric]
                each.append(_standing(names[run], value, held, differences[metric], kind, enough))
            else:
                each.append(Standing(names[run], value, asks_other=True))
    return {metric: tuple(each) for metric, each in standings.items()}


def _standing(
    run: str, value: float | None, held: float, found: Interval, kind: Metric, enough: bool
) -> Standing:
    difference = found.estimate
    if not enough or np.isnan(found.low):
        return Standing(run, value, _defined(difference))
    real = found.leaves_out(0.0) and kind.noticed(difference, held)
    better = kind.better(difference) if real else None
    return Standing(run, value, difference, found.low, found.high, real, better)


def _lead(
    names: Sequence[str],
    found: Paired,
    decides: Sequence[str],
    enough: bool,
    metrics: Mapping[str, Metric] = METRICS,
) -> Lead | None:
    """Return which run is best, and which others may be as good."""
    for metric in decides:
        values = [each.get(metric, np.nan) for each in found.values]
        if np.isnan(values).any():
            continue
        kind = metrics[metric]
        best = int(np.argmax(values) if kind.rises else np.argmin(values))
        real = [
            run != best
            and _standing(
                names[run],
                values[run],
                values[best],
                found.differences(run, best)[metric],
                kind,
                enough,
            ).real
            for run in range(len(names))
        ]
        return Lead(
            metric=metric,
            run=names[best],
            level_with=tuple(
                name for run, name in enumerate(names) if run != best and not real[run]
            ),
            ahead_of=tuple(name for run, name in enumerate(names) if real[run]),
            told=enough,
        )
    return None


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
