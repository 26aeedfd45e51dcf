"""Whether customers were split as they were meant to be: else no difference means anything."""

from __future__ import annotations

import math
from typing import Any

from models.effect import ALARM, Line
from streams.effect import Joined
from streams.report.page.effect.telling import Telling, whole
from streams.report.page.writing import Grid, Shown


def split(joined: Joined, telling: Telling) -> Shown:
    """Return how many were held out, beside how many were meant to be."""
    lines, met = joined.measured.lines, joined.met
    overall = lines[0]
    found = overall.split
    told: dict[str, Any] = {
        "chance": found.chance,
        "drawn": found.drawn,
        "count": found.customers,
    }
    told |= {"found": found.found, "playbook": found.playbook, "variant": found.variant}
    if found.chance < ALARM:
        where = "variant" if found.variant else "playbook" if found.playbook else "all"
        lead = telling.say(f"split.{where}", **told)
    else:
        count = overall.treated + overall.held_out
        share = overall.held_out / count if count else math.nan
        more = {"found": share, "drawn": found.share, "alarm": ALARM}
        lead = telling.say("split.well", **(told | more))
    keys = ("group", "customers", "held", "is", "drawn", "chance")
    heads = [telling.words.word(each) for each in keys]
    rows = [_row(line, telling) for line in lines]
    grid = Grid(telling.plain("split.table"), heads, rows)
    notes = [
        telling.plain(name, count=met[key])
        for name, key in (("contacted", "held_out_contacted"), ("changed", "changed_arm"))
        if met[key]
    ]
    return Shown("split", telling.plain("section.split"), (), (grid,), (), lead, tuple(notes))


def _row(line: Line, telling: Telling) -> list[Any]:
    count = line.treated + line.held_out
    return [
        telling.group(line),
        f"{count:,}",
        f"{line.held_out:,}",
        whole(telling.words.number("share", line.held_out / count if count else math.nan)),
        whole(telling.words.number("share", line.split.share)),
        whole(telling.words.number("chance", line.split.chance)),
    ]


__all__ = ["split"]
