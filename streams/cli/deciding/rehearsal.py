"""``ebb policy rehearse``: what a policy file would have done in a finished backtest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from features import DAY, to_iso
from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.cli.policyfile import plan_of

if TYPE_CHECKING:
    from models.playbooks import Plan, Rehearsed, Situation


@click.command(
    "rehearse",
    short_help="Say what a policy file would have done in a backtest.",
    epilog="Example: ebb policy rehearse policy.toml out",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def rehearse(context: Context, file: Path, folder: Path, as_json: bool) -> None:
    """Say what a policy file would have done at the decision points of a finished backtest.

    FOLDER is of a backtest with --vectors. Each playbook has a line: how often it fitted, how
    often it would have been done or held out, for how many customers, what it would have cost,
    and what stood in its way how often. Budgets, caps, cooldowns and the shop's rate are kept.

    Customers do what they did, whatever is done. What the shop says of customers is not in a
    backtest: everybody counts as having consented, lives in the shop's time zone, and no condition
    on a trait holds.
    """
    from models.playbooks import rehearse as take
    from streams.composition import shop_of
    from streams.report import NotComparable, OutputRefused
    from streams.trial import as_if_consented, read_scenes

    plan = as_if_consented(plan_of(context, file))
    try:
        scenes = read_scenes(folder, plan, shop_of(context.settings).catalogue)
    except NotComparable as error:
        raise Usage(str(error)) from None
    except OutputRefused as error:
        raise Problem(str(error)) from None
    found = take(plan, scenes)
    days = (scenes[-1].at - scenes[0].at) // DAY + 1 if scenes else 0
    if as_json:
        told = {"policy": plan.fingerprint, "decisions": len(scenes), "days": days}
        steers = plan.steering is not None
        told |= {"currency": plan.currency, "playbooks": [_as_dict(each, steers) for each in found]}
        click.echo(json.dumps(told))
    else:
        _show(plan, scenes, found, days)
    for note in _notes(plan):
        context.console.print(note, markup=False, soft_wrap=True)


def _as_dict(each: Rehearsed, steers: bool) -> dict[str, Any]:
    steered = {"explored": each.explored, "steered": each.steered} if steers else {}
    return {
        "playbook": each.playbook,
        "fitted": each.fitted,
        "done": each.done,
        "held_out": each.held,
        "left_in_peace": each.left,
        "customers": len(each.customers),
        "cost": each.cents / 100,
        "most_a_day": max(each.days.values(), default=0),
        "blocked": dict(each.blocked),
        **steered,
    }


_HEADS = ("playbook", "fits", "done", "held", "customers", "a day", "most", "cost", "in the way")


def _show(plan: Plan, scenes: Sequence[Situation], found: Sequence[Rehearsed], days: int) -> None:
    from models.playbooks import money

    customers = len({each.customer for each in scenes})
    span = f", from {to_iso(scenes[0].at)[:10]} to {to_iso(scenes[-1].at)[:10]}" if scenes else ""
    click.echo(f"{len(scenes):,} decision points of {customers:,} customers{span}")
    click.echo()
    rows = [_HEADS]
    for each in found:
        rows.append(
            (
                each.playbook,
                f"{each.fitted:,}",
                f"{each.left:,} in peace" if each.left else f"{each.done:,}",
                f"{each.held:,}",
                f"{len(each.customers):,}",
                f"{each.done / days:.1f}" if days else "-",
                f"{max(each.days.values(), default=0):,}",
                money(each.cents, plan.currency),
                _in_the_way(each.blocked),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *numbers, last = row
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
        click.echo("  ".join([first.ljust(widths[0]), *cells, last]).rstrip())
    total = sum(each.cents for each in found)
    click.echo()
    click.echo(f"in all: {sum(each.done for each in found):,} for {money(total, plan.currency)}")
    if plan.steering is not None:
        told = "; ".join(
            f"{each.playbook} {each.steered:,} times by what was learnt, {each.explored:,} explored"
            for each in found
            if each.steered or each.explored
        )
        click.echo(f"steered: {told or 'nobody'}")


def _in_the_way(blocked: Counter[str]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in blocked.most_common()) or "-"


def _notes(plan: Plan) -> list[str]:
    notes = ["Customers did what they did: what an action changes cannot be seen here."]
    if plan.consents:
        notes.append("Consents are not in a backtest: everybody counts as having consented.")
    named = {
        condition.key
        for playbook in plan.playbooks
        for condition in (*playbook.when, *playbook.unless)
        if condition.about == "traits"
    }
    if named:
        notes.append(
            f"Traits are not in a backtest: no condition on {', '.join(sorted(named))} holds."
        )
    return notes
