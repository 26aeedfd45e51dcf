"""Judging in three stages: a quarter of the horizon, half of it, all of it.

Whoever stays silent through the horizon has stayed silent through each stage in turn, so the risk
is the product of three: no activity in a stage, given none before it. Apart from the learner, so
that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from math import exp
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from models.bayes.kalman import SHOCK_HORIZONS, Filter, Scaler, stack
from models.bayes.signs import OFFSETS, SIGNS, Signs
from models.learning import CUTS, Floats, Judgement, Snapshot

#: The name of the model in the registry.
BAYES: Final = "bayes"
#: A stage is learnt as soon as it has passed: what is then known of the shop's shock is that
#: much older at scoring.
_FADED: Final = tuple(exp(-cut / SHOCK_HORIZONS) for cut in CUTS)
#: Beyond +-30 a sigmoid is 0 or 1 to the last bit that matters, and exp() stays finite.
_STEEPEST: Final = 30.0
#: The sign that is the log odds of no visit until H.
_RENEWAL: Final = SIGNS.index("renewal")


class StagedJudgement(Judgement):
    """Risks by stage, and what each sign contributed to all of them together.

    ``contributions.sum(axis=1) + intercept`` is the sum of the stages' log odds.

    Parameters
    ----------
    logits
        The log odds of ``stages``, before they are cut at +-30.
    renewal
        P(no visit until H) by the customer's rhythm alone, whatever was learnt; shape
        (decision points,).
    """

    __slots__ = ("logits", "renewal")

    def __init__(
        self,
        logits: Floats,
        contributions: Floats,
        intercept: float,
        version: str,
        renewal: Floats,
    ) -> None:
        cut = np.minimum(np.maximum(logits, -_STEEPEST), _STEEPEST)
        self.logits = logits
        self.renewal = renewal
        stages: Floats = 1 / (1 + np.exp(-cut))
        risks = stages[:, 0] * stages[:, 1] * stages[:, 2]
        super().__init__(risks, contributions, intercept, (*SIGNS, *OFFSETS), version, stages)


def check_fit(signs: Signs, snapshot: Snapshot) -> None:
    """Raise `ValueError` unless the snapshot was learnt for these signs."""
    fits = (
        snapshot.catalogue == signs.fingerprint
        and snapshot.horizon_days == signs.horizon_days
        and snapshot.state["active_days"] == signs.active_days
        and tuple(snapshot.state["inputs"]) == SIGNS
    )
    if not fits:
        raise ValueError(
            f"model {snapshot.version} was learnt for other features, another horizon or another "
            f"active time (then {snapshot.horizon_days:g} and "
            f"{snapshot.state.get('active_days', 0):g} days); "
            "learn anew under another redis.namespace, as the workers must"
        )


class StagedJudge:
    """The recursive Bayesian model as the workers have it.

    Parameters
    ----------
    signs
        From raw vectors to signs.
    popularity
        How common each kind of customer is.
    scaler
        Of the signs and the offsets. Offsets are not standardised, but contribute as far as they
        are from their means.
    weights
        Of each stage: the signs', the offset's, the intercept, the shock; shape (3, 29).
    version
        The model's version.

    Examples
    --------
    Before any label the risk is what the customer's rhythm alone says.

    >>> from features import DAY, CustomerState, Definition, Event, build_catalogue
    >>> shop = Definition()
    >>> catalogue = build_catalogue(shop)
    >>> signs = Signs(catalogue, 30.0, 90.0)
    >>> ada = CustomerState(shop)
    >>> _ = ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    >>> vectors = np.array([catalogue.vector(ada, 9 * DAY)])
    >>> fresh = StagedJudge.untaught(signs, "prior")
    >>> round(float(fresh.judge(vectors).risks[0]), 3)
    0.65
    """

    def __init__(
        self,
        signs: Signs,
        popularity: Floats,
        scaler: Scaler,
        weights: Floats,
        version: str,
    ) -> None:
        count = len(SIGNS)
        self._signs = signs
        self._popularity = popularity
        self._means = scaler.means.copy()
        self._deviations = scaler.deviations()[:count]
        self._weights = np.ascontiguousarray(weights[:, :count])
        self._offset_weights = weights[:, count].copy()
        self._intercepts = (
            weights[:, count + 1]
            + weights[:, count + 2] * np.array(_FADED)
            + self._offset_weights * self._means[count:]
        )
        self._all_weights = self._weights.sum(axis=0)
        self._intercept = float(self._intercepts.sum())
        self.version = version

    @classmethod
    def untaught(cls, signs: Signs, version: str) -> StagedJudge:
        """Return the judge of a shop's first day."""
        return cls(
            signs,
            signs.kinds.at_first,
            Scaler(len(SIGNS) + len(OFFSETS)),
            stack([Filter(len(SIGNS)) for _ in CUTS]),
            version,
        )

    @classmethod
    def of(cls, signs: Signs, snapshot: Snapshot) -> StagedJudge:
        """Return the judge of a snapshot.

        Raises
        ------
        ValueError
            If the snapshot was learnt for another catalogue, horizon or active time.
        """
        check_fit(signs, snapshot)
        state = snapshot.state
        return cls(
            signs,
            np.array(state["popularity"], dtype=np.float64),
            Scaler.load(state["scaler"]),
            np.array([stage["weights"] for stage in state["stages"]], dtype=np.float64),
            snapshot.version,
        )

    def judge(self, vectors: npt.NDArray[np.float32]) -> StagedJudgement:
        """Return the risks of raw vectors, shape (decision points, features)."""
        count = len(SIGNS)
        found = self._signs.matrix(vectors, self._popularity)
        renewal = 1 / (1 + np.exp(-found[:, _RENEWAL]))
        rows = found - self._means
        z = rows[:, :count] / self._deviations
        np.minimum(np.maximum(z, -Scaler.CLIP, out=z), Scaler.CLIP, out=z)
        offsets = rows[:, count:] * self._offset_weights
        # Sums of each row, and no matrix product: a risk is the same whoever else is judged.
        linear = (z[:, np.newaxis] * self._weights).sum(axis=2)
        contributions = np.concatenate((z * self._all_weights, offsets), axis=1)
        logits = linear + offsets + self._intercepts
        return StagedJudgement(logits, contributions, self._intercept, self.version, renewal)


def for_workers(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what only the learner needs: a few kilobytes are left."""
    judging = {"inputs", "active_days", "popularity", "scaler"}
    state = {key: value for key, value in snapshot.state.items() if key in judging}
    state["stages"] = [{"weights": stage["weights"]} for stage in snapshot.state["stages"]]
    return msgspec.structs.replace(snapshot, state=state)
