"""The filter against plain matrix algebra, and at the edge of what numbers can hold."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bayes.kalman import Filter, Scaler
from models.learning import Floats, sigmoid

#: Two million with EBB_LONG=1, which takes minutes.
STEPS = 2_000_000 if os.environ.get("EBB_LONG") else 50_000
VALUES = st.lists(st.floats(-5, 5), min_size=3, max_size=3)


def trained(seed: int, steps: int = 30) -> Filter:
    chance = np.random.default_rng(seed)
    belief = Filter(3)
    for _ in range(steps):
        z = np.array([*chance.normal(size=3), chance.normal(), 1.0, 1.0])
        belief.advance(float(chance.gamma(1, 0.2)))
        belief.learn(z, int(chance.random() < sigmoid(float(z[0] + z[3]))))
    return belief


def dense_step(w: Floats, p: Floats, z: Floats, label: int, weight: float) -> tuple[Floats, Floats]:
    """Return weights and covariance after an example: as information, by inverting matrices."""
    risk = 1 / (1 + np.exp(-z @ w))
    v = max(risk * (1 - risk), 0.02)
    information = np.linalg.inv(p) + weight * v * np.outer(z, z)
    after = np.linalg.inv(information)
    return w + after @ z * weight * (label - risk), after


@settings(max_examples=60)
@given(
    st.integers(0, 500), VALUES, st.floats(-8, 8), st.integers(0, 1), st.sampled_from([1, 0.3, 4])
)
def test_a_step_adds_the_information_of_an_example(
    seed: int, values: list[float], offset: float, label: int, weight: float
) -> None:
    belief = trained(seed)
    z = np.array([*values, offset, 1.0, 1.0])
    weights, covariance = dense_step(belief.weights, belief.covariance, z, label, weight)
    belief.learn(z, label, weight)
    assert belief.weights == pytest.approx(weights, rel=1e-8, abs=1e-10)
    assert belief.covariance == pytest.approx(covariance, rel=1e-7, abs=1e-12)


@settings(max_examples=60)
@given(st.integers(0, 500), st.floats(1e-6, 30))
def test_time_scales_the_covariance_by_a_congruence_and_renews_the_shock(
    seed: int, horizons: float
) -> None:
    belief = trained(seed)
    before = belief.covariance.copy()
    shock = belief.weights[-1]
    belief.advance(horizons)

    kept = np.exp(-horizons / 3)
    growth = min(2 ** (horizons / 8), 0.003 / before.diagonal()[:3].mean())
    d = np.diag([np.sqrt(max(growth, 1))] * 5 + [kept])
    expected = d @ before @ d
    expected[-1, -1] += (1 - kept**2) * 0.03
    assert belief.covariance == pytest.approx(expected, rel=1e-12)
    assert belief.weights[-1] == pytest.approx(shock * kept)
    assert belief.covariance.diagonal()[:3].mean() <= 0.003 * (1 + 1e-12)


@settings(max_examples=30)
@given(st.integers(0, 500), st.floats(0.01, 10), st.floats(0.01, 10))
def test_time_may_pass_in_one_step_or_in_two(seed: int, first: float, second: float) -> None:
    once, twice = trained(seed), trained(seed)
    once.advance(first + second)
    twice.advance(first)
    twice.advance(second)
    assert once.covariance == pytest.approx(twice.covariance, rel=1e-9)
    assert once.weights == pytest.approx(twice.weights, rel=1e-9)


def test_nearly_collinear_features_leave_the_covariance_positive_definite() -> None:
    chance = np.random.default_rng(7)
    belief = Filter(26)
    z = np.ones(29)
    least = np.inf
    for step in range(STEPS):
        # Two directions of noise in 26 features, all else a millionth.
        noise = chance.standard_normal(3)
        z[:26] = noise[0]
        z[13:26] += 1e-3 * noise[1]
        z[step % 26] += 1e-6 * noise[2]
        np.clip(z, -5, 5, out=z)
        z[26] = 3 * noise[1]
        if step % 4 == 0:
            belief.advance(1e-4 if step % 400 else 3.0)
        belief.learn(z, int(noise[0] + noise[2] > 0.3), 1.0 if step % 7 else 50.0)
        if step % 1_000 == 0:
            assert np.isfinite(belief.logit(z))
            least = min(least, float(np.linalg.eigvalsh(belief.covariance)[0]))
    assert np.array_equal(belief.covariance, belief.covariance.T)
    assert least > 0
    assert np.isfinite(belief.weights).all()


@settings(max_examples=20)
@given(st.integers(0, 500))
def test_written_down_and_read_again_it_is_the_same(seed: int) -> None:
    belief = trained(seed)
    again = Filter.load(json.loads(json.dumps(belief.dump())))
    assert np.array_equal(again.weights, belief.weights)
    assert np.array_equal(again.covariance, belief.covariance)
    z = np.ones(6)
    for each in (belief, again):
        each.advance(0.5)
        each.learn(z, 1)
    assert again.dump() == belief.dump()


@settings(max_examples=40)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=2, max_size=30))
def test_the_scaler_knows_means_and_deviations(rows: list[list[float]]) -> None:
    scaler = Scaler(2)
    for row in rows:
        scaler.learn(np.array(row))
    table = np.array(rows)
    assert scaler.means == pytest.approx(table.mean(axis=0), rel=1e-9, abs=1e-8)
    assert scaler.deviations() == pytest.approx(
        np.maximum(table.std(axis=0), Scaler.LEAST), rel=1e-5, abs=1e-4
    )
    assert np.abs(scaler.standardise(table)).max() <= Scaler.CLIP


def test_a_constant_says_nothing() -> None:
    scaler = Scaler(1)
    for _ in range(1000):
        scaler.learn(np.array([0.1 + 0.2]))
    assert scaler.standardise(np.array([0.1 + 0.2])).tolist() == [0.0]
