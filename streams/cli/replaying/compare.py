"""``ebb compare``: which of several backtests judged better, and whether that is chance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from rich.table import Table

    from streams.report import Comparison

EPILOG = """\b
Examples:
  ebb backtest orders.csv -m orders.toml -o race --model bayes,recency
  ebb compare race
  ebb compare race:bayes other:logistic --json
  ebb compare race:bayes@0.5 race:bayes@0.7
  ebb compare grid --html horizons.html"""

_HEADS: Final = ("metric", "run", "value", "difference", "95 % interval", "verdict")
_COLOURS: Final = {True: "green", False: "red", None: ""}
#: In a pipe there is no edge to break lines at.
_NO_EDGE: Final = 10_000


@click.command(epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, metavar="FOLDER[:MODEL][@RISK]...")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a page that opens without a network.",
)
@click.pass_obj
def compare(context: Context, /, runs: tuple[str, ...], as_json: bool, page: Path | None) -> None:
    """Compare finished backtests of the same events, each with the first one named.

    A folder stands for all its models; one with several is compared within itself. With @RISK, a
    run is taken as alerting from that risk on; with @policy, as it decided. The folder of a grid
    stands for all its horizons.

    Compared are the predictions that all have in common, or, where horizons differ, the customers,
    by what can be compared then. A difference is real if it is more than chance, which is judged
    by drawing customers again, and more than .001, below which no shop would notice.
    """
    from streams.report import NotComparable, OutputRefused, caveats, read_runs
    from streams.report import compare as compare_runs

    try:
        found = compare_runs(read_runs(runs))
    except NotComparable as error:
        raise Usage(str(error)) from None
    except OutputRefused as error:
        raise Problem(str(error)) from None
    if page is not None:
        _write(context, found, page)
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        _show(found)
    for note in caveats(found):
        context.console.print(note, markup=False, soft_wrap=True)


def _write(context: Context, found: Comparison, page: Path) -> None:
    from streams.report import PageRefused, write_comparison

    try:
        write_comparison(found, page, context.settings.alerts.language)
    except PageRefused as error:
        raise Problem(str(error)) from None


def _show(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from streams.report import conclusion, number, verdict_of, words

    first, called = found.runs[0].name, words("en")["called"]
    if found.by == "prediction":
        click.echo(
            f"{found.joined:,} predictions of {found.customers:,} customers in common, "
            f"{found.churned:.1%} churned; each run is held to {first}"
        )
    else:
        click.echo(f"{found.customers:,} customers in common; each run is held to {first}")
    click.echo()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_NO_EDGE)
    if found.by == "customer":
        console.print(_questions(found))
        click.echo()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in _HEADS:
        right = head in ("value", "difference")
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for metric, standings in found.standings.items():
        for place, each in enumerate(standings):
            interval = ""
            if each.low is not None:
                low, high = (number(metric, bound, signed=True) for bound in (each.low, each.high))
                interval = f"{low} to {high}"
            difference = "" if each.difference is None else number(metric, each.difference, True)
            cells = (
                *(called[metric] if place == 0 else "", each.run),
                *(number(metric, each.value), difference, interval),
            )
            verdict = verdict_of(each.verdict, each.better)
            table.add_row(*map(Text, cells), Text(verdict, style=_COLOURS[each.better]))
    console.print(table)
    click.echo()
    for sentence in conclusion(found):
        console.print(sentence, markup=False)


def _questions(found: Comparison) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("run", "horizon", "predictions", "churned"):
        table.add_column(head, justify="left" if head == "run" else "right", overflow="fold")
    for run, each in zip(found.runs, found.compared, strict=True):
        cells = (run.name, run.horizon, f"{each.predictions:,}", f"{each.churned:.1%}")
        table.add_row(*map(Text, cells))
    return table
