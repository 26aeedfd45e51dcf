"""How what treating has done is shown on a terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from features import DAY, to_iso

if TYPE_CHECKING:
    from models.effect import Effect, Line, Measured, Rules
    from models.judging import Interval
    from streams.effect import Joined

#: In a pipe there is no edge to break lines at.
_NO_EDGE: Final = 10_000
_COLOURS: Final = {"keep": "green", "stop": "red", "not yet": "yellow"}
_HEADS: Final = (
    *("", "treated", "held out", "treated", "held out"),
    *("difference, points", "margin a customer", "verdict"),
)
#: In the order in which they mostly come.
_TYPES: Final = (
    *("sent", "delivered", "opened", "clicked", "redeemed", "converted"),
    *("complained", "declined", "unsubscribed", "failed"),
)


def show_effect(joined: Joined, rules: Rules) -> None:
    """Show what treating has done: who counts, a line a group, and each verdict with its reason.

    Parameters
    ----------
    joined
        What came of it.
    rules
        How it was measured.
    """
    measured = joined.measured
    for line in _who(measured, rules):
        click.echo(line)
    click.echo()
    _table(measured)
    click.echo()
    for each in measured.lines:
        word = click.style(each.advice.word, fg=_COLOURS[each.advice.word], bold=True)
        click.echo(f"{_name(each)}: {word}: {each.advice.because}")
    click.echo()
    for line in (*_beside(measured.lines[0], rules), *_met(joined.met, measured, rules)):
        click.echo(line)


def _who(measured: Measured, rules: Rules) -> Iterator[str]:
    overall = measured.lines[0]
    count = overall.treated + overall.held_out
    span = ""
    if measured.first is not None and measured.last is not None:
        span = f", from {to_iso(measured.first)[:10]} to {to_iso(measured.last)[:10]}"
    yield (
        f"{count:,} customers were alerted{span}; {overall.held_out:,} of them were held out "
        f"({_share(overall.held_out / count if count else math.nan)}, drawn were "
        f"{_share(overall.split.share if count else rules.holdout)})"
    )
    known = overall.figures["returned"].count
    yield (
        f"what became of them within {rules.horizon / DAY:g} days is known of {known:,}; margin: "
        f"{_share(rules.margin)} of what they bought, less the cost of alerts"
    )


def _table(measured: Measured) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_NO_EDGE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for head in _HEADS[1:-1]:
        table.add_column(head, justify="right", overflow="fold")
    table.add_column(_HEADS[-1])
    table.add_row("", "customers", "customers", "came back", "came back", "", "", "")
    for line in measured.lines:
        back, margin = line.figures["returned"], line.figures["margin"]
        table.add_row(
            Text(_name(line)),
            f"{line.treated:,}",
            f"{line.held_out:,}",
            _share(back.treated_mean),
            _share(back.held_out_mean),
            _points(back.difference),
            _money(margin.difference),
            Text(line.advice.word, style=_COLOURS[line.advice.word]),
        )
    console.print(table)


def _beside(line: Line, rules: Rules) -> Iterator[str]:
    """Yield what else is known of all customers, if there are bounds for it."""
    bought, gone = line.figures["repurchased"], line.figures["gone"]
    margin = line.figures["margin"]
    if bought.enough:
        yield f"bought within {rules.horizon / DAY:g} days: {_both(bought)}"
    if gone.enough:
        yield f"gone, that is, silent for {rules.gone / DAY:g} days after it: {_both(gone)}"
    if margin.enough:
        estimate, low, high = line.brought
        yield (
            f"brought by treating {margin.treated:,} customers, after cost: {estimate:,.0f} "
            f"({low:,.0f} to {high:,.0f})"
        )
        yield (
            "what was known of customers before they were alerted explains "
            f"{line.figures['returned'].reduction:.0%} of the noise, and is taken out"
        )
    yield (
        f"chance that anything here is ever wrong, however often you look: {rules.alpha:g} for "
        "all, and as much for the groups together"
    )


def _met(met: Counter[str], measured: Measured, rules: Rules) -> Iterator[str]:
    told = [f"{met[f'treated_{kind}']:,} {kind}" for kind in _TYPES if met[f"treated_{kind}"]]
    yield f"the CRM reports of alerts to the treated: {', '.join(told) or 'nothing'}"
    if measured.before:
        yield (
            f"{measured.before:,} customers were first alerted before {to_iso(rules.since)}, and "
            "are left out"
        )
    if met["held_out_contacted"]:
        yield (
            f"Careful: {met['held_out_contacted']:,} alerts of held-out customers were acted upon; "
            "the two groups are more alike than they should be."
        )
    if met["changed_arm"]:
        yield (
            f"Careful: {met['changed_arm']:,} alerts have another arm than the customer's first "
            "one: policy.salt or policy.holdout was changed meanwhile. The first one counts."
        )
    if met["strange_outcomes"]:
        yield f"{met['strange_outcomes']:,} outcomes are of alerts that are not there, or of others"
    if met["payments_not_counted"]:
        yield f"{met['payments_not_counted']:,} payments of customers with too many are not counted"


def _name(line: Line) -> str:
    return ", ".join(line.group).replace("_", " ") or "all"


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def _points(found: Interval) -> str:
    if math.isnan(found.estimate):
        return "-"
    estimate = f"{100 * found.estimate:+z.1f}"
    if math.isinf(found.low):
        return estimate
    return f"{estimate} ({100 * found.low:z.1f} to {100 * found.high:z.1f})"


def _money(found: Interval) -> str:
    if math.isnan(found.estimate):
        return "-"
    if math.isinf(found.low):
        return f"{found.estimate:+,.2f}"
    return f"{found.estimate:+,.2f} ({found.low:,.2f} to {found.high:,.2f})"


def _both(effect: Effect) -> str:
    return (
        f"treated {_share(effect.treated_mean)}, held out {_share(effect.held_out_mean)}, "
        f"difference {_points(effect.difference)} points"
    )
