"""How the charts look: a palette for every eye, quiet axes, and the page's colours by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import altair as alt
import pandas as pd

from streams.report.page.words import Words

# After Okabe and Ito: told apart by every eye, on white, on black and in grey print.
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
AMBER: Final = "#e69f00"
PINK: Final = "#cc79a7"
SKY: Final = "#56b4e9"
GREY: Final = "#8a929b"
INK: Final = "#24292f"
FAINT: Final = "#e3e6ea"
PAPER: Final = "#ffffff"
SERIES: Final = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY)
#: From few to many, and legible below black and white words alike.
RAMP: Final = ("#eef5fb", "#b7d7ee", "#6fb0dc", "#2f86c1", "#0b5a92")
#: On the page the colours follow the reader's choice of light and dark.
ON_THE_PAGE: Final = {
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
    AMBER: "var(--amber)",
    PINK: "var(--pink)",
    SKY: "var(--sky)",
    GREY: "var(--grey)",
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    PAPER: "var(--paper)",
}
FONT: Final = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", '
    '"Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif'
)
HEIGHT: Final = 260
#: Wide enough for the names of groups, on a phone too.
LABEL: Final = 176

#: What a chart is before it is put somewhere; None where there is nothing to draw.
Chart: TypeAlias = alt.LayerChart | None


def config() -> dict[str, Any]:
    """Return the configuration of every chart."""
    return {
        "font": FONT,
        "background": "transparent",
        "padding": {"left": 2, "top": 6, "right": 10, "bottom": 2},
        "view": {"stroke": None},
        "axis": {
            "labelColor": GREY,
            "titleColor": GREY,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": FAINT,
            "domain": False,
            "tickColor": FAINT,
            "labelOverlap": True,
            "labelSeparation": 8,
            "labelFlush": False,
            "labelPadding": 5,
        },
        "axisX": {"grid": False, "domain": True, "domainColor": FAINT, "titlePadding": 8},
        # Above the axis, where it is read without turning the head.
        "axisY": {
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "end",
            "titleBaseline": "bottom",
            "titleX": 0,
            "titleY": -8,
            "ticks": False,
        },
        "legend": {
            "labelColor": INK,
            "labelFontSize": 12,
            "title": None,
            "orient": "bottom",
            "direction": "horizontal",
            "columns": 4,
            "labelLimit": 220,
            "symbolStrokeWidth": 3,
        },
        "text": {"color": INK, "fontSize": 12},
        "line": {"strokeWidth": 2.2, "color": BLUE},
        "area": {"color": BLUE},
        "bar": {"color": BLUE, "cornerRadiusEnd": 2},
        "point": {"color": BLUE, "filled": True, "size": 60, "opacity": 1},
        "rule": {"color": GREY},
    }


def finished(chart: alt.LayerChart | alt.Chart, height: int = HEIGHT) -> alt.LayerChart:
    """Return a chart as wide as its room, with our look."""
    layered = chart if isinstance(chart, alt.LayerChart) else alt.layer(chart)
    if height is not None:
        layered = layered.properties(height=height)
    whole: alt.LayerChart = layered.properties(width="container").configure(**config())
    return whole


def percent_axis(words: Words, **more: Any) -> alt.Axis:
    """Return an axis of shares."""
    # Of 0.3 * 100 no one wants to read the fifteenth digit.
    unit = words.form("percent").format(n="")
    more.setdefault("tickCount", 5)
    return alt.Axis(labelExpr=f"format(datum.value * 100, '~r') + '{unit}'", **more)


def shares(words: Words, field: str, title: str, **more: Any) -> dict[str, Any]:
    """Return what an encoding of a share by 0 to 1 is made of."""
    scale = more.pop("scale", alt.Scale(domain=[0, 1]))
    return {
        "shorthand": f"{field}:Q",
        "title": words.word(title),
        "scale": scale,
        "axis": percent_axis(words, **more),
    }


def tip(words: Words, field: str, kind: str = "", title: str | None = None) -> alt.Tooltip:
    """Return a line of a tooltip.

    Parameters
    ----------
    words
        In which it is told.
    field
        The column.
    kind
        ``share``, ``count``, ``figure``, or empty for words.
    title
        Another name than the column's.
    """
    called = words.word(title or field)
    if kind == "share":
        return alt.Tooltip(f"{field}:Q", title=called, format=".1%")
    if kind == "count":
        return alt.Tooltip(f"{field}:Q", title=called, format=",.0f")
    if kind == "figure":
        return alt.Tooltip(f"{field}:Q", title=called, format=",.3f")
    return alt.Tooltip(f"{field}:N", title=called)


def dated(table: pd.DataFrame, words: Words, field: str, form: str) -> alt.Chart:
    """Return a chart whose ``when`` tells a time in words, whatever the reader's clock says.

    Parameters
    ----------
    table
        With the time.
    words
        In which it is told.
    field
        The column.
    form
        ``date`` or ``month``.
    """
    pattern = words.form(form)
    return alt.Chart(table).transform_calculate(
        when=f"utcFormat(toDate(datum.{field}), '{pattern}')"
    )


def months(words: Words, field: str, **more: Any) -> alt.X:
    """Return an axis of time in months."""
    axis = alt.Axis(
        title=None,
        format=words.form("month"),
        tickCount={"interval": "month", "step": 1},
        **more,
    )
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc"), axis=axis)


def in_utc(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a copy in which times say that they are of UTC, whatever the reader's clock says."""
    frame = frame.copy()
    for column in columns:
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def folded(table: pd.DataFrame, words: Words, names: Mapping[str, str], value: str) -> alt.Chart:
    """Return a chart of several columns as one, told apart by ``metric``.

    Folded by the chart and not before it, so that what is kept, and downloaded, is the table.

    Parameters
    ----------
    table
        With the columns.
    words
        In which they are told.
    names
        From column to the code of its name.
    value
        How the one column is called.
    """
    called = {column: words.word(code) for column, code in names.items()}
    return (
        alt.Chart(table)
        .transform_fold(list(names), as_=["_column", value])
        .transform_calculate(metric=f"{json.dumps(called, ensure_ascii=False)}[datum._column]")
    )


def apart(words: Words, names: Mapping[str, str], colours: Sequence[str]) -> alt.Color:
    """Return the colours of the columns of `folded`."""
    domain = [words.word(code) for code in names.values()]
    scale = alt.Scale(domain=domain, range=list(colours))
    return alt.Color("metric:N", scale=scale, legend=alt.Legend())


def decoration(**columns: Any) -> alt.Chart:
    """Return a chart of something that helps to read, and is no data of the report."""
    return alt.Chart(pd.DataFrame({f"_{name}": values for name, values in columns.items()}))
