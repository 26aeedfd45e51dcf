"""The kinds of the shop against the formula written out kind by kind, and how they follow it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bayes.kinds import Kinds
from models.learning import Floats

SHAPES = (0.6, 1.0, 1.7, 3.0)
LEAVING = (0.005, 0.05, 0.2, 0.6)
HORIZON = 30.0
KINDS = Kinds(HORIZON)


def statistics(gaps: list[int], silence: float) -> list[float]:
    """Return the fading statistics of gaps, each gap by itself."""
    weighed = [(0.97 ** (len(gaps) - 1 - place), gap) for place, gap in enumerate(gaps)]
    return [
        sum(weight for weight, _ in weighed),
        sum(weight * math.log(gap) for weight, gap in weighed),
        *(sum(weight * float(gap) ** k for weight, gap in weighed) for k in SHAPES),
        silence,
    ]


def by_kind(horizon: float) -> list[tuple[float, float, float]]:
    shortest, longest = max(horizon / 40, 0.8), 10 * horizon
    means = [shortest * (longest / shortest) ** (place / 11) for place in range(12)]
    return [(m, k, p) for m in means for k in SHAPES for p in LEAVING]


def slowly(
    gaps: list[int], silence: float, horizon: float, popularity: Floats
) -> tuple[list[float], list[float]]:
    """Return each kind's posterior, and P(silent until H/4, H/2, H), P(left), mean logs."""
    silence = max(silence, 0.0)
    scores, said = [], []
    for (m, k, p), popular in zip(by_kind(horizon), popularity.ravel(), strict=True):
        sigma = m / math.gamma(1 + 1 / k)

        def gone(days: float, k: float = k, p: float = p, sigma: float = sigma) -> float:
            return p + (1 - p) * math.exp(-((days / sigma) ** k))

        score = math.log(popular) + math.log(gone(silence))
        for place, gap in enumerate(gaps):
            # The density of a gap of a customer who did not leave at the visit before it.
            density = (
                math.log(k) - k * math.log(sigma) + (k - 1) * math.log(gap) - (gap / sigma) ** k
            )
            score += 0.97 ** (len(gaps) - 1 - place) * (density + math.log(1 - p))
        later = [gone(silence + horizon * cut) / gone(silence) for cut in (0.25, 0.5, 1)]
        scores.append(score)
        said.append([*later, p / gone(silence), math.log(m), math.log(k), math.log(p)])
    top = max(scores)
    posterior = [math.exp(score - top) for score in scores]
    total = sum(posterior)
    posterior = [each / total for each in posterior]
    return posterior, [
        sum(weight * row[place] for weight, row in zip(posterior, said, strict=True))
        for place in range(7)
    ]


@st.composite
def popularities(draw: st.DrawFn) -> Floats:
    return np.random.default_rng(draw(st.integers(0, 1000))).dirichlet(np.ones(192)).reshape(48, 4)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 400), max_size=12),
    st.floats(-0.5, 1_000),
    st.sampled_from([1.0, 7.0, 30.0, 90.0]),
    popularities(),
)
def test_what_is_read_is_the_formula(
    gaps: list[int], silence: float, horizon: float, popularity: Floats
) -> None:
    popularity = np.maximum(popularity, 1e-5)
    said = Kinds(horizon).read(np.array([statistics(gaps, silence)]), popularity)
    _, expected = slowly(gaps, silence, horizon, popularity)
    found = [*said.silent[0], said.left[0], *said.means[0]]
    assert found == pytest.approx(expected, rel=1e-6, abs=4e-6)
    assert np.array_equal(said.hazards.cumprod(axis=1), said.silent)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 200), max_size=6), st.floats(0, 400)),
        min_size=1,
        max_size=8,
    ),
    popularities(),
)
def test_a_step_moves_three_tenths_of_the_way_to_what_the_customers_say(
    customers: list[tuple[list[int], float]], popularity: Floats
) -> None:
    popularity = np.maximum(popularity, 1e-5)
    rows = np.array([statistics(gaps, silence) for gaps, silence in customers])
    found = KINDS.follow(rows, popularity, steps=1)
    share = np.sum([slowly(*each, HORIZON, popularity)[0] for each in customers], axis=0)
    seen = (share.reshape(48, 4) + 20 * KINDS.at_first) / (len(customers) + 20)
    assert found == pytest.approx(0.7 * popularity + 0.3 * seen, rel=1e-9)


def test_the_kinds_follow_the_shop() -> None:
    weekly = np.array([statistics([7] * 12, float(silence)) for silence in range(7)] * 40)
    found = KINDS.follow(weekly, KINDS.at_first, steps=15)
    newcomer = np.array([statistics([], 10.0)])
    before, after = (KINDS.read(newcomer, each).silent[0, 2] for each in (KINDS.at_first, found))
    assert after < before / 2
    assert found.sum() == pytest.approx(1)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_a_customer_is_read_alike_alone_and_among_others(seed: int, size: int) -> None:
    chance = np.random.default_rng(seed)
    rows = np.array(
        [
            statistics(chance.integers(1, 90, chance.integers(0, 20)).tolist(), chance.gamma(1, 40))
            for _ in range(40)
        ]
    )
    whole = KINDS.read(rows, KINDS.at_first)
    for start in range(0, 40, size):
        part = KINDS.read(rows[start : start + size], KINDS.at_first)
        for found, expected in zip(part, whole, strict=True):
            assert np.array_equal(found, expected[start : start + size])


@given(st.lists(st.floats(-1e9, 1e9), min_size=7, max_size=7))
def test_absurd_statistics_give_probabilities_all_the_same(row: list[float]) -> None:
    said = KINDS.read(np.array([row]), KINDS.at_first)
    for found in (said.hazards, said.silent, said.left):
        assert np.all((found > 0) & (found < 1))
    assert np.all(np.isfinite(said.means))
