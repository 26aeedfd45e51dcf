"""Whom treating moves: learnt online from what became of those who were treated, and of the rest.

Two models, one for each arm, say how likely a customer is to come back if treated and if not; what
lies between is the customer's response. They are learnt as what both arms share and what treating
changes about it, each feature with a weight for either: so the arm of few customers does not have
to learn from them alone what the other knows already, and where nothing speaks for a difference,
there is none. River's logistic regression does the learning, an example at a time.

A customer's response is said at the alert, by what was known then: of customers whose horizon had
passed. So is its third, among the last that were said before. Nothing of it changes later,
and none of it can depend on the customer's own arm, which is why the effect may be measured in
each third like in any other group, and be looked at again and again.

Source: Künzel, Sekhon, Bickel, Yu, "Metalearners for estimating heterogeneous treatment effects
using machine learning", PNAS 116, 2019 (the S- and T-learner, between which this lies).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping
from math import log, log1p
from typing import Any, Final, NamedTuple

from features import Millis
from models.deciding import Alert

#: What is read of an alert's vector, beside the risk; all of it counts, days or money.
READ: Final = (
    *("recency", "tenure", "visit_days", "gap_usual", "orders", "spent", "order_mean"),
    *("coupons_90d", "negatives"),
)
_NAMES: Final = ("risk", *READ)
#: Customers of each arm, at least, from whom it was learnt before a response is said.
LEARNT: Final = 50
#: Responses, at least and at most, among which a new one has its third: the last ones, since the
#: model moves on.
SAID: Final = 60
LAST: Final = 2_000
THIRDS: Final = ("moved least", "moved some", "moved most")
EARLY: Final = "not known yet"
_RATE: Final = 0.1
_EPS: Final = 1e-4


class Case(NamedTuple):
    """A customer who was alerted.

    Parameters
    ----------
    at
        When.
    known
        What was known then, as of `known_of`.
    treated
        The arm.
    returned
        Whether they came back within the horizon; looked at only when it has passed.
    """

    at: Millis
    known: array[float]
    treated: bool
    returned: bool


def known_of(alert: Alert) -> array[float]:
    """Return what is learnt from of an alert: log odds of the risk, and logarithms of the rest.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> known = known_of(Alert(alert_id="a", user_id="ada", decided_at=noon, valid_until=noon,
    ...     cause="silence", risk=0.5, band="high", reasons=[], silence_days=31.0,
    ...     action="offer", arm="treated", horizon_days=30.0, model_version="prior",
    ...     catalogue="c", vector={"recency": 31.0}))
    >>> [round(value, 2) for value in known[:3]]
    [0.0, 3.47, 0.0]
    """
    risk = min(max(alert.risk, _EPS), 1 - _EPS)
    vector = alert.vector
    return array(
        "d",
        (log(risk / (1 - risk)), *(log1p(max(vector.get(name, 0.0), 0.0)) for name in READ)),
    )


class Response:
    """Learns how likely customers are to come back if treated, and if not.

    Examples
    --------
    >>> model = Response()
    >>> keen, others = array("d", [1.0] * 10), array("d", [0.0] * 10)
    >>> for number in range(400):
    ...     treated = number % 2 == 0
    ...     model.learn(keen, treated, returned=treated or number % 8 == 1)
    ...     model.learn(others, treated, returned=number % 4 < 2)
    >>> model.of(keen) > 0.5, abs(model.of(others)) < 0.2
    (True, True)
    """

    def __init__(self) -> None:
        # Here, because it takes long to import, and few ask.
        from river import linear_model, optim, preprocessing

        self._scaler: Any = preprocessing.StandardScaler()
        self._model: Any = linear_model.LogisticRegression(optim.AdaGrad(_RATE))
        self.learnt = {True: 0, False: 0}

    @property
    def ready(self) -> bool:
        """Whether it has learnt from enough customers of both arms."""
        return min(self.learnt.values()) >= LEARNT

    def learn(self, known: array[float], treated: bool, returned: bool) -> None:
        """Learn what became of a customer."""
        plain = dict(zip(_NAMES, known, strict=True))
        self._scaler.learn_one(plain)
        self._model.learn_one(_told(self._scaler.transform_one(plain), treated), returned)
        self.learnt[treated] += 1

    def of(self, known: array[float]) -> float:
        """Return by how much treating raises the chance to come back."""
        scaled = self._scaler.transform_one(dict(zip(_NAMES, known, strict=True)))
        with_it, without = (
            self._model.predict_proba_one(_told(scaled, arm)).get(True, 0.5)
            for arm in (True, False)
        )
        return float(with_it - without)


def _told(scaled: Mapping[str, float], treated: bool) -> dict[str, float]:
    """Return what the arms share, and beside it what treating changes."""
    side = 0.5 if treated else -0.5
    changed = {f"treated {name}": side * value for name, value in scaled.items()}
    return {**scaled, **changed, "treated": side}


def thirds(cases: Iterable[Case], horizon: Millis) -> list[str]:
    """Return the third of each customer: whom treating moves most, some, or least.

    Parameters
    ----------
    cases
        Customers in any order.
    horizon
        For how long what a customer does is held to the alert.

    Returns
    -------
    list of str
        One of `THIRDS`, or `EARLY`, in the order of the cases. What comes later than a customer's
        alert changes nothing about theirs.
    """
    everybody = list(cases)
    order = sorted(range(len(everybody)), key=lambda place: (everybody[place].at, place))
    found = [EARLY] * len(everybody)
    model = Response()
    said: list[float] = []
    by_time: deque[float] = deque()
    next_known = 0
    for place in order:
        case = everybody[place]
        while next_known < len(order):
            known = everybody[order[next_known]]
            if known.at + horizon >= case.at:
                break
            model.learn(known.known, known.treated, known.returned)
            next_known += 1
        if not model.ready:
            continue
        response = model.of(case.known)
        if len(said) >= SAID:
            rank = (bisect_left(said, response) + bisect_right(said, response)) / 2 / len(said)
            found[place] = THIRDS[min(int(3 * rank), 2)]
        insort(said, response)
        by_time.append(response)
        if len(by_time) > LAST:
            del said[bisect_left(said, by_time.popleft())]
    return found
