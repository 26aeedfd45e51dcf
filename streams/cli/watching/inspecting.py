"""``ebb inspect``: one customer, and why the last decision was what it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from features import to_iso
from streams.cli.context import Context
from streams.cli.dossiers import dossier_of
from streams.cli.typed import moment_of

if TYPE_CHECKING:
    from streams.live import Dossier

#: Why somebody was looked at, in words.
CAUSES = {
    "silence": "after a silence",
    "distress": "when something went wrong",
    "session_end": "at the end of a visit",
}
#: What speaks for the customer, in the short view; --json has everything.
_MOST_LOWERING = 3


@click.command(epilog="Example: ebb inspect shopper-00042 --at 2026-12-24")
@click.argument("customer")
@click.option("--at", metavar="TIME", help="As of this later time, if nothing more comes.")
@click.option("--features", "with_features", is_flag=True, help="Show every feature.")
@click.option("--language", metavar="CODE", help="Tell the reasons in it: en or zh.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def inspect(
    context: Context,
    customer: str,
    at: str | None,
    with_features: bool,
    language: str | None,
    as_json: bool,
) -> None:
    """Explain one customer: what is known, the risk and its reasons, the last decisions."""
    if language is not None:
        context.options["alerts.language"] = language
    found = dossier_of(context, customer, None if at is None else moment_of(at))
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        _show(found, with_features)


def _show(found: Dossier, with_features: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    state = found.state
    console.print(f"[bold]{found.customer}[/bold] as of {to_iso(found.at)[:16]}Z", markup=True)
    if state.events:
        console.print(
            f"  {state.events:,} events from {to_iso(state.first_seen)[:10]} to "
            f"{to_iso(state.last_seen)[:10]}, {state.rhythm.days} visit days; "
            f"silent for {found.features['recency']:.1f} days"
        )
    else:
        console.print("  no events so far")
    for channel, (at, granted) in sorted(state.traits.words.items()):
        said = "subscribed to" if granted else "unsubscribed from"
        about = channel or "all channels"
        console.print(f"  {said} {about} on {to_iso(at)[:10]}", markup=False)
    if not found.active:
        console.print("  gone: no activity for so long that the customer is no longer scored")
    if not found.judged:
        console.print("  no customer: no decisions are taken (visitors: see churn.visitors)")
    console.print(
        f"  risk of not coming back: [bold]{found.risk:.2f}[/bold] ({found.band}), "
        f"model {found.model_version}"
    )
    for cause in found.reasons:
        console.print(f"    · {cause.text}", markup=False)
    lowering = [cause.text for cause in found.causes if cause.contribution < 0]
    if lowering:
        console.print("  what lowers it:")
        for text in lowering[:_MOST_LOWERING]:
            console.print(f"    · {text}", markup=False)
    decision = found.last_decision
    if decision is not None:
        done = f"alerted ({decision.arm})" if decision.alert else "left in peace"
        console.print(
            f"  last decision, {to_iso(decision.at)[:16]}Z {CAUSES[decision.cause]}: {done}, "
            f"because {found.why(decision)}",
            markup=False,
        )
        for ground in decision.grounds:
            console.print(f"    · {found.say(ground)}", markup=False)
    if found.timers:
        first = found.timers[0]
        console.print(f"  next look: {first['at'][:16]}Z ({first['cause'].replace('_', ' ')})")
    if found.ledger.pending:
        console.print(f"  predictions that wait for their label: {len(found.ledger.pending)}")
    if with_features:
        table = Table(box=None, pad_edge=False)
        table.add_column("feature")
        table.add_column("value", justify="right")
        for name, value in found.features.items():
            table.add_row(name, f"{value:g}")
        console.print(table)
