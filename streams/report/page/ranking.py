"""The charts of how good the risks are: ranking, calibration, gains."""

from __future__ import annotations

import altair as alt
import pandas as pd

from streams.report.page.source import Source, summary
from streams.report.page.style import (
    BLUE,
    GREY,
    PAPER,
    SERIES,
    Chart,
    decoration,
    finished,
    percent_axis,
    shares,
    tip,
)
from streams.report.page.words import Words


def _by_model(curves: pd.DataFrame, findings: Source) -> alt.Color:
    others = [model for model in dict.fromkeys(curves["model"]) if model != findings.model]
    names = [findings.model, *others]
    colours = [SERIES[place % len(SERIES)] for place in range(len(names))]
    legend = alt.Legend() if len(names) > 1 else None
    return alt.Color("model:N", scale=alt.Scale(domain=names, range=colours), legend=legend)


def roc(findings: Source, words: Words) -> Chart:
    """Return the ROC curves of all models."""
    curves = findings.table("roc")
    if not len(curves):
        return None
    line = (
        alt.Chart(curves)
        .mark_line(interpolate="linear")
        .encode(
            alt.X(**shares(words, "false_positive_rate", "false_positive_rate")),
            alt.Y(**shares(words, "true_positive_rate", "true_positive_rate")),
            _by_model(curves, findings),
            order="false_positive_rate:Q",
            tooltip=[
                tip(words, "model"),
                tip(words, "threshold", "figure"),
                tip(words, "false_positive_rate", "share"),
                tip(words, "true_positive_rate", "share"),
            ],
        )
    )
    return finished(_diagonal() + line, 320)


def _diagonal() -> alt.Chart:
    """Return what chance, or honesty, looks like."""
    drawn: alt.Chart = (
        decoration(x=[0.0, 1.0], y=[0.0, 1.0])
        .mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.2)
        .encode(alt.X("_x:Q"), alt.Y("_y:Q"))
    )
    return drawn


def precision_recall(findings: Source, words: Words) -> Chart:
    """Return the precision-recall curves of all models."""
    curves = findings.table("precision_recall")
    if not len(curves):
        return None
    line = (
        alt.Chart(curves)
        .mark_line()
        .encode(
            alt.X(**shares(words, "recall", "recall")),
            alt.Y(**shares(words, "precision", "precision")),
            _by_model(curves, findings),
            order="recall:Q",
            tooltip=[
                tip(words, "model"),
                tip(words, "threshold", "figure"),
                tip(words, "recall", "share"),
                tip(words, "precision", "share"),
            ],
        )
    )
    rule = (
        decoration(base=[summary(findings)["churned"]["value"]])
        .mark_rule(color=GREY, strokeDash=[4, 4])
        .encode(y="_base:Q", tooltip=[tip(words, "_base", "share", "base")])
    )
    return finished(rule + line, 320)


def calibration(findings: Source, words: Words) -> Chart:
    """Return what was said against what came true, with its intervals."""
    table = findings.table("calibration")
    table = table[table["count"] > 0]
    if not len(table):
        return None
    said = alt.X(**shares(words, "predicted", "predicted"))
    bars = (
        alt.Chart(table)
        .mark_rule(color=BLUE, opacity=0.55, strokeWidth=2)
        .encode(said, y="observed_low:Q", y2="observed_high:Q")
    )
    dots = (
        alt.Chart(table)
        .mark_point(color=BLUE, filled=True, opacity=1)
        .encode(
            said,
            alt.Y(**shares(words, "observed", "observed")),
            size=alt.Size("count:Q", scale=alt.Scale(range=[25, 260]), legend=None),
            tooltip=[
                tip(words, "predicted", "share"),
                tip(words, "observed", "share"),
                tip(words, "observed_low", "share", "low"),
                tip(words, "observed_high", "share", "high"),
                tip(words, "count", "count"),
            ],
        )
    )
    return finished(_diagonal() + bars + dots, 320)


def calibration_counts(findings: Source, words: Words) -> Chart:
    """Return how often each risk was said."""
    table = findings.table("calibration")
    if not table["count"].sum():
        return None
    bars = (
        alt.Chart(table)
        .mark_rect(color=BLUE, stroke=PAPER, strokeWidth=1)
        .encode(
            alt.X("low:Q", title=words.word("predicted"), axis=percent_axis(words)),
            alt.X2("high:Q"),
            alt.Y("count:Q", title=words.word("count"), axis=alt.Axis(format=",", tickCount=5)),
            alt.Y2Datum(0),
            tooltip=[
                tip(words, "low", "share"),
                tip(words, "high", "share"),
                tip(words, "count", "count"),
            ],
        )
    )
    return finished(bars, 320)


def lift(findings: Source, words: Words) -> Chart:
    """Return how much more often each tenth leaves than all."""
    table = findings.table("gains")
    if not len(table):
        return None
    bars = (
        alt.Chart(table)
        .mark_bar(color=BLUE)
        .encode(
            alt.X("tenth:O", title=words.word("tenth"), axis=alt.Axis(labelAngle=0)),
            alt.Y("lift:Q", title=words.word("lift"), axis=alt.Axis(tickCount=5)),
            tooltip=[
                tip(words, "tenth"),
                tip(words, "lift", "figure"),
                tip(words, "count", "count"),
                tip(words, "churned", "count"),
            ],
        )
    )
    whole = decoration(one=[1]).mark_rule(color=GREY, strokeDash=[4, 4])
    return finished(bars + whole.encode(y="_one:Q"))


def gains(findings: Source, words: Words) -> Chart:
    """Return the share of departures found by the share that is alerted."""
    table = findings.table("gains")
    if not len(table):
        return None
    first = table.iloc[0]
    start = (
        decoration(reached=[0.0, first["reached"]], captured=[0.0, first["captured"]])
        .mark_line(color=BLUE)
        .encode(x="_reached:Q", y="_captured:Q")
    )
    line = (
        alt.Chart(table)
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=40))
        .encode(
            alt.X(**shares(words, "reached", "reached")),
            alt.Y(**shares(words, "captured", "captured")),
            tooltip=[tip(words, "reached", "share"), tip(words, "captured", "share")],
        )
    )
    return finished(_diagonal() + start + line)
