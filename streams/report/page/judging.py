"""The charts of how good the risks are: ranking, calibration, gains, budget, threshold."""

from __future__ import annotations

import altair as alt
import pandas as pd

from streams.report.page.source import Source, first_row, summary
from streams.report.page.style import (
    AMBER,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    SERIES,
    finished,
    percent_axis,
    shares,
    tip,
)
from streams.report.page.words import Words

Chart = alt.LayerChart | None


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
    corners = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    return (
        alt.Chart(corners)
        .mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.2)
        .encode(alt.X("x:Q"), alt.Y("y:Q"))
    )


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
    base = pd.DataFrame({"base": [summary(findings)["churned"]["value"]]})
    rule = (
        alt.Chart(base)
        .mark_rule(color=GREY, strokeDash=[4, 4])
        .encode(y="base:Q", tooltip=[tip(words, "base", "share")])
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
        .mark_bar(color=BLUE)
        .encode(
            alt.X("low:Q", title=words.word("predicted"), axis=percent_axis(words)),
            alt.X2("high:Q"),
            alt.Y("count:Q", title=words.word("count"), axis=alt.Axis(format="~s", tickCount=5)),
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
    whole = alt.Chart(pd.DataFrame({"one": [1]})).mark_rule(color=GREY, strokeDash=[4, 4])
    return finished(bars + whole.encode(y="one:Q"))


def gains(findings: Source, words: Words) -> Chart:
    """Return the share of departures found by the share that is alerted."""
    table = findings.table("gains")
    if not len(table):
        return None
    start = pd.DataFrame({"reached": [0.0], "captured": [0.0]})
    whole = pd.concat([start, table[["reached", "captured"]]], ignore_index=True)
    line = (
        alt.Chart(whole)
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=40))
        .encode(
            alt.X(**shares(words, "reached", "reached")),
            alt.Y(**shares(words, "captured", "captured")),
            tooltip=[tip(words, "reached", "share"), tip(words, "captured", "share")],
        )
    )
    return finished(_diagonal() + line)


def budgets(findings: Source, words: Words) -> Chart:
    """Return precision and recall by the number of alerts a day."""
    table = findings.table("budgets")
    if not len(table):
        return None
    shown = table.melt(
        id_vars=["alerts_per_day", "alerts"],
        value_vars=["precision", "recall"],
        var_name="metric",
        value_name="value",
    )
    shown["metric"] = shown["metric"].map(words.word)
    line = (
        alt.Chart(shown)
        .mark_line(point=alt.OverlayMarkDef(size=45))
        .encode(
            alt.X(
                "alerts_per_day:Q",
                title=words.word("alerts_per_day"),
                scale=alt.Scale(type="log", nice=False, padding=12),
                axis=alt.Axis(format="~r", values=sorted(set(table["alerts_per_day"]))),
            ),
            alt.Y(**shares(words, "value", "share")),
            _metrics(words, {"precision": BLUE, "recall": ORANGE}),
            tooltip=[
                tip(words, "alerts_per_day"),
                tip(words, "alerts", "count"),
                tip(words, "metric"),
                tip(words, "value", "share"),
            ],
        )
    )
    return finished(line)


def _metrics(words: Words, colours: dict[str, str]) -> alt.Color:
    scale = alt.Scale(domain=[words.word(each) for each in colours], range=list(colours.values()))
    return alt.Color("metric:N", scale=scale, legend=alt.Legend())


def thresholds(findings: Source, words: Words) -> Chart:
    """Return accuracy, precision, recall and F1 by threshold."""
    table = findings.table("thresholds")
    if not len(table):
        return None
    colours = {"accuracy": GREY, "precision": BLUE, "recall": ORANGE, "f1": GREEN}
    shown = table.melt(
        id_vars=["threshold", "alerts"],
        value_vars=list(colours),
        var_name="metric",
        value_name="value",
    )
    shown["metric"] = shown["metric"].map(words.word)
    line = (
        alt.Chart(shown)
        .mark_line()
        .encode(
            alt.X(**shares(words, "threshold", "threshold")),
            alt.Y(**shares(words, "value", "share")),
            _metrics(words, colours),
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
    mark = pd.DataFrame({"threshold": [row["threshold"]], "chosen": [words.word("chosen")]})
    return (
        alt.Chart(mark)
        .mark_rule(color=INK, strokeDash=[4, 3])
        .encode(
            x="threshold:Q", tooltip=[tip(words, "chosen"), tip(words, "threshold", "share")]
        )
    )


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
    below = base.mark_text(fontSize=13, dy=14, color=INK).encode(
        text=alt.Text("share:Q", format=".1%")
    )
    return finished(boxes + counts + below, 240)


def profit(findings: Source, words: Words) -> Chart:
    """Return what each threshold would have earned."""
    table = findings.table("profit")
    if not len(table):
        return None
    colours = {"found": BLUE, "foreseen": ORANGE}
    shown = table.melt(
        id_vars=["threshold", "alerts"],
        value_vars=list(colours),
        var_name="metric",
        value_name="profit",
    )
    shown["metric"] = shown["metric"].map(words.word)
    line = (
        alt.Chart(shown)
        .mark_line()
        .encode(
            alt.X(**shares(words, "threshold", "threshold")),
            alt.Y("profit:Q", title=words.word("profit"), axis=alt.Axis(format="~s")),
            _metrics(words, colours),
            tooltip=[
                tip(words, "threshold", "share"),
                tip(words, "metric"),
                tip(words, "profit", "count"),
                tip(words, "alerts", "count"),
            ],
        )
    )
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=FAINT, strokeWidth=2)
    layers = zero.encode(y="zero:Q") + line + _chosen(findings, words)
    choice = first_row(findings, "choice")
    if choice is not None:
        best = pd.DataFrame(
            {"threshold": [choice["best_threshold"]], "profit": [choice["best_profit"]]}
        )
        layers += (
            alt.Chart(best)
            .mark_point(color=BLUE, size=120, filled=True)
            .encode(
                x="threshold:Q",
                y="profit:Q",
                tooltip=[tip(words, "threshold", "share"), tip(words, "profit", "count")],
            )
        )
    return finished(layers, 280)
