"""The metrics, against their definitions written out pair by pair."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from models.judging import (
    Pooled,
    Prequential,
    average_precision,
    calibration,
    calibration_error,
    log_loss,
    precision_at,
    roc_auc,
)

RISKS = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]))
JUDGED = st.lists(st.tuples(RISKS, st.integers(0, 1)), max_size=40)


def auc_by_pairs(judged: list[tuple[float, int]]) -> float:
    pairs = [
        1.0 if churned > stayed else 0.5 if churned == stayed else 0.0
        for churned, label in judged
        if label
        for stayed, other in judged
        if not other
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


def loss_by_hand(judged: list[tuple[float, int]]) -> float:
    losses = [-math.log(max(risk if label else 1 - risk, 1e-12)) for risk, label in judged]
    return sum(losses) / len(losses)


@settings(max_examples=150)
@given(JUDGED)
def test_auc_is_the_share_of_pairs_that_are_told_apart(judged: list[tuple[float, int]]) -> None:
    found = roc_auc([risk for risk, _ in judged], [label for _, label in judged])
    assert found == pytest.approx(auc_by_pairs(judged), nan_ok=True)


@settings(max_examples=100)
@given(JUDGED.filter(len))
def test_log_loss_is_the_mean_surprise(judged: list[tuple[float, int]]) -> None:
    found = log_loss([risk for risk, _ in judged], [label for _, label in judged])
    assert found == pytest.approx(loss_by_hand(judged), rel=1e-4, abs=1e-11)
    assert math.isfinite(found)


@settings(max_examples=100)
@given(JUDGED, st.integers(1, 20))
def test_calibration_puts_everybody_in_one_bin(judged: list[tuple[float, int]], bins: int) -> None:
    risks, labels = [risk for risk, _ in judged], [label for _, label in judged]
    found = calibration(risks, labels, bins)
    assert sum(each.count for each in found) == len(judged)
    for each in found:
        held = [
            (risk, label)
            for risk, label in judged
            if int(risk * bins) == round(each.low * bins)
            or (risk == 1.0 and each.high == pytest.approx(1.0))
        ]
        assert len(held) == each.count
        assert each.predicted == pytest.approx(sum(risk for risk, _ in held) / len(held))
        assert each.observed == pytest.approx(sum(label for _, label in held) / len(held))
    error = calibration_error(risks, labels, bins)
    expected = sum(each.count * abs(each.predicted - each.observed) for each in found)
    assert error == pytest.approx(expected / len(judged) if judged else math.nan, nan_ok=True)


@settings(max_examples=100)
@given(JUDGED.filter(len))
def test_the_prequential_summary_is_exact_but_for_risks_of_one_bin(
    judged: list[tuple[float, int]],
) -> None:
    quality = Prequential()
    for risk, label in judged:
        quality.add(risk, label)
    summary = quality.summary()
    count = len(judged)
    assert summary["count"] == count
    assert summary["churned"] == pytest.approx(sum(label for _, label in judged) / count)
    assert summary["log_loss"] == pytest.approx(loss_by_hand(judged), rel=1e-4, abs=1e-11)
    brier = sum((risk - label) ** 2 for risk, label in judged) / count
    assert summary["brier"] == pytest.approx(brier)
    binned = [(min(int(risk * 200), 199) / 200, label) for risk, label in judged]
    expected = auc_by_pairs(binned)
    if math.isnan(expected):
        assert summary["auc"] is None
    else:
        assert summary["auc"] == pytest.approx(expected)


def test_the_prequential_auc_of_many_is_close_to_the_exact_one() -> None:
    judged = [((7 * n % 1_009) / 1_009, int((7 * n + n * n) % 1_009 > 500)) for n in range(1_009)]
    quality = Prequential()
    for risk, label in judged:
        quality.add(risk, label)
    exact = roc_auc([risk for risk, _ in judged], [label for _, label in judged])
    assert quality.summary()["auc"] == pytest.approx(exact, abs=0.002)


def test_nothing_judged_has_no_quality() -> None:
    nothing = {"count": 0, "churned": None, "auc": None, "log_loss": None, "brier": None}
    assert Prequential().summary() == nothing
    assert math.isnan(log_loss([], [])) and math.isnan(calibration_error([], []))


@settings(max_examples=50)
@given(JUDGED, JUDGED)
def test_written_down_and_read_again_it_goes_on_as_if_it_had_never_stopped(
    before: list[tuple[float, int]], after: list[tuple[float, int]]
) -> None:
    never = Prequential()
    for risk, label in before:
        never.add(risk, label)
    stored = Prequential.load(json.loads(json.dumps(never.dump())))
    for risk, label in after:
        never.add(risk, label)
        stored.add(risk, label)
    assert stored.dump() == never.dump()
    assert stored.summary() == never.summary()


@settings(max_examples=100)
@given(JUDGED)
def test_precision_and_recall_are_those_of_another_opinion(judged: list[tuple[float, int]]) -> None:
    judged = [*judged, (0.5, 1), (0.1, 0)]
    risks, labels = zip(*judged, strict=True)
    expected = average_precision_score(labels, risks)
    assert average_precision(risks, labels) == pytest.approx(expected)
    assert math.isnan(average_precision([0.3], [0])) and math.isnan(average_precision([], []))


@settings(max_examples=100)
@given(JUDGED, st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_who_is_in_the_top_with_equal_risk_counts_in_part(
    judged: list[tuple[float, int]], share: float
) -> None:
    judged = [*judged, (0.5, 1)]
    wanted = max(round(share * len(judged)), 1)
    chance = random.Random(3)
    orders = [sorted(judged, key=lambda each: (-each[0], chance.random())) for _ in range(400)]
    expected = sum(label for order in orders for _, label in order[:wanted]) / wanted / len(orders)
    found = precision_at(*zip(*judged, strict=True), share)
    assert found == pytest.approx(expected, abs=0.13)
    assert precision_at(*zip(*judged[::-1], strict=True), share) == pytest.approx(found)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 1)), min_size=1, max_size=60))
def test_pooled_is_exact_for_risks_that_have_bins_of_their_own(
    judged: list[tuple[int, int]],
) -> None:
    # Two batches; in the middle of each bin, so that no rounding moves a risk to the next one.
    risks = np.array([(place + 0.5) / 101 for place, _ in judged])
    labels = np.array([label for _, label in judged])
    pooled = Pooled(bins=101)
    half = len(judged) // 2
    pooled.add(risks[:half], labels[:half])
    pooled.add(risks[half:], labels[half:])
    found = pooled.summary()
    both = 0 < labels.sum() < len(labels)
    assert found["count"] == pooled.count == len(judged)
    assert found["churned"] == pytest.approx(labels.mean())
    assert found["auc"] == (pytest.approx(roc_auc(risks, labels)) if both else None)
    if labels.any():
        assert found["pr_auc"] == pytest.approx(average_precision(risks, labels))
    else:
        assert found["pr_auc"] is None
    assert found["precision_top_tenth"] == pytest.approx(precision_at(risks, labels, 0.1))
    assert found["log_loss"] == pytest.approx(log_loss(risks, labels))
    assert found["brier"] == pytest.approx(np.mean((risks - labels) ** 2))
    assert found["ece"] == pytest.approx(calibration_error(risks, labels, 20))
    expected = [
        {
            "low": each.low,
            "high": each.high,
            "count": each.count,
            "predicted": pytest.approx(each.predicted),
            "observed": pytest.approx(each.observed),
        }
        for each in calibration(risks, labels, 20)
    ]
    assert pooled.calibration() == expected


def test_nothing_pooled_has_no_quality() -> None:
    pooled = Pooled()
    pooled.add(np.zeros(0), np.zeros(0))
    found = pooled.summary()
    assert found.pop("count") == 0 and set(found.values()) == {None}
    assert found.keys() | {"count"} == added().summary().keys()
    assert pooled.calibration() == []


def added() -> Pooled:
    pooled = Pooled()
    pooled.add(np.array([0.5, 1.0, 0.0]), np.array([1, 0, 0]))
    return pooled
