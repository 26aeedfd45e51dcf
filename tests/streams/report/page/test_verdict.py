"""When the verdict says to switch it on, and when it says not to, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from streams.report.page.verdict import Verdict, plain_loss, verdict_of
from tests.streams.report.page.made import OFFER, Made, confusion, lead, summary


def level_and_why(report: dict[str, Any] | None = None, **tables: Any) -> tuple[str, set[str]]:
    found = verdict_of(Made(report, **tables))
    return found.level, {each.name.removeprefix("because.") for each in found.because}


def figures(report: dict[str, Any] | None = None, **tables: Any) -> list[tuple[str, float | None]]:
    found: Verdict = verdict_of(Made(report, **tables))
    return [(each.kind, each.value) for each in found.figures]


def bins(early: int, late: int) -> pd.DataFrame:
    return pd.DataFrame({"lead_days": [-7, 7], "bin_days": 7, "alerts": [late, early]})


def drifted(at: str, before: float, after: float) -> pd.DataFrame:
    row = {"at": pd.Timestamp(at), "detector": "adwin", "before": before, "after": after}
    return pd.DataFrame([row])


def offers(best: float, here: float) -> dict[str, pd.DataFrame]:
    curve = {"threshold": [0.2, 0.6], "alerts": [900, 500], "foreseen": 0.0, "found": [best, here]}
    row = {"best_threshold": 0.2, "best_profit": best, "break_even": 0.25}
    return {"profit": pd.DataFrame(curve), "choice": pd.DataFrame([row])}


def test_a_good_one_is_to_be_switched_on() -> None:
    assert level_and_why() == ("yes", {"found"})


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"summary": None}, "no_labels"),
        ({"summary": summary(count=0.0, churned=np.nan)}, "no_labels"),
        ({"summary": summary(count=40.0, churned=0.5)}, "few"),
        ({"summary": summary(count=4_000.0, churned=0.999)}, "few"),
    ],
)
def test_what_is_hardly_known_is_not_judged(tables: dict[str, Any], why: str) -> None:
    assert level_and_why(**tables) == ("unknown", {why})


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"summary": summary(auc=(0.53, 0.49, 0.57))}, "chance"),
        ({"summary": summary(auc=(0.5, np.nan, np.nan))}, "chance"),
        ({"summary": summary(log_loss=plain_loss(0.4) + 0.001)}, "no_better"),
        ({"confusion": confusion(0, 0, 1_600, 2_400)}, "no_alerts"),
        ({"confusion": confusion(440, 560, 1_160, 1_840)}, "random"),
        ({"summary": summary(ece=0.11)}, "dishonest"),
        ({"lead_summary": lead(0.09)}, "hardly"),
        ({"lead_time": bins(early=49, late=51)}, "late"),
        (offers(best=-1.0, here=-5.0), "loss"),
    ],
)
def test_a_bad_one_is_not_switched_on_yet(tables: dict[str, Any], why: str) -> None:
    assert level_and_why(**tables) == ("no", {why})


@pytest.mark.parametrize(
    ("report", "tables", "why"),
    [
        ({}, {"summary": summary(auc=(0.69, 0.66, 0.72))}, "weak"),
        ({}, {"summary": summary(ece=0.06)}, "somewhat_off"),
        ({}, {"lead_time": bins(early=79, late=21)}, "often_late"),
        ({}, {"lead_summary": lead(0.49)}, "low_recall"),
        ({}, {"drift": drifted("2025-12-01T00:00Z", 0.4, 0.6)}, "drift"),
        ({}, offers(best=900.0, here=-50.0), "threshold"),
        ({"mode": "landmarks"}, dict.fromkeys(("lead_time", "lead_summary")), "landmarks"),
    ],
)
def test_one_with_a_weakness_is_for_a_part_first(
    report: dict[str, Any], tables: dict[str, Any], why: str
) -> None:
    assert level_and_why(report, **tables) == ("careful", {why})


@pytest.mark.parametrize(
    "tables",
    [
        {"summary": summary(auc=(0.7, 0.65, 0.75), ece=0.05)},
        # Base 40 %: the tenth of what is left is reached at 46 %.
        {"confusion": confusion(470, 530, 130, 370)},
        {"drift": drifted("2025-12-01T00:00Z", 0.6, 0.4)},
        {"drift": drifted("2025-09-01T00:00Z", 0.4, 0.6)},
        {"lead_time": bins(early=80, late=20), "lead_summary": lead(0.5)},
        offers(best=900.0, here=1.0),
    ],
)
def test_what_is_good_enough_is_no_reason_against_it(tables: dict[str, Any]) -> None:
    assert level_and_why(**tables) == ("yes", {"found"})


def test_the_three_figures_are_who_is_found_how_early_and_how_often_rightly() -> None:
    found = figures(confusion=confusion(800, 200, 800, 2_200), lead_summary=lead(0.7, 33.0))

    assert found == [("percent", 0.7), ("days", 33.0), ("count", 80.0)]


def test_with_an_offer_the_third_figure_is_money() -> None:
    found = figures({"offer": OFFER}, **offers(best=1_234.0, here=10.0))

    assert found[2] == ("money", 1_234.0)


def test_without_decisions_nobody_knows_how_early() -> None:
    tables = dict.fromkeys(("lead_time", "lead_summary"))
    found = figures({"mode": "landmarks"}, confusion=confusion(600, 200, 400, 2_800), **tables)

    assert found[:2] == [("percent", 0.6), ("days", None)]
