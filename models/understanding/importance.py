"""What the judgements of a model rest on: how much each input, and each cause, moved the risks.

A linear judgement is a sum of parts, so what an input did is known exactly, and on average over
all that was judged it says what the model looks at. In logits: of ln 2 = .7 the odds double.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.judging import CODES, Explainer
from models.learning import Judgement

Floats = npt.NDArray[np.float64]


class Share(NamedTuple):
    """What an input or a cause added to the risks.

    Parameters
    ----------
    name
        Of the input, or the code of the cause.
    mean
        What it added to the logit on average: above 0, it raised the risks on the whole.
    mean_abs
        How far it moved the logit on average, whichever way.
    """

    name: str
    mean: float
    mean_abs: float


class _Sums:
    """Sums of parts, by their names."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], Floats] = {}

    def add(self, names: tuple[str, ...], parts: Floats) -> None:
        added = np.array([parts.sum(axis=0), np.abs(parts).sum(axis=0)])
        held = self._sums.get(names)
        self._sums[names] = added if held is None else held + added

    def shares(self, count: int) -> list[Share]:
        totals: dict[str, Floats] = {}
        for names, sums in self._sums.items():
            for name, pair in zip(names, sums.T, strict=True):
                totals[name] = totals[name] + pair if name in totals else pair
        found = [
            Share(name, float(total / count), float(absolute / count))
            for name, (total, absolute) in totals.items()
            if absolute > 0
        ]
        return sorted(found, key=lambda share: (-share.mean_abs, share.name))


class Importance:
    """Gathers what many judgements rest on; memory does not grow with them.

    Parameters
    ----------
    explainer
        Knows which inputs speak of the same cause.

    Examples
    --------
    >>> gathered = Importance(Explainer())
    >>> parts = np.array([[0.5, -1.0], [0.5, 0.0]])
    >>> gathered.add(Judgement(np.array([0.4, 0.6]), parts, 0.0, ("orders", "spent"), "bayes-1"))
    >>> gathered.inputs
    [Share(name='orders', mean=0.5, mean_abs=0.5), Share(name='spent', mean=-0.5, mean_abs=0.5)]
    """

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        self._inputs = _Sums()
        self._causes = _Sums()
        #: Judgements gathered, and whether one of them told its parts.
        self.count = 0
        self.told = False

    def add(self, judgement: Judgement, rows: Sequence[int] | None = None) -> None:
        """Gather a judgement of many decision points.

        Parameters
        ----------
        judgement
            Of any model; one that tells no parts counts, and adds nothing.
        rows
            Which of its rows count; all of them if not said.
        """
        parts = judgement.contributions
        causes = self._explainer.weigh(judgement).parts
        if rows is not None and len(rows) != len(parts):
            parts, causes = parts[rows], causes[rows]
        self.count += len(parts)
        if judgement.names:
            self.told = True
            self._inputs.add(judgement.names, parts)
            self._causes.add(CODES, causes)

    @property
    def inputs(self) -> list[Share]:
        """What each input did, the strongest first; without those that never did anything."""
        return self._inputs.shares(self.count)

    @property
    def causes(self) -> list[Share]:
        """What each cause did, the strongest first; without those that never did anything."""
        return self._causes.shares(self.count)
