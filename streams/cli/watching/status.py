"""``ebb status``: lag, watermarks and counts."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from features import to_iso
from streams.cli.context import Context
from streams.cli.errors import Problem

if TYPE_CHECKING:
    from streams.live import Status, Working

_LOOK = 0.5


@click.command(epilog="Example: ebb status --wait-idle 60 --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--wait-idle",
    type=float,
    metavar="SECONDS",
    help="Wait until nothing is left to do and nothing moves; exit 1 if it takes longer.",
)
@click.pass_obj
def status(context: Context, as_json: bool, wait_idle: float | None) -> None:
    """Show how the system stands.

    For each partition the position, the end, the lag and the watermark; the workers that run, and
    by which version of the policy file each of them decides; customers, decisions, alerts, labels
    and the model for the whole.
    """
    found, in_time = asyncio.run(_read(context, wait_idle))
    here = _version_here(context)
    if as_json:
        click.echo(json.dumps(found.as_dict() | {"policy_here": here or None}))
    else:
        _show(context, found, here)
    if not in_time:
        raise Problem(
            f"not idle after {wait_idle:g} seconds: lag {found.lag}, outbox {found.outbox}, "
            f"to learn {found.learner_lag}, to hand to the workers {found.unpublished}, "
            f"outcomes {found.outcomes_lag}"
        )


def _version_here(context: Context) -> str:
    """Return the version of the policy file as it lies here; empty if none that is right does."""
    from streams.composition import definition_of
    from streams.planning import plan_of
    from streams.settings import SettingsError

    try:
        plan = plan_of(context.settings, definition_of(context.settings))
    except SettingsError:
        return ""
    return "" if plan is None else plan.fingerprint


async def _read(context: Context, wait_idle: float | None) -> tuple[Status, bool]:
    from streams.live import looking

    until = time.monotonic() + (wait_idle or 0)
    async with looking(context.settings, deciding=False) as view:
        with view.logs() as logs:
            found = await view.status(logs)
            while wait_idle is not None:
                await asyncio.sleep(_LOOK)
                before, found = found, await view.status(logs)
                if found.idle and found.commits == before.commits:
                    return found, True
                if time.monotonic() > until:
                    return found, False
    return found, True


def _show(context: Context, found: Status, here: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("partition", "position", "lag", "watermark", "late", "repeated", "invalid"):
        table.add_column(name, justify="left" if name == "watermark" else "right")
    for part in found.partitions:
        table.add_row(
            str(part.partition),
            f"{part.position:,}",
            f"{part.lag:,}",
            "none yet" if part.watermark is None else to_iso(part.watermark)[:16],
            f"{part.late:,}",
            f"{part.duplicate + part.too_late:,}",
            f"{part.invalid:,}",
        )
    console.print(table)
    show_workers(console, found.workers, here)
    moved = sum(part.forwarded for part in found.partitions)
    if moved:
        console.print(
            f"{moved:,} events came to another partition than their customer's and were moved: "
            "key by user_id with the murmur2 partitioner"
        )
    missing = sum(part.missing for part in found.partitions)
    if missing:
        console.print(f"{missing:,} records were gone before they were read (--accept-gap)")
    console.print(
        f"\n{found.customers:,} customers, {found.applied:,} events, "
        f"{found.decisions:,} decisions, {found.alerts:,} alerts "
        f"({found.alerts_holdout:,} held out)"
    )
    if found.unfunded:
        console.print(f"{found.unfunded:,} times limits left no room (ebb policy budgets)")
    if found.linked:
        console.print(
            f"{found.linked:,} visitors became customers, with {found.handed_over:,} events"
        )
    console.print(
        f"labels: {found.pending:,} awaited, {found.matured:,} known, {found.learnt:,} learnt; "
        f"model {found.model}"
    )
    auc = found.quality.get("auc")
    if auc is not None:
        console.print(f"prequential: AUC {auc:.3f}, log loss {found.quality['log_loss']:.3f}")
    evidence = found.quality.get("evidence")
    if evidence is not None:
        console.print(
            f"labels weigh {evidence:.0%}, the prior {1 - evidence:.0%} of what is believed"
        )
    show_rivals(console, found)
    if found.outcomes or found.outcomes_lag or found.outcomes_invalid:
        console.print(
            f"outcomes: {found.outcomes:,} taken ({found.withdrawals:,} unsubscribed), "
            f"{found.outcomes_invalid:,} invalid, lag {found.outcomes_lag:,}"
        )
    if found.outcomes_missing:
        console.print(f"{found.outcomes_missing:,} outcomes were gone before they were read")
    console.print(f"waiting to be published: {found.outbox:,}")


def show_workers(console: Any, workers: Sequence[Working], here: str = "") -> None:
    """Print which workers run, by which version of the policy file, and where they disagree.

    Parameters
    ----------
    console
        Where to.
    workers
        As they say of themselves.
    here
        The version of the policy file as it lies where one looks; empty if none does.
    """
    from rich.table import Table
    from rich.text import Text

    if not workers:
        return
    planned = any(worker.policy for worker in workers)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("worker", "partitions", *(("policy file", "since") if planned else ())):
        table.add_column(name)
    for worker in workers:
        row = [worker.name, ", ".join(map(str, worker.partitions)) or "none yet"]
        if planned:
            row += [worker.policy or "none", to_iso(worker.since)[:19] if worker.policy else ""]
        table.add_row(*map(Text, row))
    console.print()
    console.print(table)
    versions = Counter(worker.policy for worker in workers)
    if len(versions) > 1:
        told = ", ".join(f"{name or 'none'} ({count})" for name, count in versions.most_common())
        console.print(f"careful: workers decide by different versions of the policy file: {told}")
    if here and here not in versions:
        console.print(
            f"careful: no worker decides by the policy file as it is here, version {here}"
        )
    wrong = Counter(worker.wrong for worker in workers if worker.wrong)
    for faults, count in wrong.items():
        since = min(w.wrong_since or 0 for w in workers if w.wrong == faults)
        console.print(
            f"careful: the policy file is wrong since {to_iso(since)[:19]}, as {count} of "
            f"{len(workers)} workers see it; they go on by the version above:"
        )
        for fault in faults:
            console.print(f"  {fault}", markup=False, soft_wrap=True)


def show_rivals(console: Any, found: Status) -> None:
    """Print who challenges the model, drift, and the last that happened to the models.

    Parameters
    ----------
    console
        Where to.
    found
        How the system stands.
    """
    rival = found.challenger
    if rival:
        compared = (
            f"log loss {rival['challenger_loss']:.3f} against {rival['champion_loss']:.3f} "
            f"on {rival['labels']:,.0f} labels; evidence {rival['evidence']:.3g}, "
            f"{rival['evidence_needed']:.3g} needed"
            if rival["labels"]
            else "nothing compared yet"
        )
        console.print(f"challenger {rival['name']}: {compared}")
    if found.drift.get("alarms"):
        console.print(f"drift: {found.drift['alarms']:,} alarms")
    if found.events:
        last = found.events[-1]
        what = {
            "drift": f"{last['feature']} has changed ({last['detector']})",
            "challenger": f"{last['challenger']} challenges {last['model']}",
            "better": f"{last['challenger']} is better than {last['model']}",
            "promoted": f"{last['challenger']} took over from {last['model']}",
            "retired": f"{last['challenger']} has not proved better than {last['model']}",
        }[last["type"]]
        console.print(f"last news, {to_iso(last['at'])[:16]}: {what}")
