"""The charts of what risks are made of: causes, inputs, and the reasons that alerts name."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from features import Definition, build_catalogue
from streams.report.page.source import Source
from streams.report.page.style import (
    BLUE,
    INK,
    LABEL,
    Chart,
    finished,
    percent_axis,
    tip,
)
from streams.report.page.words import Words

#: More inputs than these no one reads.
_INPUTS: Final = 15
#: How much room their names have, on a phone and elsewhere.
_ROOM: Final = alt.ExprRef(f"windowSize()[0] < 700 ? {LABEL} : 330")


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
                axis=alt.Axis(labelLimit=_ROOM, labelColor=INK, grid=False),
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
