"""Who is alerted, against scikit-learn and against a team that calls day by day."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from models.judging import at_budgets, confusion, confusions

RISKS = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]))
ROWS = st.lists(st.tuples(RISKS, st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=40)
Rows = list[tuple[float, int, int]]


def called(rows: Rows, budget: int) -> tuple[int, float]:
    """Return calls and churners found, day by day, from the highest risk down."""
    calls, found = 0, 0.0
    for day in {day for _, _, day in rows}:
        left = budget
        for level in sorted({risk for risk, _, on in rows if on == day}, reverse=True):
            group = [label for risk, label, on in rows if (risk, on) == (level, day)]
            taken = min(left, len(group))
            found += sum(group) * taken / len(group)
            calls, left = calls + taken, left - taken
    return calls, found


@settings(max_examples=150)
@given(ROWS, st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_a_budget_is_spent_on_the_highest_risks_of_each_day(rows: Rows, budgets: list[int]) -> None:
    risks, labels, days = (list(column) for column in zip(*rows, strict=True))
    results = at_budgets(risks, labels, days, budgets)
    assert [each.budget for each in results] == budgets
    for each in results:
        calls, found = called(rows, each.budget)
        assert each.alerts == calls
        assert each.churned == pytest.approx(found)
        assert each.precision == pytest.approx(found / calls)
        recall = found / sum(labels) if any(labels) else math.nan
        assert each.recall == pytest.approx(recall, nan_ok=True)


@settings(max_examples=150)
@given(ROWS, RISKS)
def test_the_confusion_at_a_threshold_is_scikit_learns(rows: Rows, threshold: float) -> None:
    risks, labels, _ = (list(column) for column in zip(*rows, strict=True))
    alerted = [int(risk >= threshold) for risk in risks]
    found = confusion(risks, labels, threshold)
    expected = metrics.confusion_matrix(labels, alerted, labels=[0, 1]).ravel().tolist()
    assert [
        found.passed_stayed,
        found.alerted_stayed,
        found.missed_churned,
        found.alerted_churned,
    ] == expected
    nan = {"zero_division": math.nan}
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, alerted))
    for mine, theirs in (
        (found.precision, metrics.precision_score(labels, alerted, **nan)),
        (found.recall, metrics.recall_score(labels, alerted, **nan)),
        (found.f1, metrics.f1_score(labels, alerted, **nan)),
    ):
        assert mine == pytest.approx(theirs, nan_ok=True)


def test_nobody_to_judge_is_not_a_number() -> None:
    found = confusion([], [], 0.5)
    assert math.isnan(found.accuracy) and math.isnan(found.precision)
    assert math.isnan(found.recall) and math.isnan(found.f1)
    [result] = at_budgets([], [], [], [5])
    assert result.alerts == 0
    assert math.isnan(result.precision) and math.isnan(result.recall)


def test_a_budget_of_nothing_and_a_day_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 alert a day, not 0"):
        at_budgets([0.5], [1], [1], [3, 0])
    with pytest.raises(ValueError, match="one day a risk"):
        at_budgets([0.5, 0.6], [1, 0], [1], [3])


@settings(max_examples=100)
@given(ROWS, st.lists(RISKS, max_size=5))
def test_many_thresholds_are_each_as_alone(rows: Rows, thresholds: list[float]) -> None:
    risks, labels, _ = (list(column) for column in zip(*rows, strict=True))
    found = confusions(risks, labels, thresholds)
    assert found == [confusion(risks, labels, each) for each in thresholds]
