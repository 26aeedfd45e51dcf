"""Every figure of the tables, computed again from the files with scikit-learn and pandas.

Nothing of our own statistics is used here. Set ``EBB_TEST_BACKTESTS`` to the folders of finished
backtests, parted by colons, to hold those to it, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from features import parse_duration
from streams.report import Findings, read_findings
from tests.streams.report.shelf import OFFER, shelve

REAL = [name for name in os.environ.get("EBB_TEST_BACKTESTS", "").split(":") if name]
DAY = pd.Timedelta(days=1)
#: Risks are told apart in 20,000 steps where customers are drawn again.
STEP = 2e-3


@dataclass
class Backtest:
    """The files of a finished backtest as pandas reads them, and what we say of them."""

    folder: Path
    findings: Findings

    @cached_property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @cached_property
    def predictions(self) -> pd.DataFrame:
        found = pd.read_parquet(self.folder / "predictions.parquet")
        return found.assign(
            day=found["at"].dt.floor("D"), month=found["at"].dt.tz_localize(None).dt.to_period("M")
        )

    def known(self, model: str | None = None) -> pd.DataFrame:
        found = self.predictions[self.predictions["model"] == (model or self.findings.model)]
        return found[found["label"].notna()].astype({"label": int})

    @cached_property
    def mine(self) -> pd.DataFrame:
        return self.known()

    @cached_property
    def customers(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "customers.parquet")

    @cached_property
    def decisions(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "decisions.parquet")

    @cached_property
    def end(self) -> pd.Timestamp:
        return pd.Timestamp(self.report["data"]["last"])

    def span(self, name: str) -> pd.Timedelta:
        return pd.Timedelta(parse_duration(self.report["configuration"][name]), "ms")

    @property
    def landmarks(self) -> bool:
        return bool(self.report["mode"] == "landmarks")

    @property
    def threshold(self) -> float:
        return float(self.report["configuration"]["threshold"])

    def table(self, name: str) -> pd.DataFrame:
        return self.findings.table(name)


@pytest.fixture(scope="module", params=["events", "landmarks", *REAL])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    folder = Path(request.param)
    if request.param not in REAL:
        folder = shelve(
            tmp_path_factory.mktemp(request.param), mode=request.param, customers=120, offer=OFFER
        )
    return Backtest(folder, read_findings(folder))


def same(ours: Any, theirs: Any, within: float = 1e-9) -> None:
    np.testing.assert_allclose(
        np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=within, atol=within
    )


# -- figures of some predictions ----------------------------------------------------------------


def auc(rows: pd.DataFrame, weights: Any = None) -> float:
    if rows["label"].nunique() < 2:
        return float("nan")
    return float(metrics.roc_auc_score(rows["label"], rows["risk"], sample_weight=weights))


def pr_auc(rows: pd.DataFrame, weights: Any = None) -> float:
    if not rows["label"].any():
        return float("nan")
    return float(
        metrics.average_precision_score(rows["label"], rows["risk"], sample_weight=weights)
    )


def loss(rows: pd.DataFrame, weights: Any = None) -> float:
    return float(
        metrics.log_loss(rows["label"], rows["risk"], labels=[0, 1], sample_weight=weights)
    )


def brier(rows: pd.DataFrame, weights: Any = None) -> float:
    return float(metrics.brier_score_loss(rows["label"], rows["risk"], sample_weight=weights))


def top_tenth(rows: pd.DataFrame) -> float:
    # Of equal risks each counts in part: every one has the mean label of all.
    shared = rows.groupby("risk")["label"].transform("mean")
    best = rows.assign(shared=shared).sort_values("risk", ascending=False)
    return float(best["shared"].head(max(round(len(rows) / 10), 1)).mean())


def ece(rows: pd.DataFrame) -> float:
    bins = rows.groupby(np.minimum((rows["risk"] * 20).astype(int), 19))
    apart = (bins["risk"].mean() - bins["label"].mean()).abs()
    return float((apart * bins.size()).sum() / len(rows))


def by_look(held: Backtest, rows: pd.DataFrame, figure: Any) -> float:
    """Return a figure that goes by rank: in landmark mode the mean over the landmarks."""
    parts = [part for _, part in rows.groupby("at")] if held.landmarks else [rows]
    return float(np.nanmean([figure(part) for part in parts]))


def bounds(rows: pd.DataFrame, figure: Any, draws: int = 200) -> tuple[float, float]:
    """Draw the customers again, from the seed of the report, and weigh them with it."""
    rng = np.random.default_rng(0)
    names, who = np.unique(rows["customer"], return_inverse=True)
    values = []
    for _ in range(draws):
        times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[who]
        drawn = rows[times > 0]
        if drawn["label"].nunique() < 2:
            continue
        values.append(figure(drawn, times[times > 0]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


# -- as a whole ---------------------------------------------------------------------------------


def test_the_summary(held: Backtest) -> None:
    rows = held.mine
    ours = held.table("summary").set_index("metric")
    same(
        ours["value"],
        [
            by_look(held, rows, auc),
            by_look(held, rows, pr_auc),
            loss(rows),
            brier(rows),
            by_look(held, rows, top_tenth),
            ece(rows),
            len(rows),
            rows["customer"].nunique(),
            rows["label"].mean(),
        ],
    )
    assert list(ours.index[-4:]) == ["ece", "count", "customers", "churned"]


@pytest.mark.parametrize("name", ["auc", "pr_auc", "log_loss", "brier"])
def test_the_intervals_of_the_summary(held: Backtest, name: str) -> None:
    ours = held.table("summary").set_index("metric").loc[name]
    assert ours["low"] < ours["value"] < ours["high"]
    if len(held.mine) > 10_000 or (held.landmarks and name in ("auc", "pr_auc")):
        # scikit-learn would take long; of landmarks see tests/models/judging.
        return
    figure = {"auc": auc, "pr_auc": pr_auc, "log_loss": loss, "brier": brier}[name]
    same([ours["low"], ours["high"]], bounds(held.mine, figure), STEP)


def test_the_models(held: Backtest) -> None:
    ours = held.table("models").set_index("model")
    assert list(ours.index) == [each["model"] for each in held.report["models"]]
    for model, found in ours.iterrows():
        rows = held.known(str(model))
        same(found["count"], len(rows))
        same(found["churned"], rows["label"].mean())
        same(found["auc"], by_look(held, rows, auc))
        same(found["pr_auc"], by_look(held, rows, pr_auc))
        same(found["precision_top_tenth"], by_look(held, rows, top_tenth))
        same(
            found[["log_loss", "brier", "ece"]].astype(float), [loss(rows), brier(rows), ece(rows)]
        )


def test_the_models_are_as_in_the_report(held: Backtest) -> None:
    # Written while the backtest ran, which counts by ten thousand bins of risk.
    ours = held.table("models").set_index("model")
    for each in held.report["models"]:
        for name in ours.columns:
            same(ours.loc[each["model"], name], each[name], 1e-3)


def test_the_roc_curves(held: Backtest) -> None:
    for model, ours in held.table("roc").groupby("model"):
        rows = held.known(str(model))
        x, y, thresholds = metrics.roc_curve(rows["label"], rows["risk"], drop_intermediate=False)
        theirs = pd.DataFrame({"x": x, "y": y}, index=thresholds).loc[ours["threshold"]]
        same(ours["false_positive_rate"], theirs["x"])
        same(ours["true_positive_rate"], theirs["y"])
        assert len(ours) <= 400
        kept = np.trapezoid(ours["true_positive_rate"], ours["false_positive_rate"])
        assert kept == pytest.approx(auc(rows), abs=0.01)


def test_the_precision_recall_curves(held: Backtest) -> None:
    for model, ours in held.table("precision_recall").groupby("model"):
        rows = held.known(str(model))
        y, x, thresholds = metrics.precision_recall_curve(rows["label"], rows["risk"])
        theirs = pd.DataFrame({"x": x[:-1], "y": y[:-1]}, index=thresholds)
        theirs = theirs.loc[ours["threshold"]]
        same(ours["recall"], theirs["x"])
        same(ours["precision"], theirs["y"])
        assert len(ours) <= 400


def test_the_calibration(held: Backtest) -> None:
    ours, rows = held.table("calibration"), held.mine
    observed, predicted = calibration_curve(rows["label"], rows["risk"], n_bins=20)
    same(ours["predicted"], predicted)
    same(ours["observed"], observed)
    assert ours["count"].sum() == len(rows)
    for each in ours.itertuples():
        part = rows[(rows["risk"] >= each.low) & (rows["risk"] < each.high)]
        assert len(part) == each.count
        number = float(part["customer"].nunique())
        share = part["label"].mean()
        if 0 < share < 1:
            apart = (part["label"] - share).groupby(part["customer"]).sum()
            effect = (apart**2).sum() / (len(part) * share * (1 - share))
            number = len(part) / max(effect, 1.0)
        # Wilson's bounds are where the share would be 1.96 deviations away.
        for bound in (each.observed_low, each.observed_high):
            away = (share - bound) ** 2 - 1.959964**2 * bound * (1 - bound) / number
            assert away == pytest.approx(0, abs=1e-6)


def in_part(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    return rows.groupby(by)["label"].transform("mean")


def test_the_gains(held: Backtest) -> None:
    rows = held.mine.assign(shared=in_part(held.mine, ["risk"]))
    rows = rows.sort_values("risk", ascending=False)
    edges = [0, *(max(round(tenth / 10 * len(rows)), 1) for tenth in range(1, 11))]
    ours = held.table("gains")
    found = [rows["shared"].iloc[low:high] for low, high in pairwise(edges)]
    everybody, churners = len(rows), rows["label"].sum()
    so_far = np.cumsum([part.sum() for part in found])
    same(ours["count"], [len(part) for part in found])
    same(ours["churned"], [part.sum() for part in found])
    same(ours["lift"], [part.mean() / (churners / everybody) for part in found])
    same(ours["reached"], np.array(edges[1:]) / everybody)
    same(ours["captured"], so_far / churners)
    same(ours["lift_so_far"], so_far / np.array(edges[1:]) / (churners / everybody))


# -- alerts -------------------------------------------------------------------------------------


def test_the_budgets(held: Backtest) -> None:
    rows = held.mine.assign(shared=in_part(held.mine, ["day", "risk"]))
    rows = rows.sort_values("risk", ascending=False, kind="stable")
    ours = held.table("budgets")
    offer = held.report.get("offer") or {}
    if offer.get("capacity"):
        assert offer["capacity"] in ours["alerts_per_day"].tolist()
    for each in ours.itertuples():
        taken = rows.groupby("day").head(each.alerts_per_day)
        same(each.alerts, len(taken))
        same(each.churned, taken["shared"].sum())
        same(each.precision, taken["shared"].mean())
        same(each.recall, taken["shared"].sum() / rows["label"].sum())


def shares(rows: pd.DataFrame, threshold: float) -> list[float]:
    truth, said = rows["label"], rows["risk"] >= threshold
    nothing = float("nan")
    return [
        metrics.accuracy_score(truth, said),
        metrics.precision_score(truth, said, zero_division=nothing),
        metrics.recall_score(truth, said, zero_division=nothing),
        metrics.f1_score(truth, said, zero_division=nothing),
    ]


def test_the_confusion(held: Backtest) -> None:
    [ours] = held.table("confusion").to_dict("records")
    rows = held.mine
    stayed, alerted, missed, churned = metrics.confusion_matrix(
        rows["label"], rows["risk"] >= held.threshold
    ).ravel()
    assert ours["threshold"] == held.threshold
    assert (ours["passed_stayed"], ours["alerted_stayed"]) == (stayed, alerted)
    assert (ours["missed_churned"], ours["alerted_churned"]) == (missed, churned)
    same([ours[name] for name in ("accuracy", "precision", "recall", "f1")], shares(rows, 0.6))


def test_the_thresholds(held: Backtest) -> None:
    ours, rows = held.table("thresholds"), held.mine
    same(ours["threshold"], np.arange(1, 100) / 100)
    for each in ours.iloc[:: 7 if len(rows) < 10_000 else 40].itertuples():
        alerts = (rows["risk"] >= each.threshold).sum()
        same(each.alerts, alerts)
        same(each.alerts_per_day, alerts / rows["day"].nunique())
        same([each.accuracy, each.precision, each.recall, each.f1], shares(rows, each.threshold))


# -- parts of the predictions -------------------------------------------------------------------


def check_bounds(ours: Any, rows: pd.DataFrame, name: str, figure: Any) -> None:
    """Compare an interval of a part, where that is quickly done."""
    if len(rows) <= 500:
        low, high = bounds(rows, figure)
        same([ours[f"{name}_low"], ours[f"{name}_high"]], [low, high], STEP)


def test_over_time(held: Backtest) -> None:
    ours = held.table("over_time").set_index("period")
    parts = dict(iter(held.mine.groupby("month")))
    assert list(ours.index) == [month.to_timestamp() for month in parts]
    for nth, (month, rows) in enumerate(parts.items()):
        found = ours.loc[month.to_timestamp()]
        same(found[["count", "churned"]], [len(rows), rows["label"].mean()])
        same(found[["auc", "pr_auc"]], [auc(rows), pr_auc(rows)])
        same(found[["log_loss", "brier"]], [loss(rows), brier(rows)])
        if nth == 1 and not held.landmarks:
            check_bounds(found, rows, "auc", auc)
            check_bounds(found, rows, "log_loss", loss)


def tenure(days: pd.Series) -> pd.Series:
    edges = [0, 30, 90, 180, 365, 730]
    names = [*(f"{low}-{high}" for low, high in pairwise(edges)), "730+"]
    return pd.cut(days, [*edges, np.inf], right=False, labels=names)


@pytest.mark.parametrize("name", ["segment", "tenure", "cohort"])
def test_by_group(held: Backtest, name: str) -> None:
    first = held.customers.set_index("customer")["first_at"].dt.strftime("%Y-%m")
    groups = {
        "segment": lambda rows: rows["segment"],
        "tenure": lambda rows: tenure(rows["tenure_days"]),
        "cohort": lambda rows: rows["customer"].map(first),
    }
    group = groups[name](held.mine)
    ours = held.table(f"by_{name}").set_index("group")
    assert set(ours.index) == set(group.unique())
    assert ours["count"].sum() == len(held.mine)
    for nth, (called, found) in enumerate(ours.iterrows()):
        rows = held.mine[(group == called).to_numpy()]
        same(found[["count", "customers"]], [len(rows), rows["customer"].nunique()])
        same(found[["churned", "mean_risk"]], [rows["label"].mean(), rows["risk"].mean()])
        same(found[["auc", "log_loss"]], [auc(rows), loss(rows)])
        same(found[["precision", "recall"]], shares(rows, held.threshold)[1:3])
        if nth == len(ours) - 1 and name == "cohort" and not held.landmarks:
            check_bounds(found, rows, "auc", auc)


def test_segments_and_tenures_come_in_the_order_of_a_life(held: Backtest) -> None:
    order = ["new", "one-time", "occasional", "regular", "loyal"]
    found = held.table("by_segment")["group"].tolist()
    assert found == [name for name in order if name in found]
    starts = [int(name.split("-")[0].rstrip("+")) for name in held.table("by_tenure")["group"]]
    assert starts == sorted(starts)


def test_the_landmarks(held: Backtest) -> None:
    ours = held.table("landmarks")
    if not held.landmarks:
        assert not len(ours)
        return
    parts = dict(iter(held.mine.groupby("at")))
    assert list(ours["at"]) == list(parts)
    for each, rows in zip(ours.itertuples(), parts.values(), strict=True):
        same([each.count, each.churned], [len(rows), rows["label"].mean()])
        same([each.auc, each.pr_auc], [auc(rows), pr_auc(rows)])
        same(each.precision_top_tenth, top_tenth(rows))
        same([each.log_loss, each.brier, each.ece], [loss(rows), brier(rows), ece(rows)])


# -- decisions ----------------------------------------------------------------------------------


def silences(held: Backtest) -> Iterator[tuple[bool, float | None]]:
    """Yield of every silence whether it ended in gone, and how early the first alert came."""
    last = held.customers.set_index("customer")["last_activity_at"]
    active = held.span("active")
    for customer, rows in held.decisions.sort_values("at").groupby("customer"):
        began = (rows["at"] - pd.to_timedelta(rows["silence_days"], unit="D")).dt.round("min")
        starts = sorted(began.unique())
        for nth, start in enumerate(starts):
            back = starts[nth + 1] if nth + 1 < len(starts) else held.end
            if nth + 1 == len(starts) and last[customer] - start > pd.Timedelta(minutes=1):
                back = last[customer]
            alerts = rows[(began == start) & rows["alert"]]
            early = None if alerts.empty else active / DAY - alerts["silence_days"].iloc[0]
            # To the minute, as above.
            yield back - start >= active - pd.Timedelta(minutes=1), early


def test_the_lead_time(held: Backtest) -> None:
    ours, [*summary] = held.table("lead_time"), held.table("lead_summary").to_dict("records")
    if held.landmarks:
        assert not len(ours) and not summary
        return
    gone = [early for over, early in silences(held) if over]
    days = np.array([early for early in gone if early is not None])
    [told] = summary
    assert (told["gone"], told["alerts"]) == (len(gone), len(days))
    assert told["median_days"] == pytest.approx(np.median(days), abs=0.01)
    assert told["share_before_gone"] == pytest.approx((days > 0).mean() * len(days) / len(gone))
    width = ours["bin_days"].iloc[0]
    edges = [*ours["lead_days"], ours["lead_days"].iloc[-1] + width]
    assert list(np.histogram(days, edges)[0]) == list(ours["alerts"])
    assert ours["alerts"].sum() == len(days)


def test_the_reasons(held: Backtest) -> None:
    ours = held.table("reasons").set_index("code")
    if held.landmarks:
        assert not len(ours)
        return
    told = held.decisions.explode("reasons").dropna(subset="reasons")
    told = told.assign(code=[reason["code"] for reason in told["reasons"]])
    told = told.drop_duplicates(["customer", "at", "cause", "code"])
    same(ours["decisions"], told["code"].value_counts()[ours.index])
    alerts = told[told["alert"]]["code"].value_counts().reindex(ours.index, fill_value=0)
    same(ours["alerts"], alerts)
    same(ours["share"], alerts / held.decisions["alert"].sum())
    assert set(ours.index) == set(told["code"])


def test_the_importance(held: Backtest) -> None:
    told = held.report["models"][0].get("importance") or {"causes": [], "inputs": []}
    ours = held.table("importance")
    for kind, parts, name in (("cause", told["causes"], "code"), ("input", told["inputs"], "name")):
        theirs = {(part[name], part["mean"], part["mean_abs"]) for part in parts}
        mine = ours[ours["kind"] == kind]
        assert set(mine[["code", "mean", "mean_abs"]].itertuples(index=False, name=None)) == theirs
        assert mine["mean_abs"].is_monotonic_decreasing


def test_drift_is_told_at_moments_when_labels_came(held: Backtest) -> None:
    # What raises an alarm is tested where the detectors are: tests/models/watching.
    ours = held.table("drift")
    assert set(ours["at"]) <= set(held.mine["matured_at"])
    assert (ours["before"] < ours["after"]).all()
    assert set(ours["detector"]) <= {"adwin", "page_hinkley"}


# -- customers ----------------------------------------------------------------------------------


def test_the_retention(held: Backtest) -> None:
    people = held.customers
    cohort = people["first_at"].dt.tz_localize(None).dt.to_period("M")
    last = held.end.tz_localize(None).to_period("M")
    ours = held.table("retention")
    rows = []
    for month, part in people.groupby(cohort):
        for since in range((last - month).n + 1):
            active = sum(since in months for months in part["active_months"])
            rows.append((str(month), len(part), since, active, active / len(part)))
    theirs = pd.DataFrame(rows, columns=ours.columns)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def test_the_survival(held: Backtest) -> None:
    people, until = held.customers, held.end - held.span("active")
    watched = people[(people["first_at"] <= until) & people["last_activity_at"].notna()]
    seen = watched["last_activity_at"].where(watched["last_activity_at"] <= until, until)
    days = ((seen - watched["first_at"]) // DAY).clip(lower=0)
    gone = watched["last_activity_at"] <= until
    alive, spread, theirs = 1.0, 0.0, {}
    for day in sorted(days.unique()):
        left, there = int((gone & (days == day)).sum()), int((days >= day).sum())
        alive *= 1 - left / there
        spread += left / (there * (there - left)) if there > left else float("inf")
        theirs[day] = (alive, spread)
    ours = held.table("survival")
    for each in ours.itertuples():
        share, variance = theirs[each.days]
        assert each.alive == pytest.approx(share)
        if 0 < share < 1:
            reach = 1.959964 * np.sqrt(variance) / np.log(share)
            assert each.low == pytest.approx(share ** np.exp(-reach), abs=1e-6)
            assert each.high == pytest.approx(share ** np.exp(reach), abs=1e-6)
    assert len(ours) == min(len(theirs), 400)


# -- stories ------------------------------------------------------------------------------------


def test_the_stories_are_what_the_files_say(held: Backtest) -> None:
    ours = held.table("stories")
    assert len(ours) == 10 and ours["customer"].is_unique
    first = held.customers.set_index("customer")["first_at"]
    assert list(ours["first_at"]) == list(first[ours["customer"]])
    for name in ours["customer"]:
        said = held.predictions[held.predictions["customer"] == name]
        said = said[said["model"] == held.findings.model].sort_values(["at", "cause"])
        mine = held.table("story_risks")
        mine = mine[mine["customer"] == name]
        same(mine["risk"], said["risk"])
        same(mine["label"], said["label"])
        assert list(mine["at"]) == list(said["at"]) and list(mine["cause"]) == list(said["cause"])
        if held.landmarks:
            alerts = said["risk"] >= held.threshold
        else:
            keys = ["customer", "at", "cause"]
            alerts = said[keys].merge(held.decisions, on=keys)["alert"]
        assert list(mine["alert"]) == list(alerts)
        events = pd.read_parquet(held.folder / "stories.parquet")
        events = events[events["customer"] == name].sort_values("at")
        mine = held.table("story_events")
        mine = mine[mine["customer"] == name]
        assert list(mine["at"]) == list(events["at"])
        same(mine["amount"].sort_values(), events["amount"].sort_values())


def test_a_story_is_an_example_of_what_it_is_said_to_be(held: Backtest) -> None:
    last = held.customers.set_index("customer")["last_activity_at"]
    events = held.table("story_events")
    risks = held.table("story_risks")
    for each in held.table("stories").itertuples():
        mine = risks[risks["customer"] == each.customer]
        gone = held.end - last[each.customer] >= held.span("active")
        alerts = mine[mine["alert"]]["at"]
        did = events[events["customer"] == each.customer]
        expected = {
            "alerted-gone": lambda: gone and alerts.max() > last[each.customer],  # noqa: B023
            "alerted-returned": lambda: not gone and alerts.min() < last[each.customer],  # noqa: B023
            "missed": lambda: gone and alerts.empty,  # noqa: B023
            "loyal": lambda: not gone and alerts.empty,  # noqa: B023
            "trouble": lambda: "complaint" in set(did["type"]),  # noqa: B023
            "one-time": lambda: did["at"].dt.floor("D").nunique() == 1,  # noqa: B023
            "other": lambda: True,
        }
        assert expected[each.kind](), each


# -- money --------------------------------------------------------------------------------------


def offers(held: Backtest, threshold: float) -> pd.DataFrame:
    """Make one offer to each customer in a while, at the first risk that is high enough."""
    rows = held.mine
    while_ = max(held.span("cooldown"), held.span("horizon"))
    nth = (rows["at"] - rows.groupby("customer")["at"].transform("min")) // while_
    alerted = rows.assign(nth=nth)[rows["risk"] >= threshold].sort_values("at", kind="stable")
    return alerted.groupby(["customer", "nth"], as_index=False).first()


def worth(held: Backtest, threshold: float) -> tuple[int, float, float]:
    offer = held.report["offer"]
    made = offers(held, threshold)
    value, cost = offer["saved"] * offer["margin"], offer["cost"] * len(made)
    return len(made), value * made["risk"].sum() - cost, value * made["label"].sum() - cost


def test_the_profit(held: Backtest) -> None:
    ours = held.table("profit")
    if not held.report.get("offer"):
        assert not len(ours) and not len(held.table("choice"))
        return
    assert ours["threshold"].iloc[0] == np.inf and ours["alerts"].iloc[0] == 0
    for each in ours.iloc[1::15].itertuples():
        same([each.alerts, each.foreseen, each.found], worth(held, each.threshold), 1e-6)


def test_the_choice(held: Backtest) -> None:
    offer = held.report.get("offer")
    if not offer:
        return
    [ours] = held.table("choice").to_dict("records")
    profit = held.table("profit")
    tried = np.sort(
        np.append(profit["threshold"][::8], held.mine["risk"].sample(20, random_state=1))
    )
    found = {each: worth(held, each)[2] for each in tried[np.isfinite(tried)]}
    same(ours["break_even"], offer["cost"] / (offer["saved"] * offer["margin"]))
    assert ours["best_profit"] >= max(0, *found.values())
    same(worth(held, ours["best_threshold"])[2], ours["best_profit"])
    calibrated = profit[profit["threshold"] >= ours["break_even"]]["threshold"].min()
    same(ours["calibrated_profit"], worth(held, calibrated)[2])
    ceiling = ours["capacity_threshold"]
    if offer["capacity"] and np.isfinite(ceiling):
        assert ours["within_threshold"] >= ceiling
        assert offers(held, ceiling)["day"].value_counts().max() <= offer["capacity"]
        lower = held.mine["risk"][held.mine["risk"] < ceiling].nlargest(10)
        fullest = [offers(held, each)["day"].value_counts().max() for each in lower]
        assert max(fullest) > offer["capacity"]
        within = [each for threshold, each in found.items() if threshold >= ceiling]
        assert ours["within_profit"] >= max([0, *within])
        same(worth(held, ours["within_threshold"])[2], ours["within_profit"])


# -- what the report says of itself -------------------------------------------------------------


def test_the_configuration_and_the_data(held: Backtest) -> None:
    told = dict(held.table("configuration").itertuples(index=False, name=None))
    configuration = held.report["configuration"]
    assert told["horizon"] == configuration["horizon"]
    assert told["models"] == ", ".join(configuration["models"])
    assert float(told["weights.treated"]) == configuration["weights"]["treated"]
    if held.landmarks:
        assert told["landmarks.step"] == configuration["landmarks"]["step"]
    told = dict(held.table("data").itertuples(index=False, name=None))
    assert told == {key: str(value) for key, value in held.report["data"].items()}
