"""Plain models: those that learn what became of a customer in the whole horizon, and no stages.

They share the learner, and differ in the belief that it teaches: an example is checked, weighed,
read into a row of inputs, and handed on. What they read, they say by a `Reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from features import Catalogue
from models.learning import Floats, Judgement, Snapshot, TrainingExample, Weighing, vectors_of


class MissingLibrary(ValueError):
    """A model needs a library that is not installed; says how to bring it."""


class Reading(Protocol):
    """What a model reads of a raw vector, by name and in order; `Inputs` is one."""

    catalogue: Catalogue
    horizon_days: float
    names: tuple[str, ...]

    def matrix(self, vectors: npt.NDArray[np.float32]) -> Floats:
        """Return what is read of many vectors, shape (decision points, names)."""
        ...


class Columns:
    """Some features as they are.

    Parameters
    ----------
    catalogue
        Whose vectors are read.
    horizon_days
        H, in days.
    names
        Of the features.

    Examples
    --------
    >>> from features import Definition, build_catalogue
    >>> columns = Columns(build_catalogue(Definition()), 30.0, ("recency",))
    >>> columns.matrix(np.ones((2, 55), dtype=np.float32)).tolist()
    [[1.0], [1.0]]
    """

    def __init__(self, catalogue: Catalogue, horizon_days: float, names: tuple[str, ...]) -> None:
        self.catalogue = catalogue
        self.horizon_days = horizon_days
        self.names = names
        self._places = [catalogue.index[name] for name in names]

    def matrix(self, vectors: npt.NDArray[np.float32]) -> Floats:
        """Return the features of many vectors."""
        return vectors[:, self._places].astype(np.float64)


class Belief(Protocol):
    """What a plain model believes, taught one example at a time."""

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        """Learn an example.

        Parameters
        ----------
        row
            What is read of its vector.
        example
            The label, who it is and when.
        weight
            As how many examples it counts; above 0.
        """
        ...

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        ...


def check_fit(reading: Reading, snapshot: Snapshot) -> None:
    """Raise `ValueError` unless the snapshot was learnt for this reading."""
    fits = (
        snapshot.catalogue == reading.catalogue.fingerprint
        and snapshot.horizon_days == reading.horizon_days
        and tuple(snapshot.state["inputs"]) == reading.names
    )
    if not fits:
        raise ValueError(
            f"model {snapshot.version} was learnt for other features or another horizon "
            f"({snapshot.horizon_days:g} days); learn anew under another redis.namespace, as the "
            "workers must"
        )


def only(*keys: str) -> Callable[[Snapshot], Snapshot]:
    """Return what leaves nothing but these parts, and the inputs, in a snapshot's state."""

    def trimmed(snapshot: Snapshot) -> Snapshot:
        state = {key: snapshot.state[key] for key in ("inputs", *keys)}
        return msgspec.structs.replace(snapshot, state=state)

    return trimmed


class PlainLearner:
    """Learns the examples of the whole horizon, one after the other.

    Examples are learnt in the order in which they are given; in what batches does not matter.

    Parameters
    ----------
    name
        The model's name in the registry.
    reading
        What is read of a raw vector.
    belief
        Makes what is taught: of the state of a snapshot, or of None to start afresh.
    snapshot
        Where to go on from.
    weighing
        How much each example counts.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.
    """

    def __init__(
        self,
        name: str,
        reading: Reading,
        belief: Callable[[dict[str, Any] | None], Belief],
        snapshot: Snapshot | None = None,
        weighing: Weighing | None = None,
    ) -> None:
        self.name = name
        self.reading = reading
        self.weighing = weighing or Weighing()
        self.labels = [0, 0]
        if snapshot is not None:
            check_fit(reading, snapshot)
            self.labels = [snapshot.returned, snapshot.churned]
        self.belief = belief(None if snapshot is None else snapshot.state)

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn the examples of the whole horizon; those of its stages are left out."""
        taken = taken_of(examples, self.reading.catalogue, self.weighing)
        if not taken:
            return
        vectors = vectors_of([example for example, _ in taken])
        for (example, weight), row in zip(taken, self.reading.matrix(vectors), strict=True):
            self.belief.learn(row, example, weight)
            self.labels[example.label] += 1

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write the model down."""
        return Snapshot(
            name=self.name,
            number=number,
            learnt=sum(self.labels),
            returned=self.labels[0],
            churned=self.labels[1],
            catalogue=self.reading.catalogue.fingerprint,
            horizon_days=self.reading.horizon_days,
            quality=quality,
            state={"inputs": list(self.reading.names), **self.belief.dump()},
        )


def taken_of(
    examples: Sequence[TrainingExample], catalogue: Catalogue, weighing: Weighing
) -> list[tuple[TrainingExample, float]]:
    """Return the examples that a plain model learns, each with its weight.

    Raises
    ------
    ValueError
        If one of them has other features.
    """
    for example in examples:
        if example.catalogue != catalogue.fingerprint:
            raise ValueError(
                f"example {example.example_id} has the features {example.catalogue}, "
                f"not {catalogue.fingerprint}"
            )
    weighed = [(example, weighing.of(example)) for example in examples if example.whole]
    return [(example, weight) for example, weight in weighed if weight > 0]


def unexplained(risks: Floats, version: str) -> Judgement:
    """Return a judgement without contributions: of a model that is no sum of its inputs."""
    return Judgement(risks, np.zeros((len(risks), 0)), 0.0, (), version)


def told_by(name: str, logits: Floats, intercept: float, version: str) -> Judgement:
    """Return a judgement that one input decides.

    Parameters
    ----------
    name
        The input.
    logits
        Log odds of the risks.
    intercept
        The part that is not the input's.
    version
        The model's version.
    """
    risks: Floats = 1 / (1 + np.exp(-logits))
    return Judgement(risks, (logits - intercept)[:, np.newaxis], intercept, (name,), version)
