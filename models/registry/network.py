"""A small neural network beside a straight line, learnt one example at a time.

The line sees what each input says, sixteen units what only several say together; both add up to
the log odds. Steps are those of AdaGrad (Duchi, Hazan and Singer 2011).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.bayes import Scaler
from models.learning import Floats, Judgement, Snapshot, TrainingExample, sigmoid
from models.registry.plain import PlainLearner, check_fit, unexplained
from models.registry.task import Task

NEURAL_NETWORK: Final = "neural-network"
UNITS: Final = 16
LEARNING_RATE: Final = 0.05
_SPREAD: Final = 0.2
#: What the sums of squared gradients start with: it keeps the first steps small.
_FIRST_SQUARE: Final = 0.1
#: Beyond +-30 a sigmoid is 0 or 1 to the last bit that matters, and exp() stays finite.
_STEEPEST: Final = 30.0
_PARTS: Final = ("units", "biases", "line", "out", "intercept")


class Network:
    """The numbers of the network.

    Parameters
    ----------
    columns
        How many inputs there are.
    seed
        Of the units' first weights, which must differ from each other.
    rate
        Of learning.

    Examples
    --------
    Two inputs that say nothing alone, and everything together.

    >>> network = Network(2, rate=0.1)
    >>> corners = [(-1.0, -1.0, 0), (-1.0, 1.0, 1), (1.0, -1.0, 1), (1.0, 1.0, 0)]
    >>> for _ in range(500):
    ...     for one, other, label in corners:
    ...         network.learn(np.array([one, other]), label, 1.0)
    >>> said = network.logits(np.array([each[:2] for each in corners]))
    >>> (said > 0).tolist()
    [False, True, True, False]
    """

    def __init__(self, columns: int, seed: int = 0, rate: float = LEARNING_RATE) -> None:
        self.seed = seed
        self.rate = rate
        self.units: Floats = np.zeros((UNITS, 0))
        self.biases: Floats = np.zeros(UNITS)
        self.line: Floats = np.zeros(0)
        self.out: Floats = np.zeros(UNITS)
        self.intercept: Floats = np.zeros(1)
        self.squares: dict[str, Floats] = {
            part: np.full_like(getattr(self, part), _FIRST_SQUARE) for part in _PARTS
        }
        self.grow(columns)

    def grow(self, columns: int) -> None:
        """Make room for more inputs; a column's first weights depend on nothing but its number."""
        before = len(self.line)
        fresh = [
            np.random.default_rng((self.seed, column)).normal(0.0, _SPREAD, UNITS)
            for column in range(before, columns)
        ]
        if not fresh:
            return
        self.units = np.column_stack((self.units, *fresh))
        self.line = np.append(self.line, np.zeros(len(fresh)))
        more = np.full((UNITS, len(fresh)), _FIRST_SQUARE)
        self.squares["units"] = np.column_stack((self.squares["units"], more))
        self.squares["line"] = np.append(self.squares["line"], more[0])

    def logits(self, z: Floats) -> Floats:
        """Return the log odds of rows, shape (rows,): the same whatever other rows there are."""
        result: Floats = (z * self.line).sum(axis=1) + self.intercept[0]
        for weights, bias, out in zip(self.units, self.biases, self.out, strict=True):
            result += out * np.tanh((z * weights).sum(axis=1) + bias)
        return result

    def learn(self, z: Floats, label: int, weight: float) -> None:
        """Take one step down the log loss of an example."""
        felt = np.tanh(self.units @ z + self.biases)
        logit = float(self.line @ z + self.out @ felt + self.intercept[0])
        wrong = (sigmoid(logit) - label) * weight
        back = wrong * self.out * (1.0 - felt * felt)
        self._step("units", back[:, np.newaxis] * z)
        self._step("biases", back)
        self._step("line", wrong * z)
        self._step("out", wrong * felt)
        self._step("intercept", np.array([wrong]))

    def _step(self, part: str, gradient: Floats) -> None:
        squares = self.squares[part]
        squares += gradient * gradient
        weights: Floats = getattr(self, part)
        weights -= self.rate * gradient / np.sqrt(squares)

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "parts": {part: getattr(self, part).tolist() for part in _PARTS},
            "squares": {part: self.squares[part].tolist() for part in _PARTS},
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Network:
        """Return what `dump` wrote; without ``squares`` it judges and cannot go on learning."""
        network = cls(0)
        for part in _PARTS:
            setattr(network, part, np.array(data["parts"][part], dtype=np.float64))
        if "squares" in data:
            network.squares = {
                part: np.array(data["squares"][part], dtype=np.float64) for part in _PARTS
            }
        return network


class _Belief:
    def __init__(self, columns: int, state: dict[str, Any] | None) -> None:
        self.scaler = Scaler(columns) if state is None else Scaler.load(state["scaler"])
        self.network = Network(columns) if state is None else Network.load(state["network"])

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        self.scaler.learn(row)
        self.network.learn(self.scaler.standardise(row), example.label, weight)

    def dump(self) -> dict[str, Any]:
        return {"scaler": self.scaler.dump(), "network": self.network.dump()}


def network_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``neural-network``."""
    columns = len(task.inputs.names)
    return PlainLearner(
        NEURAL_NETWORK, task.inputs, lambda state: _Belief(columns, state), snapshot, task.weighing
    )


class NetworkJudge:
    """The network as the workers have it.

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
        inputs = task.inputs
        check_fit(inputs, snapshot)
        self._inputs = inputs
        self._scaler = Scaler.load(snapshot.state["scaler"])
        self._network = Network.load(snapshot.state["network"])
        self.version = snapshot.version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        z = np.ascontiguousarray(self._scaler.standardise(self._inputs.matrix(vectors)))
        logits = np.minimum(np.maximum(self._network.logits(z), -_STEEPEST), _STEEPEST)
        return unexplained(1 / (1 + np.exp(-logits)), self.version)
