"""``ebb why``: why a customer was contacted, or was not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from features import to_iso
from streams.cli.context import Context
from streams.cli.dossiers import dossier_of
from streams.cli.errors import Problem, Usage
from streams.cli.typed import moment_of
from streams.cli.watching.inspecting import CAUSES

if TYPE_CHECKING:
    from models.deciding import Decision
    from streams.answers import Answer
    from streams.live import Dossier

_NEXT: Final = {"silence": "a look at the silence", "session_end": "the end of the visit"}


@click.command(epilog="Example: ebb why shopper-00042 --at 2026-10-03")
@click.argument("customer")
@click.option("--at", metavar="TIME", help="As of this earlier time.  [default: now]")
@click.option("--language", metavar="CODE", help="Say why in it: en or zh.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def why(
    context: Context, customer: str, at: str | None, language: str | None, as_json: bool
) -> None:
    """Say why a customer was contacted, or was not, by the last decision at or before a time.

    Below the threshold, left in peace after an alert, held out, no playbook of the policy file,
    not looked at yet, gone: whatever it was, with the decision that it rests on, and what stood in
    the way of each playbook. The last 8 decisions on each customer are kept. A customer who was
    alerted and is not held out counts as contacted; whether the CRM did so is not known here.
    """
    from streams.answers import NotKept, answer
    from streams.composition import shop_of

    if language is not None:
        context.options["alerts.language"] = language
    moment = None if at is None else moment_of(at)
    found = dossier_of(context, customer)
    if moment is not None and moment > found.at:
        raise Usage(
            f"--at {at}: known is {customer} as of {to_iso(found.at)}; ask for that time or an"
            " earlier one (ebb inspect --at tells the risk of a later one)"
        )
    ledger = found.ledger
    held_out = shop_of(context.settings).policy.arm(customer) == "holdout"
    try:
        told = answer(
            customer,
            found.state,
            ledger.decisions,
            ledger.standing,
            found.at if moment is None else moment,
            held_out=held_out,
            judged=found.judged,
            language=context.settings.alerts.language,
        )
    except NotKept as error:
        raise Problem(str(error)) from None
    if as_json:
        decision = None if told.decision is None else found.told(told.decision)
        following = found.timers if moment is None else []
        click.echo(json.dumps({**told.as_dict(), "decision": decision, "timers": following}))
    else:
        _show(told, found, now=moment is None)


def _show_play(decision: Decision, found: Dossier) -> None:
    play = decision.play
    if play is None:
        return
    # By that of the settings here; what the workers go by is told by ebb status.
    other = f", which now is {found.policy}" if found.policy not in ("", play.policy) else ""
    click.echo(f"  policy file {play.policy}{other}")
    if play.not_before > decision.at:
        click.echo(f"    not before {to_iso(play.not_before)[:16]}Z: it was a quiet time there")
    if play.steering:
        click.echo(f"    {found.steered(play)}")
    for each in play.obstacles:
        click.echo(f"    {each.playbook}  no: {found.hindered(each, play.policy)}")


def _show(told: Answer, found: Dossier, *, now: bool) -> None:
    done = "contacted" if told.contacted else "not contacted"
    when = f", as of {to_iso(told.at)[:16]}Z"
    click.echo(f"{click.style(told.customer, bold=True)} was {done}{when}")
    click.echo(f"  {told.text}")
    decision = told.decision
    if decision is not None:
        click.echo(
            f"  decided {to_iso(decision.at)[:16]}Z {CAUSES[decision.cause]}: risk"
            f" {decision.risk:.2f} ({decision.band}), model {decision.version}"
        )
        for ground in decision.grounds:
            click.echo(f"    · {found.say(ground)}")
        _show_play(decision, found)
    if told.alerted_at is not None and (decision is None or decision.at != told.alerted_at):
        click.echo(f"  last alert: {to_iso(told.alerted_at)[:16]}Z")
    if told.held_out and told.code != "held out":
        click.echo("  held out: an alert would not lead to a contact either")
    looks = [each for each in found.timers if each["cause"] in _NEXT]
    if now and told.code != "gone" and looks:
        click.echo(f"  next: {looks[0]['at'][:16]}Z, {_NEXT[looks[0]['cause']]}")
