"""Probabilities and their log odds."""

from __future__ import annotations

from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Beyond +-30 a sigmoid is 0 or 1 to the last bit that matters, and exp() stays finite.
_STEEPEST: Final = 30.0


def logit(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)).

    Examples
    --------
    >>> float(logit(np.array(0.5)))
    0.0
    """
    result: Floats = np.log(probability) - np.log1p(-probability)
    return result


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)).

    Examples
    --------
    >>> sigmoid(0.0)
    0.5
    """
    return 1.0 / (1.0 + exp(-min(max(logit, -_STEEPEST), _STEEPEST)))
