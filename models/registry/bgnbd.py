"""The baseline of the marketing literature: BG/NBD, "counting your customers the easy way".

A customer comes at random at an own rate, and may leave for good after each visit with an own
probability; rates are spread over the shop as a gamma distribution (r, alpha), probabilities as a
beta distribution (a, b). The four numbers are found by maximum likelihood among a few thousand
customers, again from time to time; labels are not looked at. Who was treated is left out, but
unequal weights of the labels have nothing to act on.

Notes
-----
With x repeat visits, the last at time u of T (Fader, Hardie and Lee 2005, eqs. 6 and 7):

    L = B(a, b+x)/B(a, b) G(r+x)/G(r) alpha^r [(alpha+T)^-(r+x) + (x>0) a/(b+x-1) (alpha+u)^-(r+x)]
    P(alive) = 1 / (1 + (x>0) a/(b+x-1) ((alpha+T)/(alpha+u))^(r+x))

Who left brings no more visits. Of who is still there, the rate is gamma distributed with r + x and
alpha + T, so that nothing comes in the horizon with probability ((alpha+T)/(alpha+T+H))^(r+x).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from features import DAY, Millis
from models.bayes import Panel
from models.learning import Floats, Judgement, Snapshot, TrainingExample, logit
from models.registry.plain import Columns, PlainLearner, check_fit, told_by
from models.registry.task import Task

BGNBD: Final = "bgnbd"
_READS: Final = ("visit_days", "gap_mean", "visit_silence")
#: A panel keeps seven numbers of each customer, the silence last; three of them are read here.
_KEPT: Final = (*("visit_days", "gap_mean"), *("visit_days",) * 4, "visit_silence")
#: Found again when so much of the horizon has passed, or when the panel has doubled.
_TICK: Final = 1 / 4
#: The logarithms of the numbers lie within so many of where they start, more likely near it.
_WIDEST: Final = 8.0
_SPREAD: Final = 3.0
_MARGIN: Final = 1e-9


class Buyers(NamedTuple):
    """What the model knows of customers.

    Parameters
    ----------
    repeats
        Visits after the first.
    last
        Time of the last visit since the first.
    seen
        Time since the first visit, in the same unit.
    """

    repeats: Floats
    last: Floats
    seen: Floats


class Spread(NamedTuple):
    """How rates and leaving are spread over the shop; alpha has the unit of time.

    Examples
    --------
    The CDNOW customers of the paper: 39 weeks, and one who came twice again, last in week 30.

    >>> shop = Spread(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> buyer = Buyers(np.array([2.0]), np.array([30.43]), np.array([38.86]))
    >>> [round(float(each[0]), 3) for each in (alive(shop, buyer), silent(shop, buyer, 39.0))]
    [0.727, 0.445]
    """

    r: float
    alpha: float
    a: float
    b: float


def log_likelihood(shop: Spread, buyers: Buyers) -> Floats:
    """Return the log likelihood of each customer."""
    r, alpha, a, b = shop
    x, last, seen = buyers
    stayed = -(r + x) * np.log(alpha + seen)
    left = np.log(a / np.maximum(b + x - 1, _MARGIN)) - (r + x) * np.log(alpha + last)
    ways = np.logaddexp(stayed, np.where(x > 0, left, -np.inf))
    result: Floats = (
        (betaln(a, b + x) - betaln(a, b)) + (gammaln(r + x) - gammaln(r)) + r * np.log(alpha) + ways
    )
    return result


def fit(buyers: Buyers, start: Spread) -> Spread:
    """Return the most likely spread, by penalised maximum likelihood.

    Parameters
    ----------
    buyers
        Those who are counted.
    start
        Where a shop that little is known of lies; with many customers it does not matter.
    """
    centre = np.log(np.array(start))

    def loss(steps: Floats) -> float:
        shop = Spread(*np.exp(centre + steps).tolist())
        prior = float((steps * steps).sum()) / (2 * _SPREAD**2)
        return prior - float(log_likelihood(shop, buyers).sum())

    bounds = [(-_WIDEST, _WIDEST)] * len(centre)
    found = minimize(loss, np.zeros(len(centre)), method="L-BFGS-B", bounds=bounds)
    return Spread(*np.exp(centre + found.x).tolist())


def _log_odds_left(shop: Spread, buyers: Buyers) -> Floats:
    r, alpha, a, b = shop
    x, last, seen = buyers
    odds = np.log(a / np.maximum(b + x - 1, _MARGIN))
    odds = odds + (r + x) * (np.log(alpha + seen) - np.log(alpha + last))
    result: Floats = np.where(x > 0, np.minimum(odds, 700.0), -np.inf)
    return result


def alive(shop: Spread, buyers: Buyers) -> Floats:
    """Return the probability that each customer has not left for good."""
    result: Floats = 1 / (1 + np.exp(_log_odds_left(shop, buyers)))
    return result


def silent(shop: Spread, buyers: Buyers, horizon: float) -> Floats:
    """Return the probability that no visit comes within the horizon."""
    end = shop.alpha + buyers.seen
    stays_away = np.exp((shop.r + buyers.repeats) * (np.log(end) - np.log(end + horizon)))
    here = alive(shop, buyers)
    result: Floats = (1 - here) + here * stays_away
    return result


def _buyers(days: Floats, gap: Floats, silence: Floats) -> Buyers:
    repeats = np.maximum(days - 1.0, 0.0)
    last = repeats * np.maximum(gap, 0.0)
    return Buyers(repeats, last, last + np.maximum(silence, 0.0))


class _Belief:
    def __init__(self, task: Task, state: dict[str, Any] | None) -> None:
        self._horizon = round(task.horizon_days * DAY)
        self._places = [task.catalogue.index[name] for name in _KEPT]
        self._start = self.shop = Spread(r=0.5, alpha=task.horizon_days, a=1.0, b=3.0)
        self.panel = Panel(self._places)
        self._now: Millis | None = None
        self._fitted_at: Millis | None = None
        self._fitted = 0
        if state is not None:
            self.shop = Spread(*state["shop"])
            self.panel = Panel.load(state["panel"], self._places)
            self._now, self._fitted_at = state["now"], state["fitted_at"]
            self._fitted = state["fitted"]

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        if self._now is None or example.matured_at > self._now:
            if self._now is not None and self._is_time(self._now):
                self._fit(self._now)
            self._now = example.matured_at
        # Everybody is counted as of the time of the look, or the silent would be known for longer
        # than those who came: only who was silent to the end goes on being so.
        self.panel.see(
            example.user_id,
            example.at,
            example.at,
            silent=bool(example.label),
            last=True,
            vector=example.vector,
        )

    def _is_time(self, now: Millis) -> bool:
        if self._fitted_at is None or len(self.panel) >= 2 * self._fitted:
            return True
        return now - self._fitted_at >= _TICK * self._horizon

    def _fit(self, now: Millis) -> None:
        # A visit is heard of when the label of the look before it matures.
        rows = self.panel.statistics(now, self._horizon)
        self.shop = fit(_buyers(rows[:, 0], rows[:, 1], rows[:, -1]), self._start)
        self._fitted_at, self._fitted = now, len(self.panel)

    def dump(self) -> dict[str, Any]:
        return {
            "shop": list(self.shop),
            "panel": self.panel.dump(),
            "now": self._now,
            "fitted_at": self._fitted_at,
            "fitted": self._fitted,
        }


def _reading(task: Task) -> Columns:
    return Columns(task.catalogue, task.horizon_days, _READS)


def bgnbd_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``bgnbd``."""
    return PlainLearner(
        BGNBD, _reading(task), lambda state: _Belief(task, state), snapshot, task.weighing
    )


class BgNbdJudge:
    """BG/NBD as the workers have it.

    Parameters
    ----------
    task
        What is to be predicted.
    snapshot
        What was learnt.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.
    """

    def __init__(self, task: Task, snapshot: Snapshot) -> None:
        self._reading = _reading(task)
        check_fit(self._reading, snapshot)
        self._shop = Spread(*snapshot.state["shop"])
        self.version = snapshot.version
        newcomer = silent(self._shop, _buyers(*np.zeros((3, 1))), task.horizon_days)
        self._intercept = float(logit(np.minimum(np.maximum(newcomer, _MARGIN), 1 - _MARGIN))[0])

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        reading = self._reading
        risks = silent(self._shop, _buyers(*reading.matrix(vectors).T), reading.horizon_days)
        odds = logit(np.minimum(np.maximum(risks, _MARGIN), 1 - _MARGIN))
        return told_by("renewal", odds, self._intercept, self.version)
