"""The default model in River's terms: three estimators, and the pipeline of one stage.

They are thin: the arithmetic is that of `Kinds`, `Signs` and `Filter`, one customer at a time and
by name, so that each part can be taken into any other River pipeline. The learner and the workers
use the same arithmetic on whole batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import Any, Final

import numpy as np
from river import base, compose, preprocessing

from features import Definition, build_catalogue
from models.bayes.kalman import SHOCK_HORIZONS, Filter, Scaler
from models.bayes.panel import Panel
from models.bayes.signs import OFFSETS, SIGNS, Signs
from models.learning import CUTS, MEMORY_HORIZONS, Floats, sigmoid

#: The input that is taken as it is: log odds to start from.
OFFSET: Final = "offset"
#: Steps with which the kinds are counted at each doubling of the panel.
_STEPS: Final = 15


class RenewalSigns(base.Transformer):  # type: ignore[misc]  # river has no types
    """From the raw features of the catalogue to the signs, and the offset of a stage.

    What is learnt, from features alone, is how common each kind of customer is in the shop.

    Parameters
    ----------
    horizon_days, active_days
        H and A, in days.
    stage
        0, 1 or 2: which part of the horizon the offset is for.
    panel
        Among how many customers the kinds are counted; 0 leaves them as they are at first.

    Examples
    --------
    >>> signs = RenewalSigns(horizon_days=30.0, stage=2)
    >>> seen = signs.transform_one({"visit_silence": 9.0, "visit_days": 1.0})
    >>> round(seen["offset"], 2), len(seen)
    (1.72, 27)
    """

    def __init__(
        self,
        horizon_days: float = 30.0,
        active_days: float = 90.0,
        stage: int = 0,
        panel: int = 2_000,
    ) -> None:
        self.horizon_days = horizon_days
        self.active_days = active_days
        self.stage = stage
        self.panel = panel
        catalogue = build_catalogue(Definition())
        self._defaults = {each.name: float(each.default) for each in catalogue.features}
        self._signs = Signs(catalogue, horizon_days, active_days)
        self._popularity = self._signs.kinds.at_first
        self._panel = Panel(self._signs.reads, panel)
        self._learnt = 0
        self._counted = 0

    def _vector(self, x: Mapping[Any, Any]) -> list[float]:
        return [float(x.get(name, default)) for name, default in self._defaults.items()]

    def learn_one(self, x: Mapping[Any, Any], customer: str | None = None, at: int = 0) -> None:
        """Count a customer.

        Parameters
        ----------
        x
            Raw features by name; those that are missing have the catalogue's defaults.
        customer
            Who; without it each call is another customer.
        at
            When, in milliseconds: of one customer only the latest look counts.
        """
        if not self.panel:
            return
        self._learnt += 1
        name = f"#{self._learnt}" if customer is None else customer
        self._panel.see(name, at, at, silent=False, last=False, vector=self._vector(x))
        if len(self._panel) >= 2 * self._counted or self._learnt % self.panel == 0:
            self._counted = len(self._panel)
            self._popularity = self._signs.kinds.follow(
                self._panel.statistics(at, 0), self._popularity, _STEPS
            )

    def transform_one(self, x: Mapping[Any, Any]) -> dict[str, float]:
        """Return the signs by name, and the offset."""
        vectors = np.array([self._vector(x)], dtype=np.float32)
        row = self._signs.matrix(vectors, self._popularity)[0].tolist()
        offset = row[len(SIGNS) + self.stage % len(OFFSETS)]
        return dict(zip(SIGNS, row, strict=False)) | {OFFSET: offset}


class ClippedScaler(base.Transformer):  # type: ignore[misc]  # river has no types
    """River's standard scaler, with nothing further than some deviations from its mean.

    Parameters
    ----------
    clip
        How many deviations.
    keep
        A feature that is passed on as it is.

    Examples
    --------
    >>> scaler = ClippedScaler()
    >>> for value in (1.0, 3.0):
    ...     scaler.learn_one({"days": value})
    >>> scaler.transform_one({"days": 400.0, "offset": 400.0})
    {'days': 5.0, 'offset': 400.0}
    """

    def __init__(self, clip: float = Scaler.CLIP, keep: str = OFFSET) -> None:
        self.clip = clip
        self.keep = keep
        self._scaler = preprocessing.StandardScaler()

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        """Take features into account."""
        self._scaler.learn_one(x)

    def transform_one(self, x: Mapping[Any, Any]) -> dict[Any, float]:
        """Return features in deviations from their means."""
        found = self._scaler.transform_one(x)
        cut = {name: max(-self.clip, min(value, self.clip)) for name, value in found.items()}
        return cut | {self.keep: x[self.keep]} if self.keep in x else cut


class RecursiveBayesLogistic(base.Classifier):  # type: ignore[misc]  # river has no types
    """A logistic regression with a full covariance, learnt by an extended Kalman filter.

    Parameters
    ----------
    horizon_days
        H, in days: the unit of time for forgetting and for the shop's shock.
    cut
        When a prediction is made, what was last learnt is so many horizons old.
    memory
        Horizons in which what is not seen again is half forgotten.

    Examples
    --------
    >>> model = RecursiveBayesLogistic()
    >>> for day in range(60):
    ...     model.learn_one({"silence": day % 2, "offset": 0.0}, day % 2 == 1, t=float(day))
    >>> model.predict_one({"silence": 1, "offset": 0.0})
    True
    """

    def __init__(
        self, horizon_days: float = 30.0, cut: float = 0.0, memory: float = MEMORY_HORIZONS
    ) -> None:
        self.horizon_days = horizon_days
        self.cut = cut
        self.memory = memory
        self._places: dict[Any, int] = {}
        self._filter = Filter(0, memory)
        self._learnt_at: float | None = None

    def _z(self, x: Mapping[Any, Any], shock: float) -> Floats:
        """Return what is known of an example; what is missing is at its mean."""
        z = np.zeros(len(self._places) + 3)
        for name, value in x.items():
            if name in self._places:
                z[self._places[name]] = value
        z[-3:] = x.get(OFFSET, 0.0), 1.0, shock
        return z

    def _grow(self, x: Mapping[Any, Any]) -> None:
        fresh = sorted((name for name in x if name != OFFSET and name not in self._places), key=str)
        if not fresh:
            return
        old, before = self._filter, len(self._places)
        for name in fresh:
            self._places[name] = len(self._places)
        grown = Filter(len(self._places), self.memory)
        kept = [*range(before), -3, -2, -1]
        grown.weights[kept] = old.weights
        grown.covariance[np.ix_(kept, kept)] = old.covariance
        self._filter = grown

    def learn_one(
        self, x: Mapping[Any, Any], y: Any, t: float | None = None, w: float = 1.0
    ) -> None:
        """Learn an example.

        Parameters
        ----------
        x
            Standardised features by name, and ``offset``, log odds to start from.
        y
            Whether the customer stayed away.
        t
            When, in days; without it no time passes.
        w
            As how many examples it counts.
        """
        self._grow(x)
        if t is not None:
            if self._learnt_at is not None:
                self._filter.advance((t - self._learnt_at) / self.horizon_days)
            self._learnt_at = t if self._learnt_at is None else max(t, self._learnt_at)
        self._filter.learn(self._z(x, 1.0), int(bool(y)), w)

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[bool, float]:
        """Return the probability of both labels."""
        p = sigmoid(self._filter.logit(self._z(x, exp(-self.cut / SHOCK_HORIZONS))))
        return {False: 1.0 - p, True: p}


def pipeline(horizon_days: float, active_days: float, stage: int, panel: int = 2_000) -> Any:
    """Return the model of one stage as a River pipeline.

    Parameters
    ----------
    horizon_days, active_days
        H and A, in days.
    stage
        0, 1 or 2: the part of the horizon that is predicted; the three probabilities multiply.
    panel
        Among how many customers the kinds are counted.

    Examples
    --------
    >>> model = pipeline(30.0, 90.0, stage=0)
    >>> round(model.predict_proba_one({"visit_silence": 9.0, "visit_days": 1.0})[True], 2)
    0.86
    """
    return compose.Pipeline(
        RenewalSigns(horizon_days, active_days, stage, panel),
        ClippedScaler(),
        RecursiveBayesLogistic(horizon_days, cut=CUTS[stage]),
    )
