"""How an effect became known: what was between which bounds, look by look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from features import to_iso
from models.effect import LEAST, Look
from streams.report.page.bounds import SCALES, narrowing, rows_of
from streams.report.page.effect.telling import KINDS, Telling
from streams.report.page.writing import Grid, Shown

#: Rows of the table behind a chart.
_ROWS: Final = 12


def over_time(looks: Sequence[Look], alpha: float, telling: Telling) -> Shown:
    """Return what was known of everybody at each look."""
    figures, grids = [], []
    for name in SCALES:
        chart = narrowing(looks, name, telling.words)
        if chart is not None:
            title = telling.plain(f"chart.{name}")
            figures.append(telling.figure(name, title, known(looks, name, telling), chart, True))
            grids.append(_behind(looks, name, telling))
    title = telling.plain("section.time")
    if not figures:
        missing = telling.plain("missing.time", least=LEAST)
        return Shown("time", title, (), (), (), None, (missing,))
    lead = telling.say("time.lead", alpha=alpha)
    return Shown("time", title, tuple(figures), tuple(grids), (), lead, ())


def known(looks: Sequence[Look], name: str, telling: Telling) -> Markup:
    """Return what the bounds have come to, and since when they leave out zero."""
    found = [look for look in looks if look.figures[name].enough]
    last = found[-1].figures[name].difference
    told = {"estimate": last.estimate, "low": last.low, "high": last.high}
    if not last.leaves_out(0.0):
        return telling.say(f"open.{name}", **told)
    since = found[-1].at
    for look in reversed(found):
        if not look.figures[name].difference.leaves_out(0.0):
            break
        since = look.at
    return telling.say(f"clear.{name}", since=to_iso(since), **told)


def _behind(looks: Sequence[Look], name: str, telling: Telling) -> Grid:
    """Return what a chart shows as a table: some of its moments, the last one among them."""
    rows = rows_of(looks, name)
    step = max(math.ceil(len(rows) / _ROWS), 1)
    factor = SCALES[name][0]
    kind = KINDS[name][1]
    cells = [
        (
            telling.words.number("date", row["at"]),
            telling.number(kind, row["estimate"] / factor),
            telling.number(kind, row["low"] / factor),
            telling.number(kind, row["high"] / factor),
            f"{row['treated']:,}",
            f"{row['held']:,}",
        )
        for row in rows[::-1][::step][::-1]
    ]
    keys = ("when", "estimate", "low", "high", "treated_count", "held_count")
    heads = [telling.words.word(each) for each in keys]
    return Grid(telling.plain(f"table.{name}"), heads, cells, folded=True)


__all__ = ["known", "over_time"]
