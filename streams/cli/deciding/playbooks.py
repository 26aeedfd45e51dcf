"""``ebb policy check``, ``explain``, ``value``: what a policy file says, and of whom."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.context import Context
from streams.cli.dossiers import dossier_of
from streams.cli.errors import Problem
from streams.cli.policyfile import faulty, plan_of, read_policy
from streams.cli.typed import moment_of

if TYPE_CHECKING:
    from models.playbooks import Plan, Spender

_BY_WORKERS: Final = "The workers decide by it when policy.file, or EBB_POLICY, names it."
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(
    "check",
    short_help="Say what is wrong with a policy file, or what it says.",
    epilog="Example: ebb policy check examples/policy.toml",
)
@click.argument("file", type=_FILE)
@click.option(
    "--customers",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    metavar="N",
    help="About how many will be at risk while a playbook is tried.",
)
@click.option(
    "--against",
    "older",
    type=_FILE,
    metavar="OLD",
    help="Also say what it changes in that older version of it.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def check(context: Context, file: Path, customers: int, older: Path | None, as_json: bool) -> None:
    """Check a policy file: all that is wrong with it, or what it says and what can be doubted.

    Whatever is wrong is said with its line, its field and what would be right, and the exit code
    is 1. What can be doubted keeps no file from being used: playbooks that nobody ever gets,
    budgets below what one action costs, holdouts that can never tell anything. The features and
    the threshold are those of the settings. With --against, what is new, gone or changed is said,
    as workers do when they take the file up.
    """
    from models.playbooks import PolicyWrong, changes, doubts

    try:
        plan = read_policy(context, file)
    except PolicyWrong as wrong:
        if not as_json:
            raise faulty(file, wrong) from None
        faults = [fault._asdict() for fault in wrong.faults]
        click.echo(json.dumps({"file": str(file), "ok": False, "faults": faults}))
        click.get_current_context().exit(Problem.exit_code)
    found = doubts(plan, context.settings.policy.threshold, customers)
    changed = None
    if older is not None:
        changed = changes(plan_of(context, older), plan)
    if as_json:
        from streams.cli.deciding.plans import plan_as_dict

        told = {"file": str(file), "ok": True, "faults": [], **plan_as_dict(plan)}
        told["doubts"] = [doubt._asdict() for doubt in found]
        if changed is not None:
            told["changes"] = [{**each._asdict(), "text": str(each)} for each in changed]
        click.echo(json.dumps(told))
    else:
        from streams.cli.deciding.plans import show_plan

        count = len(plan.playbooks)
        told_count = f"{count} playbook{'' if count == 1 else 's'}"
        click.echo(f"{file}: {told_count}, nothing wrong (fingerprint {plan.fingerprint})")
        show_plan(plan, found)
        for change in changed or ():
            click.echo(f"  against {older}: {change}")
        if changed == []:
            click.echo(f"  against {older}: nothing is decided otherwise")
    for note in (*_other_holdout(context, plan), _BY_WORKERS):
        context.console.print(note, markup=False, soft_wrap=True)


def _other_holdout(context: Context, plan: Plan) -> list[str]:
    policy = context.settings.policy
    if (policy.holdout, policy.salt) == (plan.holdout, plan.salt):
        return []
    return [
        f"Others are held out than by the settings, policy.holdout = {policy.holdout:g} and"
        f" policy.salt = {policy.salt!r}: what is known of the holdout so far does not carry over."
    ]


@click.command(
    "explain",
    short_help="Say what a policy file would do with a customer, and why.",
    epilog="Example: ebb policy explain policy.toml --customer ada --json",
)
@click.argument("file", type=_FILE)
@click.option("--customer", required=True, metavar="ID", help="Of whom.")
@click.option("--at", metavar="TIME", help="As of this later time, if nothing more comes.")
@click.option(
    "--cause",
    type=click.Choice(["silence", "distress", "session_end"]),
    default="silence",
    show_default=True,
    help="As if the customer were looked at for it.",
)
@click.option("--language", metavar="CODE", help="Say why not in it: en or zh.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def explain(
    context: Context,
    file: Path,
    customer: str,
    at: str | None,
    cause: str,
    language: str | None,
    as_json: bool,
) -> None:
    """Say what a policy file would do with a customer now, playbook by playbook, and why not.

    The customer is read from Redis, as by ebb inspect; nothing is changed and nothing is sent.
    What was done before is what the workers remember; where they decide by no file, each alert
    that is kept counts as an action of no playbook. Whether a budget is left is not looked at.
    """
    from models.playbooks import choose
    from streams.situations import situation_of

    if language is not None:
        context.options["alerts.language"] = language
    plan = plan_of(context, file)
    found = dossier_of(context, customer, None if at is None else moment_of(at))
    who = situation_of(found, plan, cause)
    course = choose(plan, who)
    live = found.policy == plan.fingerprint
    spoken = context.settings.alerts.language
    if as_json:
        from streams.cli.deciding.plans import course_as_dict

        told = course_as_dict(plan, who, course, spoken)
        click.echo(json.dumps(told | {"decided_by_workers": live}))
        return
    from streams.cli.deciding.plans import show_course

    show_course(plan, who, course, spoken)
    if not live:
        context.console.print(
            "By these settings the workers do not decide by this file (policy.file, EBB_POLICY).",
            markup=False,
            soft_wrap=True,
        )


@click.command(
    "value",
    short_help="Find what customers are worth, for a policy file.",
    epilog="Example: ebb policy value --sample 20000",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    metavar="N",
    help="Look at this many customers, at most.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def value(context: Context, sample: int, as_json: bool) -> None:
    """Find what the shop's customers are worth, to be put into a policy file as [value].

    A sample of the customers is read from Redis; nothing is changed. What is found is the mean
    order and as how many orders of one's own it counts, and in how many days customers who are
    still there order. The margin is not in the events: put yours there.
    """
    from models.playbooks import TooFew, fit_prior

    spenders = asyncio.run(_spenders(context, sample))
    try:
        found = fit_prior(spenders)
    except TooFew as error:
        raise Problem(
            f"{error}; ebb status says how many customers there are, and a purchase is an event of"
            " that type with an amount"
        ) from None
    if as_json:
        told = {"order": found.order / 100, "orders": found.orders}
        told |= {"rate": found.rate, "days": found.days, "customers": len(spenders)}
        click.echo(json.dumps(told))
        return
    click.echo(f"# of {len(spenders):,} customers")
    click.echo("[value]")
    click.echo(f"margin = {found.margin:g}   # put your own here: events do not tell it")
    click.echo(f"order = {found.order / 100:.2f}")
    for name, number in (("orders", found.orders), ("rate", found.rate), ("days", found.days)):
        click.echo(f"{name} = {number:.4g}")


async def _spenders(context: Context, sample: int) -> list[Spender]:
    from streams.live import looking

    async with looking(context.settings) as view:
        return await view.spenders(sample)


__all__ = ["check", "explain", "value"]
