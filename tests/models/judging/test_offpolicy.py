"""What another policy would have brought, against shoppers whose answer to each arm is known."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from models.judging import PolicyValue, policy_value

ROWS_EACH = 3


class Log(NamedTuple):
    """What a drawing policy left behind, and the model of the rewards that a shop might have."""

    arms: np.ndarray
    rewards: np.ndarray
    propensities: np.ndarray
    risks: np.ndarray
    customers: np.ndarray
    expected: np.ndarray


def stays(risk: np.ndarray) -> np.ndarray:
    """Return, rows by arms, with which probability a customer stays: an offer saves two fifths."""
    return np.stack([1 - risk, 1 - risk * 0.6], axis=1)


def simulated(seed: int, customers: int = 300, low: float = 0.2, high: float = 0.8) -> Log:
    """Offer more often to those at risk, with a part of each customer that nobody sees."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), ROWS_EACH)
    risks = rng.uniform(0.1, 0.9, len(who))
    own = np.repeat(rng.uniform(-0.1, 0.1, customers), ROWS_EACH)
    chance = np.where(risks > 0.5, high, low)
    arms = (rng.random(len(who)) < chance).astype(int)
    kept = stays(risks)[np.arange(len(who)), arms] + own
    rewards = (rng.random(len(who)) < kept).astype(float)
    return Log(arms, rewards, np.where(arms, chance, 1 - chance), risks, who, stays(risks))


def above(risks: np.ndarray, threshold: float) -> np.ndarray:
    """Return the policy that offers to those above a risk."""
    return np.stack([risks <= threshold, risks > threshold], axis=1).astype(float)


def judge(log: Log, target: np.ndarray, **more: Any) -> PolicyValue:
    return policy_value(log.arms, log.rewards, log.propensities, target, log.customers, **more)


#: Risks are even from .1 to .9: above .4 they are .65 on average, and five eighths of all.
TRUTH = 1 - 0.5 + 0.4 * 0.65 * 5 / 8
#: Those above .5 have .7 on average, and are half.
LOGGED = 1 - 0.5 + 0.4 * (0.8 * 0.7 + 0.2 * 0.3) / 2


def test_the_intervals_hold_the_planted_truth_in_ninety_of_a_hundred_seeds() -> None:
    held = dict.fromkeys(("inverse", "robust", "modelled", "gain", "logged"), 0)
    widths: dict[str, list[float]] = {"robust": [], "modelled": [], "inverse": []}
    for seed in range(100):
        log = simulated(seed)
        target = above(log.risks, 0.4)
        plain, modelled = judge(log, target), judge(log, target, predicted=log.expected)
        for name, interval, truth in (
            ("inverse", plain.inverse_propensity, TRUTH),
            ("robust", plain.doubly_robust, TRUTH),
            ("modelled", modelled.doubly_robust, TRUTH),
            ("gain", modelled.gain, TRUTH - LOGGED),
            ("logged", plain.logged, LOGGED),
        ):
            held[name] += not interval.leaves_out(truth)
            if name in widths:
                widths[name].append(interval.high - interval.low)
        assert not plain.thin, plain.warnings
    assert {name: count for name, count in held.items() if count < 90} == {}
    # Bounds that hold everything say nothing.
    assert min(held.values()) < 100
    assert np.mean(widths["modelled"]) < np.mean(widths["inverse"]) < 0.15


def test_each_of_two_policies_is_told_from_the_other_by_enough_customers() -> None:
    log = simulated(1, customers=20_000)
    everybody = judge(log, above(log.risks, 0.0), predicted=log.expected)
    nobody = judge(log, above(log.risks, 1.0), predicted=log.expected)
    for found, truth in ((everybody, 0.7), (nobody, 0.5)):
        assert found.doubly_robust.estimate == pytest.approx(truth, abs=0.015)
        assert found.inverse_propensity.estimate == pytest.approx(truth, abs=0.02)
    assert everybody.gain.low > 0 > nobody.gain.high


def test_with_wrong_rewards_or_wrong_propensities_but_not_both_the_value_is_right() -> None:
    log = simulated(2, customers=20_000)
    target = above(log.risks, 0.4)
    nonsense = np.full((len(log.arms), 2), 0.1)
    assert judge(log, target, predicted=nonsense).doubly_robust.estimate == pytest.approx(
        TRUTH, abs=0.015
    )
    even = log._replace(propensities=np.full(len(log.arms), 0.5))
    found = judge(even, target, predicted=log.expected)
    assert found.doubly_robust.estimate == pytest.approx(TRUTH, abs=0.015)
    both = judge(even, target, predicted=nonsense)
    assert abs(both.doubly_robust.estimate - TRUTH) > 0.1
    assert both.thin


def test_estimates_are_the_sums_of_the_books() -> None:
    log = simulated(3, customers=20)
    target = above(log.risks, 0.4) * 0.9 + 0.05
    found = judge(log, target, predicted=log.expected)
    weights, total, robust = [], 0.0, 0.0
    for row, arm in enumerate(log.arms):
        weight = target[row, arm] / log.propensities[row]
        weights.append(weight)
        total += weight * log.rewards[row]
        robust += sum(target[row, each] * log.expected[row, each] for each in (0, 1))
        robust += weight * (log.rewards[row] - log.expected[row, arm])
    rows = len(log.arms)
    assert found.inverse_propensity.estimate == pytest.approx(total / sum(weights))
    assert found.doubly_robust.estimate == pytest.approx(robust / rows)
    assert found.logged.estimate == pytest.approx(log.rewards.mean())
    assert found.gain.estimate == pytest.approx(robust / rows - log.rewards.mean())
    assert found.mean_weight == pytest.approx(sum(weights) / rows)
    assert found.effective_size == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))


def test_without_a_model_a_row_is_corrected_by_the_means_of_other_customers() -> None:
    # One customer a fold: each one's expectation is the mean of the four others.
    rewards = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    found = policy_value([0] * 5, rewards, [0.8] * 5, [[1, 0]] * 5, list("abcde"))
    elsewhere = (rewards.sum() - rewards) / 4
    expected = (elsewhere + (rewards - elsewhere) / 0.8).mean()
    assert found.doubly_robust.estimate == pytest.approx(expected)
    # The mean of the estimate is no matter of folds, but how sure it is.
    spread = (elsewhere + (rewards - elsewhere) / 0.8).std(ddof=1) / 5**0.5
    reach = found.doubly_robust.high - found.doubly_robust.estimate
    assert reach == pytest.approx(2.776445 * spread)


def test_rows_of_the_same_customer_make_nothing_surer() -> None:
    log = simulated(4, customers=200)
    once = judge(log, above(log.risks, 0.4), predicted=log.expected)
    thrice = Log(*(np.tile(each, (3,) + (1,) * (each.ndim - 1)) for each in log))
    again = judge(thrice, above(thrice.risks, 0.4), predicted=thrice.expected)
    for one, other in ((once.doubly_robust, again.doubly_robust), (once.gain, again.gain)):
        assert (one.low, one.high) == pytest.approx((other.low, other.high))
    assert again.effective_customers == pytest.approx(once.effective_customers)


def test_the_policy_that_ran_is_worth_what_was_seen() -> None:
    log = simulated(5)
    chance = np.where(log.risks > 0.5, 0.8, 0.2)
    found = judge(log, np.stack([1 - chance, chance], axis=1))
    assert found.inverse_propensity == found.logged
    assert found.effective_size == pytest.approx(len(log.arms))
    assert not found.gain.leaves_out(0.0)
    assert not found.thin


@pytest.mark.parametrize(
    ("log", "threshold", "said"),
    [
        (simulated(6, customers=40), 0.4, "customers count for the other policy"),
        (simulated(6, customers=3_000, low=0.002, high=0.002), 0.2, "customers count"),
        (simulated(6, customers=300, low=0.01, high=0.9), 0.3, "one customer makes"),
    ],
)
def test_a_thin_support_is_said(log: Log, threshold: float, said: str) -> None:
    found = judge(log, above(log.risks, threshold))
    assert found.thin
    assert any(said in warning for warning in found.warnings), found.warnings


def test_an_arm_that_was_never_tried_is_said() -> None:
    log = simulated(7)
    third = np.concatenate([above(log.risks, 0.4) * 0.75, np.full((len(log.arms), 1), 0.25)], 1)
    assert judge(log, third).warnings == ("25% of the other policy's choices are arms never tried",)


def test_propensities_that_cannot_be_are_said() -> None:
    log = simulated(8)
    wrong = log._replace(propensities=np.full(len(log.arms), 0.9))
    found = judge(wrong, above(log.risks, 0.4))
    assert any("propensities are wrong" in warning for warning in found.warnings)


def test_what_cannot_be_told_is_not_a_number() -> None:
    empty = policy_value([], [], [], np.empty((0, 2)), [])
    assert math.isnan(empty.inverse_propensity.estimate) and empty.thin
    apart = policy_value([0, 0], [1, 0], [0.5, 0.5], [[0, 1], [0, 1]], [1, 2])
    assert math.isnan(apart.inverse_propensity.estimate) and apart.thin
    assert apart.effective_size == apart.effective_customers == 0
    alone = policy_value([0, 1], [1, 0], [0.5, 0.5], [[1, 0], [1, 0]], [1, 1])
    assert alone.inverse_propensity.estimate == 1.0
    assert math.isnan(alone.inverse_propensity.low) and alone.thin


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"arms": [0]}, "do not agree"),
        ({"arms": [0, 2]}, "arms are whole numbers from 0 to 1"),
        ({"arms": [0, 0.5]}, "arms are whole numbers"),
        ({"rewards": [1, math.nan]}, "rewards are finite"),
        ({"propensities": [0.5, 0.0]}, "propensities are above 0"),
        ({"propensities": [0.5, math.nan]}, "propensities are above 0"),
        ({"target": [[0.5, 0.6], [0, 1]]}, "add up to 1"),
        ({"target": [[-1, 2], [0, 1]]}, "add up to 1"),
        ({"target": [0, 1]}, "do not agree"),
        ({"customers": [1]}, "one customer a row"),
        ({"predicted": [[1, 1]]}, "predicted rewards"),
        ({"level": 95}, "level"),
    ],
)
def test_a_log_that_makes_no_sense_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    log = {
        "arms": [0, 1],
        "rewards": [1, 0],
        "propensities": [0.5, 0.5],
        "target": [[1, 0], [0, 1]],
        "customers": [1, 2],
    }
    with pytest.raises(ValueError, match=named):
        policy_value(**{**log, **change})
