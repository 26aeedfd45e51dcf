"""Whether to switch it on: a verdict in words, with three figures.

The rules, in this order; the first level with something to say wins.

1. **It cannot be judged**: no label is known, or fewer than `FEWEST` predictions were followed by
   a departure, or fewer than that by a return.
2. **Do not switch it on yet**, because the ranking may be chance (the interval of the AUC reaches
   .5); the log loss is no better than that of saying the churn rate of everybody; nothing reaches
   the threshold; an alert says hardly more than drawing at random (`TELLING`); the risks are off
   by more than `DISHONEST`; hardly any departure is found (`SEEN`); most alerts come when the
   customer is gone (`IN_TIME`); no threshold earns what the offer costs.
3. **A part first**, because the AUC is below `STRONG`; the risks are off by more than `HONEST`;
   a fifth of the alerts comes late (`EARLY`); the threshold loses money where another one earns;
   most departures are missed (`FOUND`); drift was noticed in the last fifth of the time
   (`RECENT`); everybody was scored on set days, so nothing is known of alerts.
4. **Switch it on**.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pandas as pd

from streams.report.page.source import Row, Source, first_row, is_landmarks, number, summary

#: Predictions of each outcome that a judgement needs.
FEWEST: Final = 30
#: An alert must tell this share of what drawing at random leaves untold.
TELLING: Final = 0.1
#: Calibration errors from which on risks are not to be believed, and to be taken with care.
DISHONEST: Final = 0.1
HONEST: Final = 0.05
#: Shares of alerts before the customer is gone below which they are useless, and often late.
IN_TIME: Final = 0.5
EARLY: Final = 0.8
#: An AUC below this sorts customers only roughly.
STRONG: Final = 0.7
#: Shares of the departures found below which it is of no use, and misses most.
SEEN: Final = 0.1
FOUND: Final = 0.5
#: Drift in this last share of the time is of now.
RECENT: Final = 0.2


class Said(NamedTuple):
    """A sentence of the catalogue, with its numbers."""

    name: str
    values: dict[str, Any]


class KeyFigure(NamedTuple):
    """One number of the verdict.

    Parameters
    ----------
    title
        Name of the question that it answers.
    kind, value
        The number and how it is told; None where it is not known.
    text
        What it is.
    """

    title: str
    kind: str
    value: float | None
    text: Said


class Verdict(NamedTuple):
    """Whether to switch it on.

    Parameters
    ----------
    level
        ``yes``, ``careful``, ``no`` or ``unknown``.
    because
        Why, the gravest first.
    figures
        Who is found, how early, and what it is worth.
    """

    level: str
    because: tuple[Said, ...]
    figures: tuple[KeyFigure, ...]


def verdict_of(findings: Source) -> Verdict:
    """Return the verdict on a backtest, by the rules above."""
    figures = (_found(findings), _early(findings), _worth(findings))
    for level, rules in (("unknown", _unjudged), ("no", _against), ("careful", _reserved)):
        because = tuple(rules(findings))
        if because:
            return Verdict(level, because, figures)
    said = summary(findings)
    values = {"auc": number(said.get("auc"), "value"), "ece": number(said.get("ece"), "value")}
    return Verdict("yes", (Said("because.found", values),), figures)


def _unjudged(findings: Source) -> Iterator[Said]:
    said = summary(findings)
    count = number(said.get("count"), "value") or 0.0
    if not count:
        yield Said("because.no_labels", {})
        return
    churned = round(_base(said) * count)
    few = min(churned, count - churned)
    if few < FEWEST:
        came = "left" if churned <= count - churned else "stayed"
        yield Said("because.few", {"few": few, "few_came": came, "count": count})


def _against(findings: Source) -> Iterator[Said]:
    said = summary(findings)
    auc, low = number(said.get("auc"), "value"), number(said.get("auc"), "low")
    if auc is not None and (auc if low is None else low) <= 0.5:
        yield Said("because.chance", {"auc": auc, "low": auc if low is None else low})
    loss, base = number(said.get("log_loss"), "value"), _base(said)
    if loss is not None and 0 < base < 1 and loss >= plain_loss(base):
        yield Said("because.no_better", {"loss": loss, "plain": plain_loss(base)})
    yield from _telling(first_row(findings, "confusion"))
    ece = number(said.get("ece"), "value")
    if ece is not None and ece > DISHONEST:
        yield Said("because.dishonest", {"ece": ece})
    found = _share_found(findings)
    if found is not None and found < SEEN:
        yield Said("because.hardly", {"share": found})
    share = _in_time(findings)
    if share is not None and share < IN_TIME:
        yield Said("because.late", {"share": share})
    profit = number(first_row(findings, "choice"), "best_profit")
    if profit is not None and profit <= 0:
        yield Said("because.loss", {})


def _telling(confusion: Row | None) -> Iterator[Said]:
    if confusion is None:
        return
    counts = _counts(confusion)
    alerted = counts["alerted_churned"] + counts["alerted_stayed"]
    everybody = sum(counts.values())
    if not alerted:
        yield Said("because.no_alerts", {"threshold": confusion["threshold"]})
    elif everybody:
        precision = counts["alerted_churned"] / alerted
        base = (counts["alerted_churned"] + counts["missed_churned"]) / everybody
        if precision <= base + TELLING * (1 - base):
            yield Said("because.random", {"precision": precision, "base": base})


def _reserved(findings: Source) -> Iterator[Said]:
    said = summary(findings)
    auc, ece = number(said.get("auc"), "value"), number(said.get("ece"), "value")
    if auc is not None and auc < STRONG:
        yield Said("because.weak", {"auc": auc})
    if ece is not None and ece > HONEST:
        yield Said("because.somewhat_off", {"ece": ece})
    share = _in_time(findings)
    if share is not None and share < EARLY:
        yield Said("because.often_late", {"late": 1 - share})
    yield from _dear(findings)
    found, confusion = _share_found(findings), first_row(findings, "confusion")
    if confusion is not None and found is not None and found < FOUND:
        values = {"threshold": confusion["threshold"], "missed": 1 - found}
        yield Said("because.low_recall", values)
    drifted = _drifted_of_late(findings)
    if drifted is not None:
        yield Said("because.drift", {"at": drifted})
    if is_landmarks(findings):
        yield Said("because.landmarks", {})


def _dear(findings: Source) -> Iterator[Said]:
    choice, curve = first_row(findings, "choice"), findings.table("profit")
    threshold = number(first_row(findings, "confusion"), "threshold")
    if choice is None or threshold is None or not len(curve):
        return
    here = curve.iloc[int((curve["threshold"] - threshold).abs().argmin())]
    if here["found"] < 0 < choice["best_profit"]:
        values = {"threshold": threshold, "loss": -float(here["found"])}
        values |= {"best": choice["best_threshold"], "profit": choice["best_profit"]}
        yield Said("because.threshold", values)


def _drifted_of_late(findings: Source) -> pd.Timestamp | None:
    alarms, data = findings.table("drift"), findings.report.get("data", {})
    if not len(alarms) or not data.get("first"):
        return None
    first, last = pd.Timestamp(data["first"]), pd.Timestamp(data["last"])
    worse = alarms[alarms["after"] > alarms["before"]]
    if not len(worse):
        return None
    at = pd.to_datetime(worse["at"], utc=True).max()
    return at if at > last - RECENT * (last - first) else None


# -- the three figures ------------------------------------------------------------------------


def _found(findings: Source) -> KeyFigure:
    lead = first_row(findings, "lead_summary")
    share = number(lead, "share_before_gone")
    if lead is not None and share is not None:
        gone = Said("figure.found.gone", {"gone": lead["gone"]})
        return KeyFigure("figure.found", "percent", share, gone)
    confusion = first_row(findings, "confusion")
    threshold = None if confusion is None else confusion["threshold"]
    text = Said("figure.found.text", {"threshold": threshold})
    return KeyFigure("figure.found", "percent", number(confusion, "recall"), text)


def _early(findings: Source) -> KeyFigure:
    lead = first_row(findings, "lead_summary")
    days = number(lead, "median_days")
    if lead is None or days is None:
        why = "none" if is_landmarks(findings) else "never"
        return KeyFigure("figure.early", "days", None, Said(f"figure.early.{why}", {}))
    late = "late" if days < 0 else "text"
    text = Said(f"figure.early.{late}", {"active": findings.report["configuration"]["active"]})
    return KeyFigure("figure.early", "days", abs(days), text)


def _worth(findings: Source) -> KeyFigure:
    choice, offer = first_row(findings, "choice"), findings.report.get("offer")
    if choice is not None and offer:
        values = {key: offer[key] for key in ("cost", "margin", "saved")}
        text = Said("figure.worth.text", values | {"best": choice["best_threshold"]})
        return KeyFigure("figure.worth", "money", number(choice, "best_profit"), text)
    confusion = first_row(findings, "confusion")
    precision = number(confusion, "precision")
    base = 100 * _base(summary(findings))
    text = Said("figure.alerts.text", {"base": base})
    hits = None if precision is None else 100 * precision
    return KeyFigure("figure.alerts", "count", hits, text)


def plain_loss(base: float) -> float:
    """Return the log loss of saying the churn rate of everybody.

    Examples
    --------
    >>> round(plain_loss(0.5), 3)
    0.693
    """
    return -base * math.log(base) - (1 - base) * math.log(1 - base)


def _base(said: dict[str, Row]) -> float:
    """Return the share of the predictions that were followed by a departure."""
    churned = number(said.get("churned"), "value") or 0.0
    count = number(said.get("count"), "value") or 0.0
    # The report tells it as a share; a table may tell how many.
    return churned / count if churned > 1 and count else churned


def _counts(confusion: Row) -> dict[str, float]:
    names = ("alerted_churned", "alerted_stayed", "missed_churned", "passed_stayed")
    return {name: float(confusion[name]) for name in names}


def _in_time(findings: Source) -> float | None:
    """Return which share of the alerts came before the customer was gone."""
    table = findings.table("lead_time")
    alerts = float(table["alerts"].sum())
    return float(table.loc[table["lead_days"] >= 0, "alerts"].sum()) / alerts if alerts else None


def _share_found(findings: Source) -> float | None:
    """Return which share of the departures is found: by the alerts, or else by the risks."""
    found = number(first_row(findings, "lead_summary"), "share_before_gone")
    return number(first_row(findings, "confusion"), "recall") if found is None else found
