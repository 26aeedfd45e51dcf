"""The charts of whom the model works for, and of how models stand side by side."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import pandas as pd

from streams.report.page.source import Source, summary
from streams.report.page.style import (
    BLUE,
    GREY,
    INK,
    LABEL,
    ORANGE,
    Chart,
    apart,
    decoration,
    finished,
    folded,
    percent_axis,
    tip,
)
from streams.report.page.words import Words


def called(table: pd.DataFrame, words: Words) -> list[str]:
    """Return how the groups of a table are called, with how many predictions each has."""
    counts = (words.number("count", count) for count in table["count"])
    groups = (words.group(group) for group in table["group"])
    return [f"{group} ({count})" for group, count in zip(groups, counts, strict=True)]


def group_auc(name: str) -> Callable[[Source, Words], Chart]:
    """Return what draws the AUC of each group of a table, with its interval."""

    def draw(findings: Source, words: Words) -> Chart:
        table = findings.table(name)
        if not len(table):
            return None
        table = table.assign(what=called(table, words))
        y = _group_axis()
        x = alt.X(
            "auc:Q",
            title=words.word("auc"),
            scale=alt.Scale(zero=False, nice=False, padding=14),
            axis=alt.Axis(tickCount=5, format=".3~f"),
        )
        base = alt.Chart(table)
        bars = base.mark_rule(color=BLUE, opacity=0.5, strokeWidth=2.5).encode(
            alt.X("auc_low:Q"), alt.X2("auc_high:Q"), y
        )
        dots = base.mark_point(color=BLUE, size=90, filled=True).encode(
            x,
            y,
            tooltip=[
                tip(words, "what", title="group"),
                tip(words, "auc", "figure"),
                tip(words, "auc_low", "figure", "low"),
                tip(words, "auc_high", "figure", "high"),
                tip(words, "count", "count"),
                tip(words, "customers", "count"),
            ],
        )
        whole = decoration(auc=[summary(findings).get("auc", {}).get("value")])
        rule = whole.mark_rule(color=GREY, strokeDash=[4, 4]).encode(x="_auc:Q")
        return finished(rule + bars + dots, 30 * len(table) + 30)

    return draw


def _group_axis() -> alt.Y:
    axis = alt.Axis(labelLimit=LABEL, labelColor=INK, grid=True)
    return alt.Y("what:N", sort=None, title=None, axis=axis)


def group_rates(name: str) -> Callable[[Source, Words], Chart]:
    """Return what draws, for each group of a table, what was said and what came true."""

    def draw(findings: Source, words: Words) -> Chart:
        table = findings.table(name)
        if not len(table):
            return None
        table = table.assign(what=called(table, words))
        y = _group_axis()
        span = (
            alt.Chart(table)
            .mark_rule(color=GREY, strokeWidth=2)
            .encode(x="mean_risk:Q", x2="churned:Q", y=y)
        )
        names = {"mean_risk": "mean_risk", "churned": "churned"}
        dots = (
            folded(table, words, names, "share")
            .mark_point(size=90, filled=True, opacity=1)
            .encode(
                alt.X(
                    "share:Q",
                    title=None,
                    scale=alt.Scale(zero=False, nice=False, padding=14),
                    axis=percent_axis(words, tickCount=5),
                ),
                y,
                apart(words, names, (BLUE, ORANGE)),
                shape=alt.Shape(
                    "metric:N",
                    scale=alt.Scale(
                        domain=[words.word(code) for code in names.values()],
                        range=["circle", "diamond"],
                    ),
                    legend=alt.Legend(),
                ),
                tooltip=[
                    tip(words, "what", title="group"),
                    tip(words, "metric"),
                    tip(words, "share", "share"),
                    tip(words, "count", "count"),
                    tip(words, "customers", "count"),
                ],
            )
        )
        return finished(span + dots, 30 * len(table) + 30)

    return draw


def models(findings: Source, words: Words) -> Chart:
    """Return the AUC of the raced models side by side."""
    table = findings.table("models")
    table = table[table["auc"].notna()]
    if len(table) < 2:
        return None
    table = table.sort_values("auc", ascending=False)
    y = alt.Y("model:N", sort=None, title=None, axis=alt.Axis(labelLimit=LABEL, labelColor=INK))
    base = alt.Chart(table)
    dots = base.mark_point(color=BLUE, size=100, filled=True).encode(
        alt.X(
            "auc:Q",
            title=words.word("auc"),
            scale=alt.Scale(zero=False, nice=False, padding=50),
            axis=alt.Axis(tickCount=5, format=".3~f"),
        ),
        y,
        tooltip=[
            tip(words, "model"),
            tip(words, "auc", "figure"),
            tip(words, "pr_auc", "figure"),
            tip(words, "log_loss", "figure"),
            tip(words, "brier", "figure"),
        ],
    )
    text = base.mark_text(align="left", dx=10, color=INK).encode(
        alt.X("auc:Q"), y, text=alt.Text("auc:Q", format=".3f")
    )
    return finished(dots + text, 34 * len(table) + 30)
