"""``ebb worker`` and ``ebb learner``: the two processes that run all the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from streams.cli.context import Context
from streams.cli.errors import Problem
from streams.cli.lacking import no_topics

if TYPE_CHECKING:
    from streams.settings import Settings

_LEVELS = click.Choice(["debug", "info", "warning", "error"])
_wait = click.option(
    "--wait", default=60.0, show_default=True, metavar="SECONDS", help="Wait for Kafka so long."
)
_level = click.option("--log-level", default="info", show_default=True, type=_LEVELS)

_accept_gap = click.option(
    "--accept-gap",
    is_flag=True,
    help="Go on when the log no longer holds the records that the state waits for.",
)


@click.command(epilog="Example: EBB_KAFKA=kafka:9092 EBB_REDIS=redis://redis:6379/0 ebb worker")
@_wait
@_level
@_accept_gap
@click.pass_obj
def worker(context: Context, wait: float, log_level: str, accept_gap: bool) -> None:
    """Turn events into alerts, until stopped.

    Any number of workers may run: Kafka spreads the partitions over them. A worker may be
    killed at any time; another, or the same one later, goes on from where the state in Redis
    stands. SIGTERM finishes the batch under way and leaves the group; a second one ends it at
    once.
    """
    from streams.composition import shop_of
    from streams.live import worker_app

    _run(context, worker_app, wait, log_level, accept_gap, check=shop_of)


@click.command(epilog="Example: ebb learner --log-level warning")
@_wait
@_level
@_accept_gap
@click.pass_obj
def learner(context: Context, wait: float, log_level: str, accept_gap: bool) -> None:
    """Learn from labels as they mature, and publish the model, until stopped.

    One learner works; a second one stands by. Workers pick up a new model without a restart.
    """
    from streams.live import learner_app

    _run(context, learner_app, wait, log_level, accept_gap)


def _run(
    context: Context,
    make: Callable[[Settings], Any],
    wait: float,
    log_level: str,
    accept_gap: bool,
    check: Callable[[Settings], object] | None = None,
) -> None:
    from streams.live import CannotGoOn, run, use_uvloop
    from streams.topics import compare_topics

    if accept_gap:
        context.set("worker.accept_gap=true")
    settings = context.settings
    if check is not None:
        # What is wrong with the policy file is said at once, not when Kafka has been waited for.
        check(settings)
    # Faust exits at once when no broker answers; a worker that was started first waits.
    _wait_for_kafka(context, wait)
    topics = compare_topics(settings)
    if topics.missing:
        raise no_topics(topics.missing)
    events, moved = settings.topic("clickstream"), settings.topic("rekeyed")
    if topics.partitions[events] != topics.partitions[moved]:
        raise Problem(
            f"{events} has {topics.partitions[events]} partitions and {moved} "
            f"{topics.partitions[moved]}: they are read together and need equally many. Before the "
            f"first event, delete {moved} and create it again with: ebb topics create --set "
            f"topics.partitions={topics.partitions[events]}; later, start a new set of topics with "
            "topics.prefix"
        )
    use_uvloop()
    try:
        run(make(settings), log_level)
    except CannotGoOn as error:
        raise Problem(str(error)) from None


def _wait_for_kafka(context: Context, wait: float) -> None:
    from streams.brokers import PATIENCE, KafkaAway
    from streams.topics import open_admin

    settings, first = context.settings, min(wait, PATIENCE / 1_000)
    try:
        open_admin(settings, round(first * 1_000)).close()
    except KafkaAway:
        if wait <= first:
            raise
        left = wait - first
        context.console.print(
            f"waiting for Kafka at {settings.kafka.bootstrap}, for {left:.0f} s at most"
        )
        open_admin(settings, round(left * 1_000)).close()
