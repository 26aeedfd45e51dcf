"""How runs differ on the same customers: held to a slow oracle, and to differences that we made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from models.judging import MEASURES, Ratios, Skill, Weighted, bootstrap_difference, pair

counted = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=8)


@given(rows=counted, counts=st.data())
def test_a_ratio_is_that_of_the_customers_written_out_as_often_as_they_count(
    rows: list[tuple[int, int]], counts: st.DataObject
) -> None:
    often = counts.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    above, below = np.array(rows, dtype=float).T
    found = Ratios({"share": (above, below)}).measure(np.array(often))[0]
    written = [each for each, times in zip(rows, often, strict=True) for _ in range(times)]
    under = sum(each[1] for each in written)
    if not under:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(sum(each[0] for each in written) / under)


@given(seed=st.integers(0, 10_000))
def test_skill_is_the_share_of_log_loss_saved_as_another_library_has_it(seed: int) -> None:
    chance = np.random.default_rng(seed)
    who = np.sort(chance.integers(0, 6, 40))
    labels = chance.integers(0, 2, 40).astype(float)
    risks = chance.uniform(0.05, 0.95, 40)
    counts = chance.integers(0, 3, 6)
    losses = -np.log(np.where(labels > 0, risks, 1 - risks))
    summed = [np.bincount(who, each, 6) for each in (losses, labels, np.ones(40))]
    (found,) = Skill(*summed).measure(counts)
    often = counts[who]
    if not 0 < (labels * often).sum() < often.sum():
        assert np.isnan(found)
        return
    base = np.full(40, np.average(labels, weights=often))
    loss, known = (metrics.log_loss(labels, p, sample_weight=often) for p in (risks, base))
    assert found == pytest.approx(1 - loss / known)


def test_a_run_held_to_itself_differs_by_exactly_nothing() -> None:
    chance = np.random.default_rng(2)
    risks, labels = chance.uniform(size=300), chance.integers(0, 2, 300).astype(float)
    run = [
        Weighted(risks, labels, np.arange(300) // 3, 100, list(MEASURES), 0.1),
        Ratios({"share": (np.arange(100.0), np.full(100, 7.0))}),
    ]
    found = pair([run, run], 100, np.random.default_rng(0)).differences(1)
    assert len(found) == 6
    assert {(each.estimate, each.low, each.high) for each in found.values()} == {(0.0, 0.0, 0.0)}


def test_models_differ_as_much_as_when_two_alone_are_compared() -> None:
    chance = np.random.default_rng(4)
    labels, who = chance.integers(0, 2, 200).astype(float), np.arange(200) // 4
    says = [np.clip(labels * 0.3 + chance.uniform(0, 0.7, 200), 0.01, 0.99) for _ in range(3)]
    runs = [[Weighted(each, labels, who, 50, list(MEASURES), 0.1)] for each in says]
    found = pair(runs, 50, np.random.default_rng(9), resamples=60)
    alone = bootstrap_difference(
        says[2], says[1], labels, who, np.random.default_rng(9), resamples=60
    )
    for name, each in found.differences(2, held=1).items():
        other = alone[name]
        assert (each.estimate, each.low, each.high) == pytest.approx(
            (other.estimate, other.low, other.high)
        )


def test_only_figures_that_both_runs_have_are_held_to_each_other() -> None:
    ones = np.ones(5)
    one, other = Ratios({"a": (ones, ones), "b": (ones, ones)}), Ratios({"b": (2 * ones, ones)})
    found = pair([[one], [other]], 5, np.random.default_rng(0)).differences(1)
    assert {name: each.estimate for name, each in found.items()} == {"b": 1.0}


def test_a_figure_that_is_twice_in_a_run_is_refused() -> None:
    one = Ratios({"a": (np.ones(3), np.ones(3))})
    with pytest.raises(ValueError, match="a figure is twice in a run: a, a"):
        pair([[one, one]], 3, np.random.default_rng(0))


def test_figures_of_other_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="the same customers"):
        Ratios({"a": (np.ones(3), np.ones(4))})


def planted(chance: np.random.Generator, customers: int) -> tuple[np.ndarray, ...]:
    """Return the alerts of two policies, and who churned: several looks at each customer."""
    # Who is likelier to churn is looked at more often, so that looks are no customers.
    leaves = chance.uniform(0.1, 0.6, customers)
    looks = 1 + chance.poisson(4 * leaves)
    who = np.repeat(np.arange(customers), looks)
    churned = chance.uniform(size=len(who)) < leaves[who]
    scores = np.where(churned, 0.75, 0.35) + chance.normal(0, 0.2, len(who))
    return who, churned, scores >= 0.5, scores >= 0.7


def precisions(who: np.ndarray, churned: np.ndarray, *alerts: np.ndarray) -> list[Ratios]:
    number = int(who.max()) + 1
    left = np.bincount(who, churned, number)
    found = []
    for each in alerts:
        hit = np.bincount(who, each & churned, number)
        told = np.bincount(who, each, number)
        found.append(Ratios({"precision": (hit, told), "recall": (hit, left)}))
    return found


def test_intervals_hold_the_true_difference_in_at_least_90_of_100_seeds() -> None:
    everybody = precisions(*planted(np.random.default_rng(0), 300_000))
    ones = np.ones(300_000)
    truth = everybody[1].measure(ones) - everybody[0].measure(ones)
    assert truth[0] > 0.05 and truth[1] < -0.15

    held = np.zeros(2)
    for seed in range(100):
        runs = [[each] for each in precisions(*planted(np.random.default_rng(seed + 1), 200))]
        found = pair(runs, 200, np.random.default_rng(seed), resamples=200).differences(1)
        intervals = [found["precision"], found["recall"]]
        held += [not each.leaves_out(t) for each, t in zip(intervals, truth, strict=True)]
    assert held.min() >= 90, held
