"""The metrics, against their definitions written out pair by pair."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.judging import Prequential, calibration, calibration_error, log_loss, roc_auc

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
