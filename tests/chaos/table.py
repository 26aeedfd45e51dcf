"""The table: what was broken how often, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from tests.chaos.running import Result

_COLUMNS = (
    "fault",
    "rounds",
    "events",
    "lost",
    "doubled",
    "states wrong",
    "timers wrong",
    "labels wrong",
    "alerts lost",
    "alerts wrong",
    "alerts with two ids",
    "dead letters wrong",
    "model wrong",
    "webhooks lost",
    "webhooks wrong",
    "other",
    "sent again",
    "longest stall",
    "time to recover",
)


def _cells(result: Result) -> list[str]:
    found = result.differences
    return [
        result.meaning,
        f"{result.rounds}",
        f"{result.events:,}",
        *(
            f"{count:,}"
            for count in (
                found.lost,
                found.doubled,
                found.states_wrong,
                found.timers_wrong,
                found.labels_wrong,
                found.alerts_lost,
                found.alerts_wrong,
                found.two_ids,
                found.letters_wrong,
                found.model_wrong,
                found.webhooks_lost,
                found.webhooks_wrong,
                found.counts_wrong + len(result.incidents),
                found.sent_again,
            )
        ),
        f"{result.stall:.1f} s",
        f"{result.recovery:.1f} s",
    ]


def as_table(results: Sequence[Result]) -> Table:
    """Return the table for people."""
    table = Table()
    for number, name in enumerate(_COLUMNS):
        table.add_column(name, justify="right" if number else "left")
    for result in results:
        style = None if result.right else "red"
        table.add_row(*_cells(result), style=style)
    return table


def as_markdown(results: Sequence[Result]) -> str:
    """Return the table for a document."""
    rows = [list(_COLUMNS), ["---", *["---:"] * (len(_COLUMNS) - 1)], *map(_cells, results)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def as_json(results: Sequence[Result]) -> str:
    """Return everything for programs."""
    return json.dumps([asdict(each) | {"right": each.right} for each in results], indent=2) + "\n"
