"""The charts of an effect: how its bounds narrowed, and those of several groups side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from models.effect import Look
from streams.report.page.style import (
    BLUE,
    GREY,
    ORANGE,
    Chart,
    dated,
    decoration,
    finished,
    in_utc,
    tip,
)
from streams.report.page.words import Words

#: Colours that print, by the word about a line.
COLOURS: Final = {"keep": BLUE, "stop": ORANGE, "not yet": GREY}
#: Of each figure: by how much it is told, and with how many digits.
SCALES: Final = {"returned": (100.0, "+.1f"), "margin": (1.0, "+,.2f")}
#: Bounds so many times as wide as the last ones would make all later ones look narrow.
_WIDE: Final = 4.0
#: Zero has no sign.
_SIGNED: Final = "datum.value ? format(datum.value, '+~r') : '0'"
_ROW, _AROUND = 34, 44


def narrowing(looks: Sequence[Look], figure: str, words: Words, height: int = 240) -> Chart:
    """Return how the bounds of a figure narrowed; None if there were never any.

    Parameters
    ----------
    looks
        What was known at each moment.
    figure
        ``returned``, in points, or ``margin``, in money.
    words
        In which it is told.
    height
        Of the chart.
    """
    rows = rows_of(looks, figure)
    if not rows:
        return None
    table = in_utc(pd.DataFrame(rows), "at")
    form = SCALES[figure][1]
    width = table["high"] - table["low"]
    shown = table[width <= _WIDE * float(width.iloc[-1])]
    ends = [min(float(shown["low"].min()), 0.0), max(float(shown["high"].max()), 0.0)]
    axis = alt.Axis(title=None, format=words.form("date"), tickCount=4)
    x = alt.X("at:T", scale=alt.Scale(type="utc"), axis=axis)
    scale = alt.Scale(domain=ends, nice=True)
    title = words.word("points" if figure == "returned" else "a_customer")
    y_axis = alt.Axis(tickCount=5, labelExpr=_SIGNED)
    tips = [tip(words, "when", title="when"), *_numbers(words, form)]
    tips += [tip(words, "treated", "count", "treated_count")]
    tips += [tip(words, "held", "count", "held_count")]
    base = dated(table, words, "at", "date")
    around = base.mark_area(opacity=0.2, color=BLUE, clip=True).encode(
        x, alt.Y("low:Q", scale=scale, title=title, axis=y_axis), alt.Y2("high:Q"), tooltip=tips
    )
    line = base.mark_line(color=BLUE, clip=True).encode(
        x, alt.Y("estimate:Q", scale=scale), tooltip=tips
    )
    zero = decoration(zero=[0.0]).mark_rule(color=GREY, strokeDash=[4, 3]).encode(alt.Y("_zero:Q"))
    # One moment alone has no area.
    points = base.mark_point(color=BLUE, size=70 if len(table) == 1 else 14, clip=True).encode(
        x, alt.Y("estimate:Q", scale=scale), tooltip=tips
    )
    bars = base.mark_rule(color=BLUE, strokeWidth=2.4).encode(
        x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q")
    )
    drawn = around + zero + (line if len(table) > 1 else bars) + points
    return finished(drawn, height)


def rows_of(looks: Sequence[Look], figure: str) -> list[dict[str, Any]]:
    """Return what was known at each moment at which there were bounds, as rows."""
    factor, _ = SCALES[figure]
    return [
        {
            "at": pd.Timestamp(look.at, unit="ms"),
            "estimate": factor * found.difference.estimate,
            "low": factor * found.difference.low,
            "high": factor * found.difference.high,
            "treated": found.treated,
            "held": found.held_out,
        }
        for look in looks
        if (found := look.figures[figure]).enough
    ]


def forest(rows: Sequence[dict[str, Any]], figure: str, words: Words) -> Chart:
    """Return the bounds of several groups below each other; None if none has any.

    Parameters
    ----------
    rows
        Of each group: ``group``, ``estimate``, ``low``, ``high`` and ``word``.
    figure
        ``returned``, in points, or ``margin``, in money.
    words
        In which it is told.
    """
    if not rows:
        return None
    table = pd.DataFrame(rows)
    table["verdict"] = [words.tell(f"effect.word.{each}") for each in table["word"]]
    table["colour"] = [COLOURS[each] for each in table.pop("word")]
    form = SCALES[figure][1]
    title = words.word("points" if figure == "returned" else "a_customer")
    axis = alt.Axis(tickCount=4, labelExpr=_SIGNED)
    colour = alt.Color("colour:N", scale=None, legend=None)
    names = alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, domain=False))
    tips = [tip(words, "group"), *_numbers(words, form), tip(words, "verdict")]
    base = alt.Chart(table).encode(y=names, color=colour, tooltip=tips)
    zero = decoration(zero=[0.0]).mark_rule(color=GREY, strokeDash=[4, 3])
    drawn = (
        zero.encode(alt.X("_zero:Q", title=title, axis=axis))
        + base.mark_rule(strokeWidth=2.4).encode(alt.X("low:Q", title=title), alt.X2("high:Q"))
        + base.mark_point(filled=True, size=90, opacity=1).encode(alt.X("estimate:Q"))
    )
    return finished(drawn, _ROW * len(table) + _AROUND)


def _numbers(words: Words, form: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{field}:Q", title=words.word(field), format=form)
        for field in ("estimate", "low", "high")
    ]
