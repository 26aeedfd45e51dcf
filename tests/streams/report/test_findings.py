"""A finished backtest is read again only as far as somebody asks, and says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from features import DAY
from streams.report import NotComparable, read_findings
from tests.streams.report.shelf import DECISIONS, OFFER, START, shelve

COLUMNS = {
    "summary": "metric value low high",
    "roc": "model false_positive_rate true_positive_rate threshold",
    "over_time": "period count churned auc auc_low auc_high pr_auc log_loss log_loss_low "
    "log_loss_high brier",
    "drift": "at detector before after",
    "stories": "customer kind first_at segment",
    "choice": "best_threshold best_profit break_even calibrated_profit capacity_threshold "
    "within_threshold within_profit",
}
#: What is told of the shop and the backtest, whatever was said of anybody.
WITHOUT_LABELS = {"configuration", "data", "importance", "retention", "survival", "reasons"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelve(tmp_path_factory.mktemp("shelf"), customers=60, offer=OFFER)


def changed(folder: Path, out: Path, name: str, **columns: Any) -> Path:
    """Return a copy of the folder in which a file has other columns."""
    out.mkdir(exist_ok=True)
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    table = pyarrow.parquet.read_table(out / name)
    for column, values in columns.items():
        field = table.schema.field(column)
        place = table.schema.get_field_index(column)
        made = pyarrow.array(values(table) if callable(values) else values, field.type)
        table = table.set_column(place, field, made)
    pyarrow.parquet.write_table(table, out / name)
    return out


def test_every_table_has_its_columns_and_is_made_once(folder: Path) -> None:
    findings = read_findings(folder)
    for name in findings.tables:
        assert findings.table(name) is findings.tables[name]
    assert all(list(findings.table(name)) == columns.split() for name, columns in COLUMNS.items())
    assert len(findings.tables) == 28


def test_nothing_is_read_before_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes((folder / "report.json").read_bytes())
    (tmp_path / "predictions.parquet").write_bytes(b"not yet")
    findings = read_findings(tmp_path)
    assert len(findings.table("configuration"))
    with pytest.raises(NotComparable, match=r"predictions.parquet is not of a finished backtest"):
        findings.table("summary")
    with pytest.raises(NotComparable, match=r"customers.parquet is not of a finished backtest"):
        findings.table("retention")


def test_another_model_may_be_named_and_has_decided_nothing(folder: Path) -> None:
    first, other = read_findings(folder), read_findings(folder, "recency")
    assert other.model == "recency"
    assert other.table("summary")["value"][0] != first.table("summary")["value"][0]
    pd.testing.assert_frame_equal(other.table("models"), first.table("models"))
    for name in ("lead_time", "lead_summary", "reasons"):
        assert len(first.table(name)) and not len(other.table(name))


def test_what_is_not_there_is_said_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match="has no model 'trees'; it has bayes, recency"):
        read_findings(folder, "trees")
    with pytest.raises(NotComparable, match="name the output folder of a finished ebb backtest"):
        read_findings(tmp_path)
    with pytest.raises(KeyError, match="there is no table 'sumary'; there are summary, models"):
        read_findings(folder).table("sumary")


def test_the_same_files_give_the_same_tables(folder: Path) -> None:
    one, two = read_findings(folder), read_findings(folder)
    for name in one.tables:
        pd.testing.assert_frame_equal(one.table(name), two.table(name))


def test_without_a_label_there_are_tables_without_rows(folder: Path, tmp_path: Path) -> None:
    nothing = changed(
        folder,
        tmp_path,
        "predictions.parquet",
        label=lambda table: [None] * len(table),
        matured_at=lambda table: [None] * len(table),
    )
    findings = read_findings(nothing)
    for name in findings.tables:
        told = name in WITHOUT_LABELS or name.startswith(("lead_", "stor"))
        assert bool(len(findings.table(name))) == told, name


def test_a_shop_in_which_nobody_churned_has_no_curve_and_no_auc(
    folder: Path, tmp_path: Path
) -> None:
    stayed = changed(
        folder,
        tmp_path,
        "predictions.parquet",
        label=lambda table: [None if label is None else 0 for label in table["label"].to_pylist()],
    )
    findings = read_findings(stayed)
    assert not len(findings.table("roc")) and not len(findings.table("precision_recall"))
    summary = findings.table("summary").set_index("metric")["value"]
    assert np.isnan(summary["auc"]) and summary["churned"] == 0
    [choice] = findings.table("choice").to_dict("records")
    assert choice["best_threshold"] == np.inf and choice["best_profit"] == 0
    for name in findings.tables:
        findings.table(name)


def test_without_an_offer_nothing_is_said_of_money(tmp_path: Path) -> None:
    findings = read_findings(shelve(tmp_path, customers=20))
    assert not len(findings.table("profit")) and not len(findings.table("choice"))
    assert 50 not in findings.table("budgets")["alerts_per_day"].tolist()


def test_markup_in_a_name_is_kept_as_it_is(folder: Path, tmp_path: Path) -> None:
    # Tables are data; whoever shows them escapes.
    def named(table: Any) -> list[str]:
        return [each.replace("c-00001", "<b>&ada</b>") for each in table["customer"].to_pylist()]

    place = folder
    for name in ("predictions", "decisions", "customers", "stories"):
        place = changed(place, tmp_path / name, f"{name}.parquet", customer=named)
    findings = read_findings(place)
    assert findings.table("by_cohort")["customers"].sum() == 60
    assert len(findings.table("stories")) == 10


def test_a_story_is_told_of_those_of_whom_something_was_said(folder: Path, tmp_path: Path) -> None:
    def others(table: Any) -> list[str]:
        return [name if name < "c-00012" else "nobody" for name in table["customer"].to_pylist()]

    findings = read_findings(changed(folder, tmp_path, "predictions.parquet", customer=others))
    told = set(findings.table("stories")["customer"])
    assert told and told == set(findings.table("story_risks")["customer"])


# -- lead time, by hand -------------------------------------------------------------------------


def decided(folder: Path, out: Path, rows: list[tuple[float, float, bool]]) -> Path:
    """Return a folder in which one customer was decided upon: day, silence in days, alert."""
    place = changed(folder, out, "decisions.parquet")
    table = pyarrow.Table.from_pylist(
        [
            {
                "customer": "c-00000",
                "at": START + round(day * DAY),
                "cause": "silence",
                "silence_days": silence,
                "alert": alert,
                "reasons": [],
            }
            for day, silence, alert in rows
        ],
        schema=DECISIONS,
    )
    pyarrow.parquet.write_table(table, place / "decisions.parquet")
    return place


@pytest.mark.parametrize(
    ("rows", "gone", "leads"),
    [
        # Silent since day 10: gone on day 100.
        ([(10, 0, False), (40, 30, True)], 1, [60]),
        # Of two alerts of one silence the first one counts.
        ([(10, 0, False), (40, 30, True), (70, 60, True)], 1, [60]),
        # Back on day 50: was not gone; silent since then.
        ([(40, 30, True), (50, 0, False), (80, 30, False)], 1, []),
        # Gone once, back on day 150, and gone again.
        ([(40, 30, True), (150, 0, True)], 2, [60, 90]),
    ],
)
def test_the_lead_is_of_the_first_alert_of_each_silence_that_became_too_long(
    folder: Path, tmp_path: Path, rows: list[tuple[float, float, bool]], gone: int, leads: list[int]
) -> None:
    last = START + round((rows[-1][0] - rows[-1][1]) * DAY)
    place = decided(folder, tmp_path / "decided", rows)
    place = changed(
        place,
        tmp_path / "again",
        "customers.parquet",
        last_activity_at=lambda table: [last] * len(table),
    )
    findings = read_findings(place)
    [summary] = findings.table("lead_summary").to_dict("records")
    assert (summary["gone"], summary["alerts"]) == (gone, len(leads))
    assert summary["share_before_gone"] == len(leads) / gone
    told = findings.table("lead_time")
    found = told.loc[told.index.repeat(told["alerts"])]["lead_days"].tolist()
    assert found == leads


def test_the_door_opens_without_pandas() -> None:
    code = "import sys, streams.report, streams.replay; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
