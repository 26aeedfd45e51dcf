"""The charts of what to do with the risks: budget, threshold, profit."""

from __future__ import annotations

import altair as alt
import pandas as pd

from streams.report.page.source import Source, first_row
from streams.report.page.style import (
    AMBER,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    Chart,
    apart,
    decoration,
    finished,
    folded,
    shares,
    tip,
)
from streams.report.page.words import Words


def budgets(findings: Source, words: Words) -> Chart:
    """Return precision and recall by the number of alerts a day."""
    table = findings.table("budgets")
    if not len(table):
        return None
    names = {"precision": "precision", "recall": "recall"}
    line = (
        folded(table, words, names, "value")
        .mark_line(point=alt.OverlayMarkDef(size=45))
        .encode(
            alt.X(
                "alerts_per_day:Q",
                title=words.word("alerts_per_day"),
                scale=alt.Scale(type="log", nice=False, padding=12),
                axis=alt.Axis(
                    format="~r",
                    values=sorted(set(table["alerts_per_day"])),
                    labelOverlap="greedy",
                ),
            ),
            alt.Y(**shares(words, "value", "share")),
            apart(words, names, (BLUE, ORANGE)),
            tooltip=[
                tip(words, "alerts_per_day"),
                tip(words, "alerts", "count"),
                tip(words, "metric"),
                tip(words, "value", "share"),
            ],
        )
    )
    return finished(line)


def thresholds(findings: Source, words: Words) -> Chart:
    """Return accuracy, precision, recall and F1 by threshold."""
    table = findings.table("thresholds")
    if not len(table):
        return None
    names = {each: each for each in ("accuracy", "precision", "recall", "f1")}
    line = (
        folded(table, words, names, "value")
        .mark_line()
        .encode(
            alt.X(**shares(words, "threshold", "threshold")),
            alt.Y(**shares(words, "value", "share")),
            apart(words, names, (GREY, BLUE, ORANGE, GREEN)),
            tooltip=[
                tip(words, "threshold", "share"),
                tip(words, "metric"),
                tip(words, "value", "share"),
                tip(words, "alerts", "count"),
            ],
        )
    )
    return finished(line + _chosen(findings, words), 300)


def _chosen(findings: Source, words: Words) -> alt.Chart:
    row = first_row(findings, "confusion") or {"threshold": None}
    drawn: alt.Chart = (
        decoration(threshold=[row["threshold"]], chosen=[words.word("chosen")])
        .mark_rule(color=INK, strokeDash=[4, 3])
        .encode(
            x="_threshold:Q",
            tooltip=[
                tip(words, "_chosen", title="chosen"),
                tip(words, "_threshold", "share", "threshold"),
            ],
        )
    )
    return drawn


def confusion(findings: Source, words: Words) -> Chart:
    """Return how often the threshold was right and wrong."""
    row = first_row(findings, "confusion")
    if row is None:
        return None
    cells = pd.DataFrame(
        [
            (words.word(did), words.word(was), int(row[name]), right)
            for did, was, name, right in (
                ("alerted", "left", "alerted_churned", True),
                ("alerted", "stayed", "alerted_stayed", False),
                ("passed", "left", "missed_churned", False),
                ("passed", "stayed", "passed_stayed", True),
            )
        ],
        columns=["alert", "churned", "count", "right"],
    )
    cells["share"] = cells["count"] / max(cells["count"].sum(), 1)
    cells["told"] = [words.number("percent", share) for share in cells["share"]]
    base = alt.Chart(cells).encode(
        alt.X("churned:N", sort=None, axis=alt.Axis(title=None, orient="top", labelAngle=0)),
        alt.Y("alert:N", sort=None, axis=alt.Axis(title=None)),
    )
    scale = alt.Scale(domain=[True, False], range=[BLUE, AMBER])
    boxes = base.mark_rect(stroke=PAPER, strokeWidth=4, cornerRadius=6).encode(
        alt.Color("right:N", scale=scale, legend=None),
        opacity=alt.Opacity("share:Q", scale=alt.Scale(range=[0.16, 0.5]), legend=None),
        tooltip=[
            tip(words, "alert"),
            tip(words, "churned"),
            tip(words, "count", "count"),
            tip(words, "share", "share"),
        ],
    )
    counts = base.mark_text(fontSize=20, fontWeight="bold", dy=-8, color=INK).encode(
        text=alt.Text("count:Q", format=",")
    )
    below = base.mark_text(fontSize=13, dy=14, color=INK).encode(text=alt.Text("told:N"))
    return finished(boxes + counts + below, 240)


def profit(findings: Source, words: Words) -> Chart:
    """Return what each threshold would have earned."""
    table = findings.table("profit")
    if not len(table):
        return None
    names = {"found": "found", "foreseen": "foreseen"}
    line = (
        folded(table, words, names, "profit")
        .mark_line()
        .encode(
            alt.X(**shares(words, "threshold", "threshold")),
            alt.Y("profit:Q", title=words.word("profit"), axis=alt.Axis(format="~s")),
            apart(words, names, (BLUE, ORANGE)),
            tooltip=[
                tip(words, "threshold", "share"),
                tip(words, "metric"),
                tip(words, "profit", "count"),
                tip(words, "alerts", "count"),
            ],
        )
    )
    zero = decoration(zero=[0]).mark_rule(color=FAINT, strokeWidth=2)
    layers = zero.encode(y="_zero:Q") + line + _chosen(findings, words)
    choice = first_row(findings, "choice")
    if choice is not None:
        layers += (
            decoration(threshold=[choice["best_threshold"]], profit=[choice["best_profit"]])
            .mark_point(color=BLUE, size=120, filled=True)
            .encode(
                x="_threshold:Q",
                y="_profit:Q",
                tooltip=[
                    tip(words, "_threshold", "share", "threshold"),
                    tip(words, "_profit", "count", "best"),
                ],
            )
        )
    return finished(layers, 280)
