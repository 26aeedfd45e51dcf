"""``ebb topics``: create the topics, and see how they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from features import SECOND
from streams.cli.context import Context
from streams.cli.errors import Problem

if TYPE_CHECKING:
    from streams.topics import Difference


@click.group()
def topics() -> None:
    """Create the topics, or list them."""


@topics.command(epilog="Example: ebb topics create --partitions 24 --wait 60")
@click.option("--partitions", type=int, help="Partitions of clickstream and what goes with it.")
@click.option("--replication", type=int, help="Copies of each partition.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3_600),
    default=0,
    metavar="SECONDS",
    help="Wait that long for Kafka to come up.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def create(
    context: Context,
    partitions: int | None,
    replication: int | None,
    wait: float,
    as_json: bool,
) -> None:
    """Create the topics that are missing.

    A topic that exists is never changed: one that would not work as it is, is reported with
    what to do, and the exit code is 1.
    """
    from streams.topics import TopicRefused, create_topics

    if partitions is not None:
        context.set(f"topics.partitions={partitions}")
    if replication is not None:
        context.set(f"topics.replication={replication}")
    try:
        found = create_topics(context.settings, wait=round(wait * SECOND))
    except TopicRefused as error:
        raise Problem(str(error)) from None
    if as_json:
        click.echo(
            json.dumps(
                {
                    "created": found.created,
                    "existing": found.existing,
                    "different": [_as_dict(difference) for difference in found.different],
                }
            )
        )
    else:
        for name in found.created:
            click.echo(f"created   {name}  ({_partitions(found.partitions[name])})")
        for name in found.existing:
            click.echo(f"existing  {name}  ({_partitions(found.partitions[name])})")
        _show_differences(found.different)
    if any(difference.breaks for difference in found.different):
        raise click.exceptions.Exit(1)


@topics.command("list", epilog="Example: ebb topics list --json")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def list_topics(context: Context, as_json: bool) -> None:
    """List the topics: as they should be, and as they are.

    The exit code is 1 when one is missing or would not work as it is.
    """
    from streams.topics import compare_topics, topic_plan

    found = compare_topics(context.settings)
    plans = topic_plan(context.settings)
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "name": plan.name,
                        "meaning": plan.meaning,
                        "partitions": found.partitions.get(plan.name),
                        "planned_partitions": plan.partitions,
                        "config": dict(plan.config),
                        "different": [
                            _as_dict(difference)
                            for difference in found.different
                            if difference.name == plan.name
                        ],
                    }
                    for plan in plans
                ]
            )
        )
    else:
        width = max(len(plan.name) for plan in plans)
        for plan in plans:
            there = found.partitions.get(plan.name)
            size = "missing" if there is None else _partitions(there)
            click.echo(f"{plan.name:{width}}  {size:13}  {plan.meaning}")
        _show_differences(found.different)
        if found.missing:
            click.echo("Create what is missing with: ebb topics create", err=True)
    if found.missing or any(difference.breaks for difference in found.different):
        raise click.exceptions.Exit(1)


def _partitions(number: int) -> str:
    return f"{number} partition{'' if number == 1 else 's'}"


def _show_differences(different: Iterable[Difference]) -> None:
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in different:
        word = "Problem" if one.breaks else "Note"
        told = (word, one.what, one.found, one.wanted, one.mend)
        alike.setdefault(told, []).append(one.name)
    for (word, what, found, wanted, mend), names in alike.items():
        click.echo(
            f"{word}: {', '.join(names)}: {what} = {found}, planned {wanted}.\n  {mend}", err=True
        )


def _as_dict(difference: Difference) -> dict[str, Any]:
    return {
        "topic": difference.name,
        "what": difference.what,
        "wanted": difference.wanted,
        "found": difference.found,
        "breaks": difference.breaks,
        "mend": difference.mend,
    }
