"""``ebb verify``: the state in Redis, held to the log while workers run."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.cli.policyfile import plan_of

if TYPE_CHECKING:
    from streams.verify import Report

_SAMPLE = 200
#: Findings that are shown to people; --json has more.
_SHOWN = 50


@click.command(epilog="Example: ebb verify --sample 1000, or ebb verify shopper-00042")
@click.argument("customers", nargs=-1, metavar="[CUSTOMER]...")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"How many customers: the same ones each time.  [default: {_SAMPLE}]",
)
@click.option("--all", "everybody", is_flag=True, help="All customers.")
@click.option(
    "--decisions", is_flag=True, help="Also take their decisions again, with the models of then."
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --decisions: an older version of the policy file; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(
    context: Context,
    customers: tuple[str, ...],
    sample: int | None,
    everybody: bool,
    decisions: bool,
    policies: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Compute customers again from the topics, and compare with Redis.

    Workers may run meanwhile: each customer is compared as of the position that Redis reflects.
    Reads the topics once, from their beginning, in no consumer group, and writes nothing.

    Compared are the state, the timer, the predictions that wait for their label, and when and
    why the last decisions were made. With --decisions, every decision that was recorded is taken
    again: its risk by the version of the model that judged then (topics training and models),
    the verdict by the policy, and the alert as it was sent (topic interventions). What another
    version of the policy file decided than that of the settings is unknown, unless --policy
    names a file that says what that one said. A customer
    whose first events the topic no longer holds cannot be computed again, and one whose events
    came too late only sometimes: both are counted apart.

    Exit 1 if a customer is different or missing, or a decision would not be the same.
    """
    if customers and (everybody or sample is not None):
        raise Usage("name customers, or ask for --sample or --all; not both")
    if everybody and sample is not None:
        raise Usage("ask for --sample or for --all; not for both")
    if policies and not decisions:
        raise Usage("--policy is for --decisions; ask for that, too")
    from streams.reading import LogEndsBefore
    from streams.verify import CannotVerify

    began = time.monotonic()
    size = None if everybody else sample or _SAMPLE
    try:
        report = asyncio.run(_verify(context, customers, size, decisions, policies))
    except (CannotVerify, LogEndsBefore) as error:
        raise Problem(str(error)) from None
    seconds = time.monotonic() - began
    if as_json:
        click.echo(json.dumps({**report.as_dict(), "seconds": round(seconds, 3)}))
    else:
        _show(report, seconds)
    if report.wrong:
        raise Problem(
            f"{report.wrong:,} of {report.counts.total():,} customers are not what the log says"
        )
    if report.retold is not None and (wrong := report.retold.counts["different"]):
        raise Problem(
            f"{wrong:,} decisions would not be the same; did the settings of policy.* change since?"
        )


async def _verify(
    context: Context,
    customers: tuple[str, ...],
    size: int | None,
    decisions: bool,
    policies: tuple[Path, ...],
) -> Report:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from models.registry import prior_judge
    from streams.composition import shop_by, shop_of
    from streams.live import looking
    from streams.reading import Reading
    from streams.topics import TopicMissing
    from streams.verify import Records, Redeciding, System
    from streams.verify import verify as compare

    settings = context.settings
    plans = [plan_of(context, file) for file in policies]
    with ExitStack() as stack:
        topic = settings.topic("clickstream")
        clickstream = stack.enter_context(Reading(settings, topic, in_bulk=True))
        rekeyed = None
        try:
            topic = settings.topic("rekeyed")
            rekeyed = stack.enter_context(Reading(settings, topic, in_bulk=True))
        except TopicMissing:
            pass  # nobody has ever moved an event
        columns = (
            TextColumn("partition {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        shown = context.console.is_terminal
        bar = stack.enter_context(
            Progress(*columns, console=context.console, transient=True, disable=not shown)
        )
        task = bar.add_task("", total=None, rate="")
        began: dict[int, float] = {}

        def progress(partition: int, read: int, total: int) -> None:
            since = began.setdefault(partition, time.monotonic())
            rate = read / max(time.monotonic() - since, 0.001)
            of = f"{partition} of {len(clickstream)}"
            bar.update(
                task, description=of, completed=read, total=total, rate=f"{rate:,.0f} events/s"
            )

        async with looking(settings) as view:
            shop = view.shop
            others = [shop_by(shop, settings, plan) for plan in plans]
            if shop.plan is None and others:
                # What the shop had said of a customer by then is asked for by playbooks alone.
                shop, *others = *others, shop
            elif shop.plan is not None:
                others.append(shop_of(settings, deciding=False))
            system = System(
                store=view.customers,
                clickstream=clickstream,
                rekeyed=rekeyed,
                shop=shop,
                judge=prior_judge(view.task),
                wall=settings.time.clock == "wall",
            )
            redeciding = Redeciding(shop, others) if decisions else None
            report = await compare(system, customers, size, progress, redeciding)
            if redeciding is not None:
                records = Records(redeciding.customers.__contains__, view.task)
                for name, read in (
                    ("training", records.read_training),
                    ("interventions", records.read_alerts),
                    ("models", records.read_models),
                ):
                    bar.update(task, description=f"of {name}", total=None, rate="")
                    reading = stack.enter_context(Reading(settings, settings.topic(name)))
                    read(reading.past())
                redeciding.retell(records)
            return report


def _show(report: Report, seconds: float) -> None:
    from streams.verify import Verdict

    for finding in report.findings[:_SHOWN]:
        more = f" (and {finding.more} more fields)" if finding.more else ""
        click.echo(
            f"{finding.verdict.value}: {_legible(finding.customer)}, "
            f"partition {finding.partition}: {_legible(finding.reason)}{more}"
        )
    for each in report.retold.differences[:_SHOWN] if report.retold is not None else ():
        click.echo(f"decision on {_legible(each['customer'])} at {each['at']}: {each['reason']}")
    hidden = report.counts.total() - report.counts[Verdict.EQUAL] - _SHOWN
    if hidden > 0:
        click.echo(f"... and {hidden:,} more; --json lists up to a thousand")
    checked = report.counts.total()
    if not checked:
        click.echo("No customers yet: there is nothing to verify.")
        return
    told = ", ".join(
        f"{report.counts[verdict]:,} {verdict.value}"
        for verdict in Verdict
        if report.counts[verdict]
    )
    share = 100 * report.counts[Verdict.EQUAL] / checked
    click.echo(
        f"{checked:,} customers against {report.events:,} events in {seconds:.1f} s: {told} "
        f"({share:.4g} % equal)"
    )
    if report.retold is not None:
        counts = report.retold.counts
        click.echo(
            f"decisions taken again with the models of then: {counts['equal']:,} equal, "
            f"{counts['different']:,} different, {counts['unknown']:,} unknown"
        )
        for reason, count in report.retold.reasons.most_common():
            click.echo(f"  {count:,} unknown: {_legible(reason)}")


def _legible(text: str) -> str:
    """Return text that came from outside without what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
