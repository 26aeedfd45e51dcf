"""``ebb notify``: alerts sent as webhooks."""

from __future__ import annotations

from typing import Final

import click

from streams.cli.context import Context
from streams.cli.errors import Problem
from streams.cli.lacking import check_topics

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

    check_topics(context, ("interventions",), "what waits in Redis is sent meanwhile")
    try:
        run(settings, log_level)
    except CannotListen as error:
        raise Problem(f"{error}; choose another with --port") from None
