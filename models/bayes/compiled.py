"""The arithmetic of `Scaler` and `Filter` in plain loops, for a compiler.

Only numbers and arrays come in, and only what numba knows is used, so the same function can be
run as it is, which is slow, and its test does so wherever numba is not installed.
"""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import numpy.typing as npt

from models.bayes.kalman import FEATURE, LEAST_VARIANCE, SHOCK, SHOCK_HORIZONS
from models.learning import Floats

_CLIP = 5.0
_LEAST = 1e-6
_STEEPEST = 30.0


def learn_block(
    rows: Floats,
    stages: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    weights: Floats,
    passed: Floats,
    counts: npt.NDArray[np.int64],
    means: Floats,
    squares: Floats,
    beliefs: Floats,
    covariances: Floats,
    memory: float,
) -> None:
    """Learn a block of examples; see `blocks.Block` for what they are.

    Parameters
    ----------
    rows, stages, labels, weights, passed
        The block.
    counts, means, squares
        The scaler's; changed in place.
    beliefs, covariances
        Of each stage, shape (3, 29) and (3, 29, 29); changed in place.
    memory
        Horizons in which the variance of what is not looked at doubles.
    """
    columns = rows.shape[1]
    size = beliefs.shape[1]
    signs = size - 3
    z = np.ones(size)
    spread = np.empty(size)
    scale = np.empty(size)
    partial = np.empty(8)
    for number in range(rows.shape[0]):
        row = rows[number]
        stage = stages[number]

        # -- Scaler.learn
        if stage == 0:
            counts[0] += 1
            for column in range(columns):
                away = row[column] - means[column]
                means[column] += away / counts[0]
                squares[column] += away * (row[column] - means[column])
        weight = weights[number]
        if not weight > 0.0:
            continue

        # -- Scaler.standardise
        seen = max(counts[0], 1)
        for column in range(signs):
            deviation = max(sqrt(squares[column] / seen), _LEAST)
            z[column] = max(min((row[column] - means[column]) / deviation, _CLIP), -_CLIP)
        z[signs] = row[signs + stage]
        belief = beliefs[stage]
        covariance = covariances[stage]

        # -- Filter.advance
        horizons = passed[number]
        if horizons > 0.0:
            # As numpy adds up a diagonal: eight sums, those added in pairs, and then the rest.
            whole = signs - signs % 8
            total = 0.0
            if whole:
                for place in range(8):
                    partial[place] = covariance[place, place]
                for place in range(8, whole):
                    partial[place % 8] += covariance[place, place]
                total = ((partial[0] + partial[1]) + (partial[2] + partial[3])) + (
                    (partial[4] + partial[5]) + (partial[6] + partial[7])
                )
            for place in range(whole, signs):
                total += covariance[place, place]
            room = FEATURE / (total / signs)
            growth = max(min(2.0 ** (horizons / memory), room), 1.0)
            kept = exp(-horizons / SHOCK_HORIZONS)
            scale[:] = sqrt(growth)
            scale[size - 1] = kept
            belief[size - 1] *= kept
            for one in range(size):
                for other in range(size):
                    covariance[one, other] *= scale[one] * scale[other]
            covariance[size - 1, size - 1] += (1.0 - kept * kept) * SHOCK

        # -- Filter.learn
        logit = 0.0
        for place in range(size):
            logit += belief[place] * z[place]
        p = 1.0 / (1.0 + exp(-min(max(logit, -_STEEPEST), _STEEPEST)))
        v = max(p * (1.0 - p), LEAST_VARIANCE)
        # The covariance is symmetric: by rows instead of columns, which a processor likes.
        spread[:] = 0.0
        for one in range(size):
            for other in range(size):
                spread[other] += covariance[one, other] * z[one]
        certainty = 0.0
        for place in range(size):
            certainty += z[place] * spread[place]
        gain = 1.0 / (1.0 / (weight * v) + certainty)
        step = gain * (labels[number] - p) / v
        root = sqrt(gain)
        for place in range(size):
            belief[place] += spread[place] * step
            spread[place] *= root
        for one in range(size):
            for other in range(size):
                covariance[one, other] -= spread[one] * spread[other]
