"""``ebb notify``: alerts sent as webhooks."""

from __future__ import annotations

from typing import Final

import click

from streams.cli.context import Context
from streams.cli.errors import Problem

_LEVELS: Final = click.Choice(["debug", "info", "warning", "error"])


@click.command(epilog="Example: ebb notify --port 6068")
@click.option("--port", metavar="PORT", help="Port of the health page.  [default: notify.port]")
@click.option("--log-level", default="info", show_default=True, type=_LEVELS)
@click.pass_obj
def notify(context: Context, port: str | None, log_level: str) -> None:
    """Send alerts to endpoints as signed webhooks, until stopped.

    Endpoints are added with ebb endpoints add. What waits, and when it is tried again, lies in
    Redis: a restart forgets nothing. Held-out customers' alerts are never sent. Several processes
    share the work.
    """
    if port is not None:
        context.set(f"notify.port={port}")
    settings = context.settings
    from streams.notify import CannotListen, run

    _check_topic(context)
    try:
        run(settings, log_level)
    except CannotListen as error:
        raise Problem(f"{error}; choose another with --port") from None


def _check_topic(context: Context) -> None:
    """Refuse to start without the topic; a Kafka that is away will be waited for."""
    from streams.brokers import KafkaAway, open_admin
    from streams.topics import compare_with, topic_plan

    settings = context.settings
    try:
        with open_admin(settings, 2_000) as admin:
            missing = compare_with(admin, topic_plan(settings)).missing
    except KafkaAway as error:
        context.console.print(f"{error}; what waits in Redis is sent meanwhile")
        return
    topic = settings.topic("interventions")
    if topic in missing:
        raise Problem(f"{topic}: no such topic; create it with: ebb topics create")
