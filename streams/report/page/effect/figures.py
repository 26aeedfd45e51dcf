"""The figures of an effect as tables, for everybody and for each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from features import DAY
from models.effect import FIGURES, Effect, Line, Rules
from streams.report.page.effect.telling import KINDS, Telling, whole
from streams.report.page.writing import Grid, Shown


def figures(lines: Sequence[Line], rules: Rules, telling: Telling) -> Shown:
    """Return every figure of everybody and of each group, and what acting has brought."""
    overall = lines[0]
    spans = {"horizon": rules.horizon / DAY, "gone": rules.gone / DAY}
    grids = []
    for name in FIGURES:
        # What is read first stands first: a phone shows no more without moving.
        keys = ["group", "estimate", "bounds"]
        keys += ["verdict"] if name == "returned" else []
        keys += ["treated", "held", "treated_count", "held_count"]
        heads = [telling.words.word(each) for each in keys]
        rows = [_row(line, line.figures[name], name, telling) for line in lines]
        grids.append(Grid(telling.plain(f"figure.{name}", **spans), heads, rows))
    notes = []
    margin = overall.figures["margin"]
    if margin.enough:
        estimate, low, high = overall.brought
        brought = {"count": margin.treated, "estimate": estimate, "low": low, "high": high}
        notes.append(telling.say("brought", **brought))
        notes.append(telling.say("reduction", share=overall.figures["returned"].reduction))
    title = telling.plain("section.figures")
    return Shown("figures", title, (), tuple(grids), (), None, tuple(notes))


def _row(line: Line, found: Effect, name: str, telling: Telling) -> list[Any]:
    mean, change = KINDS[name]
    return [
        telling.group(line),
        whole(telling.number(change, found.difference.estimate)),
        whole(telling.between(found.difference, change)),
        *([whole(telling.word(line))] if name == "returned" else []),
        whole(telling.number(mean, found.treated_mean)),
        whole(telling.number(mean, found.held_out_mean)),
        f"{found.treated:,}",
        f"{found.held_out:,}",
    ]


__all__ = ["figures"]
