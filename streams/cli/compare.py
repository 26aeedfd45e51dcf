"""``ebb compare``: which of several backtests judged better, and whether that is chance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from streams.report import Comparison, Standing

EPILOG = """\b
Examples:
  ebb backtest orders.csv -m orders.toml -o race --model bayes,recency
  ebb compare race
  ebb compare race:bayes other:logistic --json"""

_CALLED: Final = {
    "auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "precision_top_tenth": "precision in the top 10 %",
}
_HEADS: Final = ("metric", "run", "value", "difference", "95 % interval", "verdict")
_COLOURS: Final = {True: "green", False: "red", None: ""}
#: Who has fewer of its predictions in the comparison should be told.
_MOST: Final = 0.9
#: In a pipe there is no edge to break lines at.
_NO_EDGE: Final = 10_000


@click.command(epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, metavar="FOLDER[:MODEL]...")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def compare(context: Context, /, runs: tuple[str, ...], as_json: bool) -> None:
    """Compare finished backtests of the same events, each with the first one named.

    A folder stands for all its models; one with several is compared within itself. Compared are
    the predictions that all have in common. A difference is real if it is more than chance, which
    is judged by drawing customers again, and more than .001, below which no shop would notice.
    """
    from streams.report import NotComparable, OutputRefused, read_runs
    from streams.report import compare as compare_runs

    try:
        found = compare_runs(read_runs(runs))
    except NotComparable as error:
        raise Usage(str(error)) from None
    except OutputRefused as error:
        raise Problem(str(error)) from None
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        _show(found)
    for note in _caveats(found):
        context.console.print(note, markup=False, soft_wrap=True)


def _show(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    click.echo(
        f"{found.joined:,} predictions of {found.customers:,} customers in common, "
        f"{found.churned:.1%} churned; each run is held to {found.runs[0].name}"
    )
    click.echo()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_NO_EDGE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in _HEADS:
        right = head in ("value", "difference")
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for metric, standings in found.standings.items():
        for place, each in enumerate(standings):
            cells = (_CALLED[metric] if place == 0 else "", each.run, *_cells(each))
            table.add_row(*map(Text, cells), Text(_verdict(each), style=_COLOURS[each.better]))
    console.print(table)


def _cells(each: Standing) -> tuple[str, str, str]:
    interval = ""
    if each.low is not None and each.high is not None:
        interval = f"{each.low:+z.4f} to {each.high:+z.4f}"
    value = "-" if each.value is None else f"{each.value:.4f}"
    return value, "" if each.difference is None else f"{each.difference:+z.4f}", interval


def _verdict(each: Standing) -> str:
    if each.better is None:
        return each.verdict or ""
    return f"{each.verdict}, {'better' if each.better else 'worse'}"


def _caveats(found: Comparison) -> Iterator[str]:
    for run in found.runs:
        share = found.joined / len(run.labels)
        if share < _MOST:
            yield (
                f"Only {found.joined:,} of the {len(run.labels):,} predictions of {run.name} whose "
                f"label is known are in the comparison ({share:.0%}); the others said nothing of "
                "those customers at those times."
            )
    if found.other_cause:
        yield f"{found.other_cause:,} of the common predictions were not made for the same cause."
    if any(each.verdict == "cannot be told" for each in found.standings["log_loss"]):
        yield f"{found.customers:,} customers are too few to tell a difference from chance."
