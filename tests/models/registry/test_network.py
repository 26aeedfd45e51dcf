"""The network's steps are the gradient of the log loss, and its first weights depend on nothing."""

from __future__ import annotations

import numpy as np
import pytest

from models.learning import Floats
from models.registry.network import Network, NetworkJudge, network_learner
from models.registry.neural import OnlineNetwork
from tests.models.portraits import INPUTS, TASK, customers, some_examples


def log_loss(network: Network, z: Floats, label: int) -> float:
    logit = float(network.logits(z[np.newaxis])[0])
    return float(np.logaddexp(0.0, -logit if label else logit))


@pytest.mark.parametrize("part", ["units", "biases", "line", "out", "intercept"])
def test_a_step_goes_down_the_gradient_of_the_log_loss(part: str) -> None:
    chance = np.random.default_rng(4)
    network = Network(5)
    for _ in range(30):
        network.learn(chance.normal(size=5), int(chance.integers(2)), 1.0)
    z, label, weight = chance.normal(size=5), 1, 2.0
    before = network.squares[part].copy()
    expected = np.zeros_like(before)
    numbers = getattr(network, part)
    for place in np.ndindex(numbers.shape):
        kept, losses = numbers[place], []
        for nudge in (1e-6, -1e-6):
            numbers[place] = kept + nudge
            losses.append(log_loss(network, z, label))
        numbers[place] = kept
        expected[place] = weight * (losses[0] - losses[1]) / 2e-6
    start = numbers.copy()
    network.learn(z, label, weight)
    assert network.squares[part] - before == pytest.approx(expected**2, abs=1e-6)
    step = -network.rate * expected / np.sqrt(network.squares[part])
    assert getattr(network, part) - start == pytest.approx(step, abs=1e-6)


def test_columns_that_come_later_have_the_weights_that_they_would_have_had() -> None:
    grown = Network(2)
    grown.grow(5)
    at_once = Network(5)
    assert np.array_equal(grown.units, at_once.units)
    assert len(np.unique(at_once.units)) == at_once.units.size


def test_the_judge_says_what_the_estimator_says_of_standardised_inputs() -> None:
    examples = some_examples(80)
    learner = network_learner(TASK, None)
    model = OnlineNetwork()
    scaler = learner.belief.scaler  # type: ignore[attr-defined]  # this belief has one
    # In the order of the estimator's places, which is that of the names.
    names = [f"{place:03}" for place in range(len(INPUTS.names))]
    for example in examples:
        learner.learn([example])
        row = INPUTS.matrix(np.array([example.vector], dtype=np.float32))[0]
        model.learn_one(
            dict(zip(names, scaler.standardise(row).tolist(), strict=True)), bool(example.label)
        )
    fresh = customers(20, 9)
    said = [
        model.predict_proba_one(dict(zip(names, scaler.standardise(row).tolist(), strict=True)))
        for row in INPUTS.matrix(fresh)
    ]
    risks = NetworkJudge(TASK, learner.snapshot(1, {})).judge(fresh).risks
    assert risks == pytest.approx([each[True] for each in said], abs=1e-12)
