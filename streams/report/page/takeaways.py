"""The one sentence that each chart says, with its numbers from the data that it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import pandas as pd

from streams.report.page.makings import input_called
from streams.report.page.shop import over
from streams.report.page.source import Source, first_row, number, summary
from streams.report.page.verdict import Said
from streams.report.page.words import Words

#: Where risks miss by less than this, they are honest.
_HONEST: Final = 0.03
#: A log loss that moves by less has not moved.
_SAME: Final = 0.005
#: Of gains, the share of the customers that is told of.
_REACHED: Final = 0.2
#: Of precision and recall, the share of the departures that is told of.
_FOUND: Final = 0.5
#: How many alerts a day a small team can do something about.
_PER_DAY: Final = 10.0
#: How much later retention is told of.
_LATER: Final = 6

Tell = Callable[[Source, Words], Said | None]


def _roc(findings: Source, words: Words) -> Said | None:
    row = summary(findings).get("auc")
    if row is None or number(row, "value") is None:
        return None
    within = ""
    if number(row, "low") is not None:
        low, high = (words.number("figure", row[end]) for end in ("low", "high"))
        within = words.form("within").format(low=low, high=high)
    return Said("takes.roc", {"auc": row["value"], "within": within})


def _precision_recall(findings: Source, words: Words) -> Said | None:
    curves = findings.table("precision_recall")
    mine = curves[curves["model"] == findings.model].dropna(subset=["precision", "recall"])
    base = number(summary(findings).get("churned"), "value")
    if not len(mine) or base is None:
        return None
    point = mine.iloc[int((mine["recall"] - _FOUND).abs().argmin())]
    values = {"recall": point["recall"], "precision": point["precision"], "base": base}
    return Said("takes.precision_recall", values)


def _calibration(findings: Source, words: Words) -> Said | None:
    bins = findings.table("calibration")
    bins = bins[bins["count"] > 0]
    if not len(bins):
        return None
    gaps = bins["observed"] - bins["predicted"]
    mean = float((gaps * bins["count"]).sum() / bins["count"].sum())
    off = float((gaps.abs() * bins["count"]).sum() / bins["count"].sum())
    if off < _HONEST:
        # Of those bins that many predictions are in, the one near the middle tells most.
        many = bins[bins["count"] >= bins["count"].median()]
        shown = many.iloc[int((many["predicted"] - 0.5).abs().argmin())]
        how = "honest"
    else:
        how = "low" if mean > 0 else "high"
        shown = bins.loc[(gaps * math.copysign(1.0, mean) * bins["count"]).idxmax()]
    values = {"said": shown["predicted"], "came": shown["observed"]}
    return Said(f"takes.calibration.{how}", values)


def _calibration_counts(findings: Source, words: Words) -> Said | None:
    bins = findings.table("calibration")
    whole = float(bins["count"].sum())
    if not whole:
        return None
    middle = (bins["low"] + bins["high"]) / 2
    sure = bins.loc[(middle < 0.2) | (middle > 0.8), "count"].sum()
    return Said("takes.calibration_counts", {"share": float(sure) / whole})


def _lift(findings: Source, words: Words) -> Said | None:
    table = findings.table("gains")
    if not len(table):
        return None
    first = table.iloc[0]
    return Said("takes.lift", {"rate": first["churned"] / first["count"], "lift": first["lift"]})


def _gains(findings: Source, words: Words) -> Said | None:
    table = findings.table("gains")
    if not len(table):
        return None
    row = table.iloc[int((table["reached"] - _REACHED).abs().argmin())]
    return Said("takes.gains", {"reached": row["reached"], "captured": row["captured"]})


def _budgets(findings: Source, words: Words) -> Said | None:
    table = findings.table("budgets").dropna(subset=["precision", "recall"])
    if not len(table):
        return None
    row = table.iloc[int((table["alerts_per_day"] - _PER_DAY).abs().argmin())]
    values = {"precision": row["precision"], "recall": row["recall"]}
    return Said("takes.budgets", values | {"per_day": row["alerts_per_day"]})


def _thresholds(findings: Source, words: Words) -> Said | None:
    row = first_row(findings, "confusion")
    return None if row is None else Said("takes.thresholds", dict(row))


def _confusion(findings: Source, words: Words) -> Said | None:
    row = first_row(findings, "confusion")
    if row is None:
        return None
    names = {"right": "alerted_churned", "missed": "missed_churned", "wrong": "alerted_stayed"}
    return Said("takes.confusion", {name: row[column] for name, column in names.items()})


def _profit(findings: Source, words: Words) -> Said | None:
    row = first_row(findings, "choice")
    if row is None:
        return None
    values = {"best": row["best_threshold"], "profit": row["best_profit"]}
    return Said("takes.profit", values | {"even": row["break_even"]})


def _auc_over_time(findings: Source, words: Words) -> Said | None:
    return _range(findings.table("over_time"), "takes.auc_over_time")


def _landmarks(findings: Source, words: Words) -> Said | None:
    return _range(findings.table("landmarks"), "takes.landmarks")


def _range(table: pd.DataFrame, name: str) -> Said | None:
    found = table["auc"].dropna()
    if not len(found):
        return None
    values = {"low": found.min(), "high": found.max(), "last": found.iloc[-1]}
    return Said(name, values | {"count": len(found)})


def _log_loss_over_time(findings: Source, words: Words) -> Said | None:
    found = findings.table("over_time")["log_loss"].dropna()
    if not len(found):
        return None
    first, last = float(found.iloc[0]), float(found.iloc[-1])
    how = "better" if last <= first else "worse"
    if abs(last - first) < _SAME:
        how = "same"
    return Said(f"takes.log_loss_over_time.{how}", {"first": first, "last": last})


def _brier_over_time(findings: Source, words: Words) -> Said | None:
    found = findings.table("over_time")["brier"].dropna()
    said = summary(findings)
    base = number(said.get("churned"), "value")
    if not len(found) or base is None:
        return None
    values = {"brier": number(said.get("brier"), "value"), "last": float(found.iloc[-1])}
    return Said("takes.brier_over_time", values | {"base": base, "plain": base * (1 - base)})


def _lead_time(findings: Source, words: Words) -> Said | None:
    row = first_row(findings, "lead_summary")
    if row is None or not row["alerts"]:
        return None
    values = {name: row[name] for name in ("alerts", "gone")}
    median = float(row["median_days"])
    if median < 0:
        return Said("takes.lead_time.late", values | {"days": -median})
    return Said("takes.lead_time", values | {"days": median})


def _drift(findings: Source, words: Words) -> Said | None:
    alarms = findings.table("drift")
    if not len(alarms):
        return Said("takes.drift.none", {})
    last = alarms.sort_values("at").iloc[-1]
    values = {"alarms": len(alarms), "at": last["at"]}
    return Said("takes.drift.some", values | {"before": last["before"], "after": last["after"]})


def _causes(findings: Source, words: Words) -> Said | None:
    table = findings.table("importance")
    table = table[(table["kind"] == "cause") & (table["mean_abs"] > 0)]
    names = [
        words.word(code) for code in table.sort_values("mean_abs", ascending=False).head(2)["code"]
    ]
    if not names:
        return None
    if len(names) == 1:
        return Said("takes.causes.one", {"first": _capital(names[0])})
    return Said("takes.causes", {"first": _capital(names[0]), "second": names[1]})


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _inputs(findings: Source, words: Words) -> Said | None:
    table = findings.table("importance")
    table = table[(table["kind"] == "input") & (table["mean_abs"] > 0)]
    if not len(table):
        return None
    code = str(table.sort_values("mean_abs", ascending=False)["code"].iloc[0])
    return Said("takes.inputs", {"first": input_called(words, code)})


def _reasons(findings: Source, words: Words) -> Said | None:
    table = findings.table("reasons")
    table = table[table["alerts"] > 0].sort_values("share", ascending=False)
    if not len(table):
        return None
    row = table.iloc[0]
    return Said("takes.reasons", {"share": row["share"], "first": words.word(row["code"])})


def _group_auc(name: str, findings: Source, words: Words) -> Said | None:
    table = findings.table(name)
    if not len(table):
        return None
    known = table[table["auc"].notna()].sort_values("auc")
    if not len(known):
        return Said("takes.group_auc.none", {})
    called = [words.group(each) for each in known["group"]]
    values = {"best": called[-1], "high": known["auc"].iloc[-1]}
    if len(known) == 1:
        return Said("takes.group_auc.one", values)
    return Said("takes.group_auc", values | {"worst": called[0], "low": known["auc"].iloc[0]})


def _group_rates(name: str, findings: Source, words: Words) -> Said | None:
    table = findings.table(name)
    if not len(table):
        return None
    row = table.loc[(table["mean_risk"] - table["churned"]).abs().idxmax()]
    values = {"said": row["mean_risk"], "came": row["churned"]}
    return Said("takes.group_rates", values | {"worst": words.group(row["group"])})


def _retention(findings: Source, words: Words) -> Said | None:
    table = findings.table("retention")
    if not len(table):
        return None
    whole = over(findings, table)
    later = table[(table["month"] > 0) & whole]
    sums = later.groupby("month")[["active", "customers"]].sum()
    back = sums["active"] / sums["customers"]
    if not len(back):
        return Said("takes.retention.none", {})
    month = min(_LATER, int(back.index.max()))
    note = "" if whole.all() else words.tell("takes.retention.not_over")
    if month <= 1:
        return Said("takes.retention.short", {"first": back.iloc[0], "note": note})
    values = {"first": back.iloc[0], "later": back.loc[month], "months": month}
    return Said("takes.retention", values | {"note": note})


def _survival(findings: Source, words: Words) -> Said | None:
    table = findings.table("survival")
    if not len(table):
        return None
    first = table.iloc[0]
    if first["alive"] <= 0.5:
        values = {"once": 1 - first["alive"], "alive": table.iloc[-1]["alive"]}
        return Said("takes.survival.once", values | {"days": table.iloc[-1]["days"]})
    half = table[table["alive"] <= 0.5]
    if len(half):
        return Said("takes.survival.half", {"days": half["days"].iloc[0]})
    last = table.iloc[-1]
    return Said("takes.survival.most", {"days": last["days"], "alive": last["alive"]})


def _models(findings: Source, words: Words) -> Said | None:
    table = findings.table("models")
    table = table[table["auc"].notna()].sort_values("auc")
    if len(table) < 2:
        return None
    best, worst = table.iloc[-1], table.iloc[0]
    values = {"best": best["model"], "auc": best["auc"], "worst": worst["model"]}
    return Said("takes.models", values | {"low": worst["auc"]})


#: By the names of the figures.
TAKEAWAYS: Final[Mapping[str, Tell]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "calibration_counts": _calibration_counts,
    "lift": _lift,
    "gains": _gains,
    "budgets": _budgets,
    "thresholds": _thresholds,
    "confusion": _confusion,
    "profit": _profit,
    "auc_over_time": _auc_over_time,
    "log_loss_over_time": _log_loss_over_time,
    "brier_over_time": _brier_over_time,
    "landmarks": _landmarks,
    "lead_time": _lead_time,
    "drift": _drift,
    "causes": _causes,
    "inputs": _inputs,
    "reasons": _reasons,
    "segment_auc": partial(_group_auc, "by_segment"),
    "segment_rates": partial(_group_rates, "by_segment"),
    "tenure_auc": partial(_group_auc, "by_tenure"),
    "tenure_rates": partial(_group_rates, "by_tenure"),
    "cohort_auc": partial(_group_auc, "by_cohort"),
    "cohort_rates": partial(_group_rates, "by_cohort"),
    "retention": _retention,
    "survival": _survival,
    "models": _models,
}


def takeaway(name: str, findings: Source, words: Words) -> str | None:
    """Return what a chart says in one sentence; terms are still marked.

    Parameters
    ----------
    name
        Of the figure.
    findings
        A finished backtest.
    words
        In which it is told.
    """
    said = TAKEAWAYS[name](findings, words)
    return None if said is None else words.tell(said.name, **said.values)
