"""River's standard scaler, logistic regression and AdaGrad in one loop: its every digit, sooner.

River keeps numbers by name, and asks for each several times. An example of this model has all
inputs, always in one order, so the same sums can be made over lists: what River does for one
input after the other is done here in the same order and with the same operations.
"""

from __future__ import annotations

from math import exp
from typing import Any, Final

from models.learning import Floats, TrainingExample, sigmoid

LEARNING_RATE: Final = 0.05
# River's own, which are the defaults of what `logistic` has always been made of.
_INTERCEPT_RATE: Final = 0.01
_EPS: Final = 1e-8
_CLIP: Final = 1e12
#: From this margin on River leaves out what no longer changes a gradient.
_CERTAIN: Final = 18.0


class FusedLogistic:
    """``StandardScaler | LogisticRegression(AdaGrad(0.05))`` over lists.

    Parameters
    ----------
    count
        How many inputs there are.
    state
        What `dump` wrote, or a `Glm` of River's; None to start afresh.

    Examples
    --------
    >>> belief = FusedLogistic(1)
    >>> for day in range(60):
    ...     belief.take([float(day % 2)], label=day % 2)
    >>> belief.weights[0] > 0
    True
    """

    def __init__(self, count: int, state: dict[str, Any] | None = None) -> None:
        nothing = [0.0] * count
        fresh: dict[str, Any] = {"counts": [0], "intercept": 0.0, "iterations": 0}
        read = state or fresh | dict.fromkeys(("means", "variances", "weights", "squares"), nothing)
        #: Every example has every input: they are all counted alike.
        self.count: int = read["counts"][0]
        self.means: list[float] = list(read["means"])
        self.variances: list[float] = list(read["variances"])
        self.weights: list[float] = list(read["weights"])
        self.squares: list[float] = list(read["squares"])
        self.intercept: float = read["intercept"]
        self.iterations: int = read["iterations"]

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        """Learn an example."""
        self.take(row.tolist(), example.label, weight)

    def take(self, row: list[float], label: int, weight: float = 1.0) -> None:
        """Learn a row of inputs.

        Parameters
        ----------
        row
            All inputs, as they are.
        label
            0 or 1.
        weight
            As how many examples it counts.
        """
        self.count = count = self.count + 1
        # -- the scaler sees the example first, and what is learnt is on the new scale
        means, variances, scaled = [], [], []
        dot = 0.0
        for x, before, variance, held in zip(
            row, self.means, self.variances, self.weights, strict=True
        ):
            mean = before + (x - before) / count
            away = x - mean
            variance += ((x - before) * away - variance) / count
            means.append(mean)
            variances.append(variance)
            # A power and not a root: the two may differ in the last digit.
            z = away / variance**0.5 if variance else 0.0
            scaled.append(z)
            dot += held * z
        self.means, self.variances = means, variances

        # -- the gradient of the log loss
        sign = 1 if label else -1
        margin = (dot + self.intercept) * sign
        if margin > _CERTAIN:
            gradient = exp(-margin) * -sign
        elif margin < -_CERTAIN:
            gradient = -float(sign)
        else:
            gradient = -sign / (exp(margin) + 1.0)
        gradient = max(-_CLIP, min(gradient * weight, _CLIP))

        # -- AdaGrad
        self.intercept -= _INTERCEPT_RATE * gradient
        self.iterations += 1
        weights, squares = [], []
        for z, held, square in zip(scaled, self.weights, self.squares, strict=True):
            pull = z * gradient
            square += pull**2
            squares.append(square)
            weights.append(held - LEARNING_RATE / (square + _EPS) ** 0.5 * pull)
        self.weights, self.squares = weights, squares

    def probability(self, row: list[float]) -> float:
        """Return P(label 1) of a row of inputs, by what has been learnt."""
        logit = self.intercept
        for x, mean, variance, weight in zip(
            row, self.means, self.variances, self.weights, strict=True
        ):
            if variance:
                logit += weight * (x - mean) / variance**0.5
        return sigmoid(logit)

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data, as `Glm` does."""
        return {
            "counts": [self.count] * len(self.means),
            "means": self.means,
            "variances": self.variances,
            "weights": self.weights,
            "squares": self.squares,
            "intercept": self.intercept,
            "iterations": self.iterations,
        }
