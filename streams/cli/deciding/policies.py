"""How policies that were tried are shown on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import click

from features import to_iso

if TYPE_CHECKING:
    from rich.text import Text

    from models.judging import Interval, PolicyValue
    from streams.trial import Decided, Joined, Tried

#: In a pipe there is no edge to break lines at.
_NO_EDGE: Final = 10_000
_COUNTS: Final = (
    "alerts",
    "a day",
    "95 %",
    "most",
    "customers",
    "precision",
    "recall",
    "lead time",
)
_MONEY: Final = ("cost", "promised", "found")


def show_tried(recorded: Decided, tried: Sequence[Tried]) -> None:
    """Show what the recorded policy and the others come to, a line each.

    Parameters
    ----------
    recorded
        What was decided.
    tried
        The policies, the recorded one first.
    """
    policy, at = recorded.policy, recorded.at
    if len(at):
        click.echo(
            f"{len(at):,} decisions on {len(recorded.names):,} customers, from "
            f"{to_iso(int(at[0]))[:10]} to {to_iso(int(at[-1]))[:10]}"
        )
    asked = recorded.report["configuration"]
    click.echo(
        f"recorded: {recorded.model}, threshold {policy.threshold:g}, hysteresis "
        f"{policy.hysteresis:g}, cooldown {asked['cooldown']}, holdout {policy.holdout:g}"
    )
    click.echo()
    money = tried[0].campaign.cost is not None
    rows = [[*_counts(each), *(_money(each) if money else ())] for each in tried]
    _table(("policy", *_COUNTS, *(_MONEY if money else ())), rows, left=1)


def _counts(each: Tried) -> Iterable[str]:
    found = each.campaign
    yield each.alternative.name
    yield f"{found.alerts:,}"
    yield "-" if math.isnan(found.a_day) else f"{found.a_day:.2f}"
    yield "-" if math.isnan(found.a_day_95) else f"{found.a_day_95:.0f}"
    yield f"{found.most_a_day:,}"
    yield f"{found.customers:,}"
    yield _percent(found.precision)
    yield _percent(found.recall)
    yield "-" if math.isnan(found.lead_days) else f"{found.lead_days:.1f} days"


def _money(each: Tried) -> Iterable[str]:
    found = each.campaign
    for amount in (found.cost, found.promised, found.found):
        yield "-" if amount is None else f"{amount:,.0f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def show_trials(
    joined: Joined, tried: Sequence[Tried], values: Sequence[PolicyValue | None]
) -> None:
    """Show what each policy would have brought, and where the log says too little to tell.

    Parameters
    ----------
    joined
        What was tried on customers.
    tried
        The policies, the recorded one first.
    values
        What each is worth.
    """
    told = joined.as_dict()
    click.echo()
    click.echo(
        f"logged: {told['used']:,} trials on {told['customers']:,} customers "
        f"({told['treated']:,} treated, {told['held_out']:,} held out)"
        + (f", {told['unknown']:,} whose outcome is not known yet" if told["unknown"] else "")
        + (f", {told['unmatched']:,} at no decision of this backtest" if told["unmatched"] else "")
    )
    click.echo("mean reward a trial (1: came back within the horizon, if the log has no reward)")
    click.echo()
    rows = [
        [
            each.alternative.name,
            _interval(value.inverse_propensity),
            _interval(value.doubly_robust),
            _interval(value.gain, sign="+"),
            f"{value.effective_customers:,.0f}",
            f"{value.elsewhere:.0%}",
            "; ".join(value.warnings) or "-",
        ]
        for each, value in zip(tried, values, strict=True)
        if value is not None
    ]
    heads = ("policy", "inverse propensity", "doubly robust", "gain", "counting", "untried")
    _table((*heads, "careful"), rows, left=4, last=True)


def _interval(found: Interval, sign: str = "") -> str:
    if math.isnan(found.estimate):
        return "-"
    form = f"{sign}z.3f"
    ends = "" if math.isnan(found.low) else f" ({found.low:{form}} to {found.high:{form}})"
    return f"{found.estimate:{form}}{ends}"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], left: int, *, last: bool = False
) -> None:
    """Write a table: so many columns on the left are texts, the last one too if it is said."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_NO_EDGE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(heads):
        text = place < left or (last and place == len(heads) - 1)
        table.add_column(head, justify="left" if text else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(_plain, row))
    console.print(table)


def _plain(cell: str) -> Text:
    from rich.text import Text

    return Text(cell)
