"""Models that are retrained from scratch on all that has matured: what others do every night.

They are rivals for a backtest: they keep every example in memory, take seconds to minutes to
train, and know nothing of what came since. Each tries a few settings by cross-validation in time:
an example is predicted by what had matured when it was looked at, and by nothing later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from features import Millis
from models.learning import Floats, Judgement, Snapshot, TrainingExample, vectors_of
from models.registry.plain import MissingLibrary, taken_of, unexplained
from models.registry.task import Task

BATCH_LIGHTGBM: Final = "batch-lightgbm"
BATCH_LOGISTIC: Final = "batch-logistic"
BATCH_FOREST: Final = "batch-forest"
Rows = npt.NDArray[np.float32]
Predict = Callable[[Rows], Floats]
#: From rows, labels and weights to who predicts.
Train = Callable[[Rows, Floats, Floats], Predict]
_FOLDS: Final = 3
#: A fold that teaches or tests less than this says nothing.
_FEWEST: Final = 50
#: Settings are chosen anew when there are so many times more examples.
_MORE: Final = 2.0
_MARGIN: Final = 1e-6
_SEED: Final = 0


def _library(module: str, model: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingLibrary(
            f"{model} needs {module.partition('.')[0]}: pip install 'ebbtide[batch]'"
        ) from None


def _lightgbm(leaves: int, rounds: int) -> Train:
    library = _library("lightgbm", BATCH_LIGHTGBM)
    options: dict[str, Any] = {
        **{"objective": "binary", "learning_rate": 0.05, "num_leaves": leaves},
        **{"min_data_in_leaf": 50, "feature_fraction": 0.8, "bagging_fraction": 0.8},
        **{"bagging_freq": 1, "seed": _SEED, "deterministic": True, "force_row_wise": True},
        **{"num_threads": 1, "verbose": -1},
    }

    def train(rows: Rows, labels: Floats, weights: Floats) -> Predict:
        data = library.Dataset(rows, labels, weight=weights)
        model = library.train(options, data, num_boost_round=rounds)
        return lambda fresh: np.asarray(model.predict(fresh, num_threads=1), dtype=np.float64)

    return train


def _logistic(strength: float) -> Train:
    pipeline = _library("sklearn.pipeline", BATCH_LOGISTIC)
    linear = _library("sklearn.linear_model", BATCH_LOGISTIC)
    scaling = _library("sklearn.preprocessing", BATCH_LOGISTIC)

    def train(rows: Rows, labels: Floats, weights: Floats) -> Predict:
        model = pipeline.make_pipeline(
            scaling.StandardScaler(), linear.LogisticRegression(C=strength, max_iter=300)
        )
        model.fit(rows.astype(np.float64), labels, logisticregression__sample_weight=weights)
        return lambda fresh: model.predict_proba(fresh.astype(np.float64))[:, 1]

    return train


def _forest(smallest: int) -> Train:
    ensemble = _library("sklearn.ensemble", BATCH_FOREST)

    def train(rows: Rows, labels: Floats, weights: Floats) -> Predict:
        # No tree needs more than some ten thousand examples, and half an hour is long.
        most = min(len(rows), 10_000)
        model = ensemble.RandomForestClassifier(
            n_estimators=100,
            min_samples_leaf=smallest,
            max_samples=most,
            random_state=_SEED,
            n_jobs=1,
        )
        model.fit(rows, labels, sample_weight=weights)
        return lambda fresh: model.predict_proba(fresh)[:, 1]

    return train


#: The settings that are tried; the first one stands where nothing can be tried yet.
_SETTINGS: Final[dict[str, tuple[Callable[[], Train], ...]]] = {
    BATCH_LIGHTGBM: (
        lambda: _lightgbm(15, 100),
        lambda: _lightgbm(31, 100),
        lambda: _lightgbm(7, 200),
    ),
    BATCH_LOGISTIC: (lambda: _logistic(0.1), lambda: _logistic(0.01), lambda: _logistic(1.0)),
    BATCH_FOREST: (lambda: _forest(20), lambda: _forest(5), lambda: _forest(80)),
}


def folds(
    looked: npt.NDArray[np.int64], matured: npt.NDArray[np.int64], count: int = _FOLDS
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return what teaches and what tests: a later time each, by what had matured before it.

    Parameters
    ----------
    looked, matured
        When each example was looked at, and when its label was known; in milliseconds.
    count
        At most so many folds.

    Examples
    --------
    Looked at on four days, labels two days later:

    >>> days = np.arange(4)
    >>> [(a.tolist(), b.tolist()) for a, b in folds(days, days + 2, count=1)]
    [([0], [2, 3])]
    """
    times: list[Millis] = np.quantile(
        looked, [(place + 1) / (count + 1) for place in range(count)], method="higher"
    ).tolist()
    found = []
    for start, end in zip(times, [*times[1:], np.inf], strict=True):
        tests = np.flatnonzero((looked >= start) & (looked < end))
        teaches = np.flatnonzero(matured <= start)
        if len(tests) and len(teaches):
            found.append((teaches, tests))
    return found


class BatchLearner:
    """Keeps all examples, and trains on them when it is asked for a snapshot.

    Parameters
    ----------
    name
        The model's name in the registry.
    task
        What is to be predicted.
    settings
        What is tried.
    """

    def __init__(self, name: str, task: Task, settings: Sequence[Train]) -> None:
        self.name = name
        self._task = task
        self._settings = settings
        self._rows: list[Rows] = []
        self._labels: list[float] = []
        self._weights: list[float] = []
        self._looked: list[Millis] = []
        self._matured: list[Millis] = []
        self._best = settings[0]
        self._chosen_among = 0

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Keep the examples of the whole horizon."""
        taken = taken_of(examples, self._task.catalogue, self._task.weighing)
        if not taken:
            return
        vectors = vectors_of([example for example, _ in taken])
        self._rows.append(self._task.inputs.matrix(vectors).astype(np.float32))
        for example, weight in taken:
            self._labels.append(float(example.label))
            self._weights.append(weight)
            self._looked.append(example.at)
            self._matured.append(example.matured_at)

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Train on everything; the snapshot holds the trained model, and cannot be written down."""
        churned = round(sum(self._labels))
        count = len(self._labels)
        both = 0 < churned < count
        return Snapshot(
            name=self.name,
            number=number,
            learnt=count,
            returned=count - churned,
            churned=churned,
            catalogue=self._task.catalogue.fingerprint,
            horizon_days=self._task.horizon_days,
            quality=quality,
            state={"trained": self._train() if both else None},
        )

    def _train(self) -> Predict:
        rows = np.concatenate(self._rows)
        self._rows = [rows]
        labels, weights = np.array(self._labels), np.array(self._weights)
        if len(rows) >= _MORE * self._chosen_among:
            self._choose(rows, labels, weights)
        return self._best(rows, labels, weights)

    def _choose(self, rows: Rows, labels: Floats, weights: Floats) -> None:
        looked, matured = np.array(self._looked), np.array(self._matured)
        usable = [
            (teaches, tests)
            for teaches, tests in folds(looked, matured)
            if min(len(teaches), len(tests)) >= _FEWEST and 0 < labels[teaches].mean() < 1
        ]
        if not usable:
            return
        losses = []
        for train in self._settings:
            parts = []
            for teaches, tests in usable:
                predict = train(rows[teaches], labels[teaches], weights[teaches])
                risks = _held(predict(rows[tests]))
                said = np.where(labels[tests] > 0, risks, 1 - risks)
                parts.append(float(np.average(-np.log(said), weights=weights[tests])))
            losses.append(float(np.mean(parts)))
        self._best = self._settings[int(np.argmin(losses))]
        self._chosen_among = len(rows)


def _held(risks: Floats) -> Floats:
    result: Floats = np.minimum(np.maximum(risks, _MARGIN), 1 - _MARGIN)
    return result


class BatchJudge:
    """A trained model; lives in the process that trained it.

    Parameters
    ----------
    task
        What is to be predicted.
    snapshot
        What a `BatchLearner` returned.

    Raises
    ------
    ValueError
        If the snapshot comes from anywhere else, or was trained for something else.
    """

    def __init__(self, task: Task, snapshot: Snapshot) -> None:
        trained = snapshot.state.get("trained")
        fits = (
            snapshot.catalogue == task.catalogue.fingerprint
            and snapshot.horizon_days == task.horizon_days
        )
        if not (callable(trained) and fits):
            raise ValueError(
                f"model {snapshot.version} judges only where it was trained, and what it was "
                "trained for"
            )
        self._inputs = task.inputs
        self._predict: Predict = trained
        self.version = snapshot.version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        rows = self._inputs.matrix(vectors).astype(np.float32)
        risks = self._predict(rows) if len(rows) else np.zeros(0)
        return unexplained(_held(risks), self.version)


def _learner(name: str, task: Task, snapshot: Snapshot | None) -> BatchLearner:
    if snapshot is not None:
        raise ValueError(f"{name} cannot go on from a snapshot: it is retrained in a backtest")
    return BatchLearner(name, task, [make() for make in _SETTINGS[name]])


def lightgbm_learner(task: Task, snapshot: Snapshot | None) -> BatchLearner:
    """Return the learner of ``batch-lightgbm``."""
    return _learner(BATCH_LIGHTGBM, task, snapshot)


def logistic_learner(task: Task, snapshot: Snapshot | None) -> BatchLearner:
    """Return the learner of ``batch-logistic``."""
    return _learner(BATCH_LOGISTIC, task, snapshot)


def forest_learner(task: Task, snapshot: Snapshot | None) -> BatchLearner:
    """Return the learner of ``batch-forest``."""
    return _learner(BATCH_FOREST, task, snapshot)
