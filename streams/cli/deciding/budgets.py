"""``ebb policy budgets``: what is spent, and what is left."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from features import Millis, format_duration, to_iso
from streams.cli.context import Context
from streams.cli.errors import Usage
from streams.cli.policyfile import plan_of
from streams.cli.typed import moment_of

if TYPE_CHECKING:
    from models.limits import Filling
    from models.playbooks import Limited, Plan


@click.command(
    "budgets",
    short_help="Say what is spent of each budget, and what is left.",
    epilog="Example: ebb policy budgets policy.toml --at 2026-11-27",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--at", metavar="TIME", help="Of the day and the month of that time.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def budgets(context: Context, file: Path | None, at: str | None, as_json: bool) -> None:
    """Say what is spent of each budget, what is set aside, and what is left; and of the rate.

    The file is that of the settings (policy.file), unless another one is named. The day and the
    month are those that the workers have come to, on the shop's calendar. Nothing is changed.
    """
    file = file or context.settings.policy.file
    if file is None:
        raise Usage("there is no policy file: name one, or set policy.file (EBB_POLICY)")
    plan = plan_of(context, file)
    when, found = asyncio.run(_look(context, plan, None if at is None else moment_of(at)))
    rows = [_row(plan, limit, filling) for limit, filling in found]
    if as_json:
        told = {"file": str(file), "at": to_iso(when), "currency": plan.currency}
        click.echo(json.dumps({**told, "policy": plan.fingerprint, "limits": rows}))
        return
    _show(plan, when, rows)


async def _look(
    context: Context, plan: Plan, at: Millis | None
) -> tuple[Millis, list[tuple[Limited, Filling]]]:
    from models.playbooks import limits_of
    from streams.live import looking

    async with looking(context.settings, deciding=False) as view:
        if at is None:
            at = await view.reached()
        when = time.time_ns() // 1_000_000 if at is None else at
        limits = limits_of(plan, when)
        fillings = await view.limits.look([each.pot.name for each in limits])
    return when, list(zip(limits, fillings, strict=True))


def _row(plan: Plan, limited: Limited, filling: Filling) -> dict[str, Any]:
    """Return a limit as plain data: money in the currency, the rate in actions."""
    unit = 100 if limited.pot.money else 1
    limit, taken, spent = (each / unit for each in (limited.pot.limit, *filling))
    rate = plan.rate
    return {
        "playbook": limited.playbook or None,
        "of": format_duration(rate.per) if limited.about == "rate" and rate else limited.about,
        "span": limited.pot.name.rpartition("/")[2] if limited.pot.money else None,
        "limit": limit,
        "spent": spent if limited.pot.money else taken,
        "set_aside": taken - spent if limited.pot.money else 0.0,
        "left": max(limit - taken, 0.0),
    }


def _show(plan: Plan, when: Millis, rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo("the file limits no money, and no rate")
        return
    click.echo(f"as of {to_iso(when)[:16]}Z")
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("playbook", "of", "spent", "set aside", "left", "limit"):
        table.add_column(name, justify="left" if name in ("playbook", "of") else "right")
    for row in rows:
        table.add_row(*_cells(plan, row))
    console.print(table)


def _cells(plan: Plan, row: dict[str, Any]) -> Iterator[str]:
    from models.playbooks import money

    yield row["playbook"] or "the whole shop"
    yield f"{row['of']} {row['span']}" if row["span"] else f"rate in {row['of']}"
    for name in ("spent", "set_aside", "left", "limit"):
        cents = row[name] * 100
        yield money(cents, plan.currency) if row["span"] else f"{row[name]:,.0f}"


__all__ = ["budgets"]
