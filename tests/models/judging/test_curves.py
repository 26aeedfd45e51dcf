"""The curves, against scikit-learn and against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from models.judging import Curve, gains, precision_at, precision_recall_curve, roc_auc, roc_curve

RISKS = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]))
JUDGED = st.lists(st.tuples(RISKS, st.integers(0, 1)), min_size=1, max_size=40)
Judged = list[tuple[float, int]]


def apart(judged: Judged) -> tuple[list[float], list[int]]:
    return [risk for risk, _ in judged], [label for _, label in judged]


def many(rows: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.2).astype(float)
    return 1 / (1 + np.exp(-rng.normal(2 * labels - 1))), labels


@settings(max_examples=100)
@given(JUDGED.filter(lambda judged: len({label for _, label in judged}) == 2))
def test_every_point_of_a_short_roc_curve_is_scikit_learns(judged: Judged) -> None:
    risks, labels = apart(judged)
    found = roc_curve(risks, labels)
    x, y, thresholds = metrics.roc_curve(labels, risks, drop_intermediate=False)
    assert found.x == pytest.approx(x)
    assert found.y == pytest.approx(y)
    assert found.thresholds.tolist() == thresholds.tolist()
    assert found.area == pytest.approx(metrics.roc_auc_score(labels, risks))


@settings(max_examples=100)
@given(JUDGED.filter(lambda judged: any(label for _, label in judged)))
def test_every_point_of_a_short_precision_recall_curve_is_scikit_learns(judged: Judged) -> None:
    risks, labels = apart(judged)
    found = precision_recall_curve(risks, labels)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, risks)
    # scikit-learn goes the other way, and ends with a point that nobody's risk stands for.
    assert found.x == pytest.approx(recall[-2::-1])
    assert found.y == pytest.approx(precision[-2::-1])
    assert found.thresholds.tolist() == thresholds[::-1].tolist()
    assert found.area == pytest.approx(metrics.average_precision_score(labels, risks))


@pytest.mark.parametrize("points", [8, 50, 400])
def test_a_thinned_roc_curve_is_short_and_leaves_out_nothing_far_away(points: int) -> None:
    risks, labels = many(20_000)
    found = roc_curve(risks, labels, points)
    x, y, _ = metrics.roc_curve(labels, risks, drop_intermediate=False)
    assert len(found.x) <= points
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    nearest = np.searchsorted(found.x + found.y, x + y, side="right") - 1
    away = np.abs(x - found.x[nearest]) + np.abs(y - found.y[nearest])
    assert away.max() <= 2 / (points - 1)
    assert found.area == pytest.approx(roc_auc(risks, labels))
    drawn = ((found.y[1:] + found.y[:-1]) / 2 * np.diff(found.x)).sum()
    assert drawn == pytest.approx(found.area, abs=2 / points**1.5)


def test_a_thinned_roc_curve_keeps_a_wall() -> None:
    # All churners on top: an even choice by x alone would draw a slope.
    labels = np.array([1.0] * 5_000 + [0.0] * 5_000)
    found = roc_curve(np.linspace(1, 0, 10_000), labels, 20)
    assert found.y[found.x == 0].max() > 0.9
    assert (np.diff(found.y) <= 2 / 19 + 2 / 5_000).all()


@pytest.mark.parametrize("points", [8, 50, 400])
def test_a_thinned_precision_recall_curve_keeps_its_teeth(points: int) -> None:
    risks, labels = many(20_000)
    # The surest one stays, so that the curve begins with a tooth down to 0.
    risks, labels = np.append(risks, 1.0), np.append(labels, 0.0)
    found = precision_recall_curve(risks, labels, points)
    precision, recall, _ = metrics.precision_recall_curve(labels, risks)
    assert len(found.x) <= points
    assert found.y[0] == 0
    assert found.y.max() == pytest.approx(precision[:-1].max())
    assert found.y[-1] == pytest.approx(labels.mean())
    whole = set(zip(recall.tolist(), precision.tolist(), strict=True))
    assert set(zip(found.x.tolist(), found.y.tolist(), strict=True)) <= whole
    assert found.area == pytest.approx(metrics.average_precision_score(labels, risks))
    at = np.linspace(0.1, 1, 50)
    drawn = np.interp(at, found.x, found.y)
    assert np.abs(drawn - np.interp(at, recall[::-1], precision[::-1])).max() < 0.6 / points**0.5


def test_a_thinned_precision_recall_curve_keeps_its_valley() -> None:
    labels = [1] * 100 + [0] * 300 + [1] * 600
    found = precision_recall_curve(np.linspace(1, 0, 1_000), labels, 8)
    assert len(found.x) <= 8
    assert found.y.min() == 0.25


def expected_captured(risks: list[float], labels: list[int], reached: int) -> float:
    """Walk down from the highest risk, taking equal risks in equal parts."""
    caught, left = 0.0, float(reached)
    for level in sorted(set(risks), reverse=True):
        group = [label for risk, label in zip(risks, labels, strict=True) if risk == level]
        caught += sum(group) * min(left / len(group), 1.0)
        left -= min(left, len(group))
    return caught


@settings(max_examples=100)
@given(JUDGED)
def test_gains_are_those_of_walking_down_from_the_highest_risk(judged: Judged) -> None:
    risks, labels = apart(judged)
    found = gains(risks, labels)
    assert sum(each.count for each in found) == len(judged)
    assert sum(each.churned for each in found) == pytest.approx(sum(labels))
    assert found[0].tenth == 1
    so_far = 0
    for each in found:
        so_far += each.count
        caught = expected_captured(risks, labels, so_far)
        assert each.reached == pytest.approx(so_far / len(judged))
        if not any(labels):
            assert math.isnan(each.captured) and math.isnan(each.lift)
            continue
        base = sum(labels) / len(labels)
        assert each.captured == pytest.approx(caught / sum(labels))
        assert each.lift_so_far == pytest.approx(caught / so_far / base)
        assert each.lift == pytest.approx(each.churned / each.count / base)
    if any(labels):
        base = sum(labels) / len(labels)
        assert found[0].lift * base == pytest.approx(precision_at(risks, labels, 0.1))
        assert found[-1].captured == pytest.approx(1.0)


def test_gains_of_risks_that_say_nothing_are_a_straight_line() -> None:
    found = gains([0.5] * 30, [1, 0, 0] * 10)
    assert [each.lift for each in found] == pytest.approx([1.0] * 10)
    assert [each.captured for each in found] == pytest.approx([each.reached for each in found])


@pytest.mark.parametrize("risks", [[], [0.5, 0.5], [0.1, 0.9]])
def test_without_churners_there_is_no_curve(risks: list[float]) -> None:
    labels = [0] * len(risks)
    for found in (roc_curve(risks, labels), precision_recall_curve(risks, labels)):
        assert isinstance(found, Curve)
        assert len(found.x) == len(found.y) == len(found.thresholds) == 0
        assert math.isnan(found.area)
    assert len(gains(risks, labels)) == len(risks)


def test_with_churners_only_there_is_no_roc_but_perfect_precision() -> None:
    assert math.isnan(roc_curve([0.2, 0.3], [1, 1]).area)
    assert precision_recall_curve([0.2, 0.3], [1, 1]).y.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("risks", "labels", "named"),
    [
        ([0.1, 0.2], [0], "one label a risk"),
        ([0.1, math.nan], [0, 1], "risk nan in row 1"),
        ([0.1, 0.2], [0, 0.5], "label 0.5 in row 1"),
        ([0.1, 0.2], [0, math.nan], "label nan in row 1"),
    ],
)
def test_rows_that_do_not_agree_are_refused_by_name(
    risks: list[float], labels: list[float], named: str
) -> None:
    for curve in (roc_curve, precision_recall_curve, gains):
        with pytest.raises(ValueError, match=named):
            curve(risks, labels)


def test_a_curve_of_seven_points_is_refused() -> None:
    for curve in (roc_curve, precision_recall_curve):
        with pytest.raises(ValueError, match="at least 8 points, not 7"):
            curve([0.1, 0.9], [0, 1], 7)
