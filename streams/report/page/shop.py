"""The charts of the shop itself: who comes back, and how long customers stay."""

from __future__ import annotations

import altair as alt
import pandas as pd

from streams.report.page.source import Source
from streams.report.page.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    LABEL,
    PAPER,
    RAMP,
    Chart,
    dated,
    finished,
    in_utc,
    shares,
    tip,
)
from streams.report.page.words import Words


def retention(findings: Source, words: Words) -> Chart:
    """Return who came back so many months after joining, as a heat table."""
    table = findings.table("retention")
    if not len(table):
        return None
    table = in_utc(table, "cohort")
    counts = [words.number("count", count) for count in table["customers"]]
    joined = [words.number("month", cohort) for cohort in table["cohort"]]
    table["joined"] = [f"{month} ({count})" for month, count in zip(joined, counts, strict=True)]
    table["over"] = over(findings, table)
    later = table[(table["month"] > 0) & table["over"]]
    most = float(later["share"].max()) if len(later) else 1.0
    base = dated(table, words, "cohort", "month").encode(
        alt.X("month:O", title=words.word("month"), axis=alt.Axis(labelAngle=0)),
        alt.Y("joined:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=LABEL)),
    )
    boxes = base.mark_rect(stroke=PAPER, strokeWidth=1).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(range=list(RAMP), domain=[0, max(most, 0.01)], clamp=True),
            legend=None,
            # The month of joining is full by itself, and one that is not over says little yet.
            condition=[
                {"test": "!datum.over", "value": PAPER},
                {"test": "datum.month == 0", "value": FAINT},
            ],
        ),
        tooltip=[
            tip(words, "when", title="cohort"),
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
        color=alt.Color(
            condition=[
                {"test": "!datum.over", "value": GREY},
                {"test": "datum.month == 0", "value": INK},
                {"test": f"datum.share > {0.6 * most}", "value": "#ffffff"},
            ],
            value="#1b2733",
        ),
    )
    shown = numbers.transform_calculate(percent="format(datum.share * 100, '.0f')")
    return finished(boxes + shown, 26 * table["joined"].nunique() + 40)


def over(findings: Source, table: pd.DataFrame) -> pd.Series:
    """Tell of each month of the retention whether it was over when the data ended.

    Parameters
    ----------
    findings
        A finished backtest.
    table
        Its retention.
    """
    joined = pd.to_datetime(table["cohort"], utc=True)
    month = joined.dt.year * 12 + joined.dt.month - 1 + table["month"].astype("int64")
    # What came on the last day of a month is taken for all of it.
    end = pd.Timestamp(findings.report["data"]["last"]) + pd.Timedelta(days=1)
    return month < end.year * 12 + end.month - 1


def survival(findings: Source, words: Words) -> Chart:
    """Return the share of customers still there by days since they came."""
    table = findings.table("survival")
    if not len(table):
        return None
    x = alt.X(
        "days:Q",
        title=words.word("days"),
        scale=alt.Scale(nice=False),
        axis=alt.Axis(tickCount=8),
    )
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
