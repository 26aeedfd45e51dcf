"""The charts of how good the risks were in time, and how early the alerts came."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt

from streams.report.page.source import Source
from streams.report.page.style import (
    BLUE,
    INK,
    ORANGE,
    PAPER,
    Chart,
    dated,
    decoration,
    finished,
    in_utc,
    months,
    tip,
)
from streams.report.page.words import Words


def over_time(metric: str, *, band: bool) -> Callable[[Source, Words], Chart]:
    """Return what draws a metric by month.

    Parameters
    ----------
    metric
        Column of the table ``over_time``.
    band
        Whether the table has its interval, too.
    """

    def draw(findings: Source, words: Words) -> Chart:
        table = findings.table("over_time")
        table = in_utc(table[table[metric].notna()], "period")
        if not len(table):
            return None
        x = months(words, "period")
        y = alt.Y(
            f"{metric}:Q",
            title=words.word(metric),
            scale=alt.Scale(zero=False, nice=True),
            axis=alt.Axis(tickCount=5, format=".3~f"),
        )
        tips = [tip(words, "when", title="period"), tip(words, metric, "figure")]
        if band:
            tips += [
                tip(words, f"{metric}_low", "figure", "low"),
                tip(words, f"{metric}_high", "figure", "high"),
            ]
        tips.append(tip(words, "count", "count"))
        base = dated(table, words, "period", "month")
        line = base.mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=45)).encode(
            x, y, tooltip=tips
        )
        if not band:
            return finished(line)
        around = base.mark_area(opacity=0.18, color=BLUE).encode(
            x, alt.Y(f"{metric}_low:Q"), alt.Y2(f"{metric}_high:Q")
        )
        if len(table) > 1:
            return finished(around + line)
        # A month alone has no area.
        bar = base.mark_rule(opacity=0.4, color=BLUE, strokeWidth=3).encode(
            x, alt.Y(f"{metric}_low:Q"), alt.Y2(f"{metric}_high:Q")
        )
        return finished(bar + line)

    return draw


def landmarks(findings: Source, words: Words) -> Chart:
    """Return the AUC at every set day."""
    table = findings.table("landmarks")
    table = in_utc(table[table["auc"].notna()], "at")
    if not len(table):
        return None
    axis = alt.Axis(title=None, format=words.form("date"), tickCount=5)
    line = (
        dated(table, words, "at", "date")
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=45))
        .encode(
            alt.X("at:T", scale=alt.Scale(type="utc"), axis=axis),
            alt.Y(
                "auc:Q",
                title=words.word("auc"),
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=5, format=".3~f"),
            ),
            tooltip=[
                tip(words, "when", title="at"),
                tip(words, "auc", "figure"),
                tip(words, "pr_auc", "figure"),
                tip(words, "log_loss", "figure"),
                tip(words, "count", "count"),
            ],
        )
    )
    return finished(line)


def lead_time(findings: Source, words: Words) -> Chart:
    """Return how long before each departure the first alert came."""
    table = findings.table("lead_time")
    if not len(table):
        return None
    table = table.assign(to_days=table["lead_days"] + table["bin_days"])
    table["early"] = table["lead_days"] >= 0
    scale = alt.Scale(domain=[True, False], range=[BLUE, ORANGE])
    bars = (
        alt.Chart(table)
        .mark_rect(stroke=PAPER, strokeWidth=1)
        .encode(
            # Time goes to the right: what is early stands left of the departure.
            alt.X(
                "lead_days:Q",
                title=words.word("lead_days"),
                scale=alt.Scale(reverse=True, nice=False),
                axis=alt.Axis(tickCount=8),
            ),
            alt.X2("to_days:Q"),
            alt.Y("alerts:Q", title=words.word("alerts"), axis=alt.Axis(tickCount=5)),
            alt.Y2Datum(0),
            alt.Color("early:N", scale=scale, legend=None),
            tooltip=[
                tip(words, "lead_days", "count"),
                tip(words, "alerts", "count"),
            ],
        )
    )
    gone = decoration(at=[0], gone=[words.word("gone")])
    rule = gone.mark_rule(color=INK, strokeWidth=1.5).encode(x="_at:Q")
    label = gone.mark_text(align="right", dx=-5, color=INK, baseline="top").encode(
        x="_at:Q", y=alt.value(0), text="_gone:N"
    )
    return finished(bars + rule + label)


def drift(findings: Source, words: Words) -> Chart:
    """Return the loss by month, with the alarms."""
    losses = findings.table("over_time")
    losses = in_utc(losses[losses["log_loss"].notna()], "period")
    if not len(losses):
        return None
    x = months(words, "period")
    line = (
        dated(losses, words, "period", "month")
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=40))
        .encode(
            x,
            alt.Y(
                "log_loss:Q",
                title=words.word("log_loss"),
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=5),
            ),
            tooltip=[tip(words, "when", title="period"), tip(words, "log_loss", "figure")],
        )
    )
    alarms = findings.table("drift")
    if not len(alarms):
        return finished(line, 220)
    alarms = in_utc(alarms, "at")
    alarms["detector"] = alarms["detector"].map(words.word)
    rules = (
        dated(alarms, words, "at", "date")
        .mark_rule(color=ORANGE, strokeWidth=2, strokeDash=[5, 3])
        .encode(
            x="at:T",
            tooltip=[
                tip(words, "when", title="at"),
                tip(words, "detector"),
                tip(words, "before", "figure"),
                tip(words, "after", "figure"),
            ],
        )
    )
    return finished(line + rules, 220)
