"""``ebb collect``: the door for events over HTTP."""

from __future__ import annotations

from typing import Final

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.cli.lacking import check_topics

_LEVELS: Final = click.Choice(["debug", "info", "warning", "error"])
_NEEDED: Final = frozenset({"starlette", "uvicorn", "httptools"})


@click.command(epilog="Example: ebb collect --host 0.0.0.0 --port 8080")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: collect.host]")
@click.option("--port", metavar="PORT", help="Port to listen on.  [default: collect.port]")
@click.option(
    "--open", "anybody", is_flag=True, help="Take events without a write key; for a trial only."
)
@click.option("--log-level", default="info", show_default=True, type=_LEVELS)
@click.pass_obj
def collect(
    context: Context, host: str | None, port: str | None, anybody: bool, log_level: str
) -> None:
    """Take events over HTTP and put them into Kafka, until stopped.

    Speaks the protocol of Segment's SDKs, so that a shop switches on by changing one address,
    and Ebbtide's own schema at /v1/events; /openapi.json describes both. 200 means that Kafka has
    the events. Any number of collectors may run behind one address.
    """
    for key, value in (("host", host), ("port", port)):
        if value is not None:
            context.set(f"collect.{key}={value}")
    if anybody:
        context.set("collect.open=true")
    settings = context.settings
    try:
        from streams.collect import run
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        raise Usage(
            f"{error.name} is not installed; install it with: pip install 'ebbtide[collect]'"
        ) from None
    check_topics(
        context, ("clickstream", "dead_letters"), "until one does, senders are told to come back"
    )
    try:
        run(settings, log_level)
    except SystemExit:
        # uvicorn has logged why; most often somebody else listens there.
        raise Problem(
            f"cannot listen on {settings.collect.host}:{settings.collect.port}; choose another"
            " with --port"
        ) from None
