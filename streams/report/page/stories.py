"""Customers as stories: what they did, the risk through their silence, and what became of them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from streams.report.page.source import Source
from streams.report.page.style import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    Chart,
    dated,
    finished,
    in_utc,
    shares,
    tip,
)
from streams.report.page.verdict import Said
from streams.report.page.words import Words

#: Colours of what happens most; the rest share the last one.
_COLOURS = (GREEN, SKY, PINK, AMBER, GREY)


def story(place: int, findings: Source, words: Words) -> Chart:
    """Return the timeline of one customer.

    Parameters
    ----------
    place
        Which of the table of stories, from 0.
    findings
        A finished backtest.
    words
        In which it is told.
    """
    table = findings.table("stories")
    if place >= len(table):
        return None
    customer = table.iloc[place]["customer"]
    risks = _of(findings, "story_risks", customer)
    events = _of(findings, "story_events", customer)
    if not len(risks) and not len(events):
        return None
    axis = alt.Axis(
        title=None,
        format=words.form("month"),
        labelFlush=True,
        tickCount={"interval": "month", "step": 1},
    )
    x = alt.X("at:T", scale=alt.Scale(type="utc"), axis=axis)
    layers: list[alt.Chart] = []
    if len(risks):
        layers += _risks(risks, x, words)
    if len(events):
        layers.append(_events(events, x, words))
    return finished(alt.layer(*layers), 150)


def _of(findings: Source, name: str, customer: Any) -> pd.DataFrame:
    table = findings.table(name)
    return in_utc(table[table["customer"] == customer], "at").sort_values("at")


def _risks(risks: pd.DataFrame, x: alt.X, words: Words) -> list[alt.Chart]:
    risks = risks.assign(why=risks["cause"].map(words.word))
    y = alt.Y(**shares(words, "risk", "risk", values=[0, 0.5, 1]))
    tips = [
        tip(words, "when", title="at"),
        tip(words, "risk", "share"),
        tip(words, "why", title="cause"),
    ]
    base = dated(risks, words, "at", "date")
    line = base.mark_line(color=BLUE, strokeWidth=1.6, interpolate="step-after").encode(x, y)
    dots = base.mark_point(color=BLUE, size=28, filled=True, opacity=1).encode(x, y, tooltip=tips)
    layers = [line, dots]
    alerts = risks[risks["alert"].fillna(False).astype(bool)]
    if len(alerts):
        # Of the same table, so that it is kept once.
        mark = base.transform_filter(alt.datum.alert)
        layers += [
            mark.mark_rule(color=ORANGE, strokeWidth=1.5, strokeDash=[4, 3]).encode(x),
            mark.mark_point(
                color=ORANGE, size=130, shape="triangle-down", filled=True, opacity=1
            ).encode(x, y, tooltip=tips),
        ]
    return layers


def _events(events: pd.DataFrame, x: alt.X, words: Words) -> alt.Chart:
    types = list(events["type"].value_counts().index)
    colours = [_COLOURS[min(place, len(_COLOURS) - 1)] for place in range(len(types))]
    events = events.assign(what=[words.word(str(each)) for each in events["type"]])
    called = [words.word(str(each)) for each in types]
    drawn: alt.Chart = (
        dated(events, words, "at", "date")
        .mark_tick(thickness=2, size=16, opacity=0.8)
        .encode(
            x,
            y=alt.value(142),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=called, range=colours),
                legend=alt.Legend(symbolType="square", symbolStrokeWidth=0),
            ),
            tooltip=[
                tip(words, "when", title="at"),
                tip(words, "what", title="event"),
                tip(words, "amount", "figure"),
            ],
        )
    )
    return drawn


def told(place: int, findings: Source) -> tuple[Said, Said]:
    """Return two sentences: who the customer is, and what became of them."""
    row = findings.table("stories").iloc[place]
    customer = row["customer"]
    events = len(_of(findings, "story_events", customer))
    segment = row["segment"]
    values = {"since": row["first_at"], "events": events}
    if isinstance(segment, str) and segment:
        who = Said("story.who", values | {"segment": segment})
    else:
        who = Said("story.who.plain", values)
    return who, _outcome(str(row["kind"]), _of(findings, "story_risks", customer))


def _outcome(kind: str, risks: pd.DataFrame) -> Said:
    if not len(risks):
        return Said("story.silent", {})
    label = risks["label"].astype("Float64")
    alerts = risks[risks["alert"].fillna(False).astype(bool)]
    if len(alerts):
        row = alerts.iloc[-1]
        came = row["label"]
        how = "open" if pd.isna(came) else "left" if came == 1 else "back"
        if kind == "alerted-gone":
            how = "gone"
        return Said(f"story.{how}.alerted", {"alert": row["at"], "risk": row["risk"]})
    highest = {"risk": float(risks["risk"].max())}
    known = label.dropna()
    if kind == "missed" or (kind != "loyal" and len(known) and known.iloc[-1] == 1):
        return Said("story.left.missed", highest)
    if kind == "loyal" or len(known):
        return Said("story.stayed", highest)
    return Said("story.open", {"risk": float(risks.iloc[-1]["risk"])})
