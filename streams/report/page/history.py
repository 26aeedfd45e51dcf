"""The charts of what happened in time, and to whom: months, alerts, reasons, groups, the shop."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import pandas as pd

from features import Definition, build_catalogue
from streams.report.page.source import Source, summary
from streams.report.page.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PAPER,
    RAMP,
    finished,
    in_utc,
    months,
    percent_axis,
    rate,
    shares,
    tip,
)
from streams.report.page.words import Words

Chart = alt.LayerChart | None
#: More inputs than these no one reads.
_INPUTS = 15
#: Wide enough for the names of groups, on a phone too.
_LABEL = 150


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
            axis=alt.Axis(tickCount=5, format=".2~f"),
        )
        tips = [tip(words, "period", "month"), tip(words, metric, "figure")]
        if band:
            tips += [
                tip(words, f"{metric}_low", "figure", "low"),
                tip(words, f"{metric}_high", "figure", "high"),
            ]
        tips.append(tip(words, "count", "count"))
        base = alt.Chart(table)
        line = base.mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=45)).encode(
            x, y, tooltip=tips
        )
        if not band:
            return finished(line)
        around = base.mark_area(opacity=0.18, color=BLUE).encode(
            x, alt.Y(f"{metric}_low:Q"), alt.Y2(f"{metric}_high:Q")
        )
        # A month alone has no area.
        bars = base.mark_rule(opacity=0.4, color=BLUE).encode(
            x, alt.Y(f"{metric}_low:Q"), alt.Y2(f"{metric}_high:Q")
        )
        return finished(around + bars + line)

    return draw


def landmarks(findings: Source, words: Words) -> Chart:
    """Return the AUC at every set day."""
    table = findings.table("landmarks")
    table = in_utc(table[table["auc"].notna()], "at")
    if not len(table):
        return None
    axis = alt.Axis(title=None, format=words.form("date"), formatType="utc", tickCount=5)
    line = (
        alt.Chart(table)
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=45))
        .encode(
            alt.X("at:T", scale=alt.Scale(type="utc"), axis=axis),
            alt.Y(
                "auc:Q",
                title=words.word("auc"),
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=5, format=".2~f"),
            ),
            tooltip=[
                tip(words, "at", "day"),
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
        .mark_bar(stroke=PAPER, strokeWidth=1)
        .encode(
            # Time goes to the right: what is early stands left of the departure.
            alt.X("lead_days:Q", title=words.word("lead_days"), scale=alt.Scale(reverse=True)),
            alt.X2("to_days:Q"),
            alt.Y("alerts:Q", title=words.word("alerts"), axis=alt.Axis(tickCount=5)),
            alt.Color("early:N", scale=scale, legend=None),
            tooltip=[
                tip(words, "lead_days", "count"),
                tip(words, "alerts", "count"),
            ],
        )
    )
    gone = alt.Chart(pd.DataFrame({"at": [0], "gone": [words.word("gone")]}))
    rule = gone.mark_rule(color=INK, strokeWidth=1.5).encode(x="at:Q")
    label = gone.mark_text(align="right", dx=-5, color=INK, baseline="top").encode(
        x="at:Q", y=alt.value(0), text="gone:N"
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
        alt.Chart(losses)
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=40))
        .encode(
            x,
            alt.Y(
                "log_loss:Q",
                title=words.word("log_loss"),
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=5),
            ),
            tooltip=[tip(words, "period", "month"), tip(words, "log_loss", "figure")],
        )
    )
    alarms = findings.table("drift")
    if not len(alarms):
        return finished(line, 220)
    alarms = in_utc(alarms, "at")
    alarms["detector"] = alarms["detector"].map(words.word)
    rules = (
        alt.Chart(alarms)
        .mark_rule(color=ORANGE, strokeWidth=2, strokeDash=[5, 3])
        .encode(
            x="at:T",
            tooltip=[
                tip(words, "at", "day"),
                tip(words, "detector"),
                tip(words, "before", "figure"),
                tip(words, "after", "figure"),
            ],
        )
    )
    return finished(line + rules, 220)


# -- what risks are made of -------------------------------------------------------------------


def _ranked(table: pd.DataFrame, words: Words, value: str, title: str, kind: str) -> Chart:
    """Return named bars, the longest first."""
    axis = percent_axis(words) if kind == "share" else alt.Axis(tickCount=5)
    bars = (
        alt.Chart(table)
        .mark_bar(color=BLUE, height={"band": 0.7})
        .encode(
            alt.X(f"{value}:Q", title=words.word(title), axis=axis),
            alt.Y(
                "what:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelLimit=_LABEL + 40, labelColor=INK, grid=False),
            ),
            tooltip=[tip(words, "what"), tip(words, value, kind, title)],
        )
    )
    return finished(bars, 28 * len(table) + 30)


def causes(findings: Source, words: Words) -> Chart:
    """Return how much each cause weighs in the risks."""
    table = findings.table("importance")
    table = table[table["kind"] == "cause"].nlargest(_INPUTS, "mean_abs")
    table = table[table["mean_abs"] > 0]
    if not len(table):
        return None
    table = table.assign(what=table["code"].map(words.word))
    return _ranked(table, words, "mean_abs", "mean_abs", "figure")


def inputs(findings: Source, words: Words) -> Chart:
    """Return how much each input weighs in the risks."""
    table = findings.table("importance")
    table = table[table["kind"] == "input"].nlargest(_INPUTS, "mean_abs")
    table = table[table["mean_abs"] > 0]
    if not len(table):
        return None
    table = table.assign(what=[input_called(words, code) for code in table["code"]])
    return _ranked(table, words, "mean_abs", "mean_abs", "figure")


def input_called(words: Words, name: str) -> str:
    """Return what an input of a model is about, in words."""
    meanings = {each.name: each.meaning for each in build_catalogue(Definition()).features}
    return words.input(name, meanings.get(name))


def reasons(findings: Source, words: Words) -> Chart:
    """Return how often alerts name each reason."""
    table = findings.table("reasons")
    table = table[table["alerts"] > 0].sort_values("share", ascending=False)
    if not len(table):
        return None
    table = table.assign(what=table["code"].map(words.word))
    return _ranked(table, words, "share", "share_of_alerts", "share")


# -- groups -----------------------------------------------------------------------------------


def called(table: pd.DataFrame, words: Words) -> list[str]:
    """Return how the groups of a table are called, with how many predictions each has."""
    counts = (words.number("count", count) for count in table["count"])
    groups = (words.word(str(group)) for group in table["group"])
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
            scale=alt.Scale(zero=False, nice=True),
            axis=alt.Axis(tickCount=5, format=".2~f"),
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
        whole = pd.DataFrame({"auc": [summary(findings).get("auc", {}).get("value")]})
        rule = alt.Chart(whole).mark_rule(color=GREY, strokeDash=[4, 4]).encode(x="auc:Q")
        return finished(rule + bars + dots, 30 * len(table) + 30)

    return draw


def _group_axis() -> alt.Y:
    axis = alt.Axis(labelLimit=_LABEL, labelColor=INK, grid=True)
    return alt.Y("what:N", sort=None, title=None, axis=axis)


def group_rates(name: str) -> Callable[[Source, Words], Chart]:
    """Return what draws, for each group of a table, what was said and what came true."""

    def draw(findings: Source, words: Words) -> Chart:
        table = findings.table(name)
        if not len(table):
            return None
        table = table.assign(what=called(table, words), rate=rate(table))
        y = _group_axis()
        span = (
            alt.Chart(table)
            .mark_rule(color=GREY, strokeWidth=2)
            .encode(x="mean_risk:Q", x2="rate:Q", y=y)
        )
        shown = table.melt(
            id_vars=["what", "count", "customers"],
            value_vars=["mean_risk", "rate"],
            var_name="metric",
            value_name="share",
        )
        told = {"mean_risk": words.word("mean_risk"), "rate": words.word("churned")}
        shown["metric"] = shown["metric"].map(told)
        dots = (
            alt.Chart(shown)
            .mark_point(size=90, filled=True, opacity=1)
            .encode(
                alt.X(
                    "share:Q",
                    title=None,
                    scale=alt.Scale(zero=False, nice=True),
                    axis=percent_axis(words, tickCount=5),
                ),
                y,
                alt.Color(
                    "metric:N",
                    scale=alt.Scale(domain=list(told.values()), range=[BLUE, ORANGE]),
                    legend=alt.Legend(),
                ),
                shape=alt.Shape(
                    "metric:N",
                    scale=alt.Scale(domain=list(told.values()), range=["circle", "diamond"]),
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


# -- the shop ---------------------------------------------------------------------------------


def retention(findings: Source, words: Words) -> Chart:
    """Return who came back so many months after joining, as a heat table."""
    table = findings.table("retention")
    if not len(table):
        return None
    table = in_utc(table, "cohort")
    counts = [words.number("count", count) for count in table["customers"]]
    joined = [words.number("month", cohort) for cohort in table["cohort"]]
    table["joined"] = [f"{month} ({count})" for month, count in zip(joined, counts, strict=True)]
    later = table[table["month"] > 0]
    most = float(later["share"].max()) if len(later) else 1.0
    base = alt.Chart(table).encode(
        alt.X("month:O", title=words.word("month"), axis=alt.Axis(labelAngle=0)),
        alt.Y("joined:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=_LABEL)),
    )
    boxes = base.mark_rect(stroke=PAPER, strokeWidth=1).encode(
        alt.Color(
            "share:Q",
            # The month of joining is full by itself; the scale is of those after it.
            scale=alt.Scale(range=list(RAMP), domain=[0, max(most, 0.01)], clamp=True),
            legend=None,
        ),
        tooltip=[
            tip(words, "cohort", "month"),
            tip(words, "month", "count"),
            tip(words, "share", "share"),
            tip(words, "active", "count", "customers"),
        ],
    )
    columns = int(table["month"].max()) + 1
    # Where a cell is too narrow for its number, colour and tooltip must do.
    numbers = base.mark_text(
        fontSize=11, opacity=alt.expr(f"width / {columns} > 22 ? 1 : 0")
    ).encode(
        text=alt.Text("percent:N"),
        color=alt.condition(
            alt.datum.share > 0.6 * most, alt.value("#ffffff"), alt.value("#1b2733")
        ),
    )
    shown = numbers.transform_calculate(percent="format(datum.share * 100, '.0f')")
    return finished(boxes + shown, 26 * table["joined"].nunique() + 40)


def survival(findings: Source, words: Words) -> Chart:
    """Return the share of customers still there by days since they came."""
    table = findings.table("survival")
    if not len(table):
        return None
    x = alt.X("days:Q", title=words.word("days"))
    base = alt.Chart(table)
    band = base.mark_area(opacity=0.18, color=BLUE, interpolate="step-after").encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q")
    )
    line = base.mark_line(color=BLUE, interpolate="step-after").encode(
        x,
        alt.Y(**shares(words, "alive", "alive")),
        tooltip=[tip(words, "days", "count"), tip(words, "alive", "share")],
    )
    return finished(band + line)


def models(findings: Source, words: Words) -> Chart:
    """Return the AUC of the raced models side by side."""
    table = findings.table("models")
    table = table[table["auc"].notna()]
    if len(table) < 2:
        return None
    table = table.sort_values("auc", ascending=False)
    y = alt.Y(
        "model:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL, labelColor=INK)
    )
    base = alt.Chart(table)
    dots = base.mark_point(color=BLUE, size=100, filled=True).encode(
        alt.X("auc:Q", title=words.word("auc"), scale=alt.Scale(zero=False, nice=True)),
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


