"""``ebb endpoints``: who is sent alerts as webhooks, and how they take it."""

from __future__ import annotations

import ipaddress
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.cli.notifying.standing import as_dict, told
from streams.cli.notifying.undelivered import dead, redrive
from streams.cli.notifying.webhooks import with_roster
from streams.cli.typed import kept_for, named, present, some_of

if TYPE_CHECKING:
    from streams.notify import Endpoint, Queue, Roster, Standing


@click.group()
def endpoints() -> None:
    """Add, list, test, rotate, disable, enable and remove endpoints for webhooks.

    An endpoint is an address that ebb notify sends alerts to. Its signing secret is shown once,
    when it is made. Redis holds it, since messages are signed with it: guard Redis accordingly.
    """


endpoints.add_command(dead)
endpoints.add_command(redrive)


def _types(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    from streams.notify import TYPES

    if value is None:
        return ()
    return some_of(value, TYPES)


@endpoints.command("add", epilog="Example: ebb endpoints add https://crm.example/hooks/churn")
@click.argument("url")
@click.option("--name", metavar="NAME", help="What to call it.  [default: its host]")
@click.option(
    "--types",
    metavar="TYPE,...",
    callback=_types,
    help="What it is told: intervention.decided.  [default: everything]",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def add(
    context: Context, url: str, name: str | None, types: tuple[str, ...], as_json: bool
) -> None:
    """Add an endpoint; its signing secret is shown this once.

    It gets the alerts that are published from now on.
    """
    from streams.notify import (
        MOST_ENDPOINTS,
        Endpoint,
        NameTaken,
        Secret,
        TooManyEndpoints,
        name_of,
    )

    own = context.settings.notify
    _check_url(url, plain=own.http, allow=own.allow)
    secret = _fresh()
    endpoint = Endpoint(
        name=_named(name_of(url) if name is None else name),
        url=url,
        secrets=(Secret(secret),),
        types=types,
        created=present(),
    )
    try:
        with_roster(context, lambda roster, _: roster.add(endpoint))
    except NameTaken:
        raise Problem(
            f"{endpoint.name}: there is such an endpoint; choose another name with --name"
        ) from None
    except TooManyEndpoints:
        raise Problem(
            f"there are {MOST_ENDPOINTS} endpoints already; remove one with: ebb endpoints remove"
        ) from None
    _show_secret(context, endpoint, secret, as_json)


@endpoints.command(
    "list",
    short_help="List the endpoints: how each stands, and what waits for it.",
    epilog="Example: ebb endpoints list --json",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def list_endpoints(context: Context, as_json: bool) -> None:
    """List the endpoints: state, what waits, last success and failure, delivered, dead.

    A slow one has said that it cannot keep up, or was down, and is asked less. A disabled one has
    answered 410 Gone, or was disabled here; what comes for it waits.
    """

    async def work(roster: Roster, queue: Queue) -> list[tuple[Endpoint, Standing]]:
        return [(each, await queue.standing(each.name)) for each in (await roster.all()).values()]

    found = with_roster(context, work)
    now = present()
    if as_json:
        click.echo(json.dumps([as_dict(endpoint, standing) for endpoint, standing in found]))
        return
    if not found:
        context.console.print("there are no endpoints; add one with: ebb endpoints add URL")
        return
    for endpoint, standing in found:
        colour = {"active": "green", "slow": "yellow", "disabled": "red"}[standing.state]
        click.echo(
            f"{click.style(endpoint.name, bold=True)}  {click.style(standing.state, fg=colour)}"
            f"  {endpoint.shown_url}"
        )
        for line in told(standing, now):
            click.echo(f"    {line}")


@endpoints.command("remove", epilog="Example: ebb endpoints remove crm.example")
@click.argument("name")
@click.pass_obj
def remove(context: Context, name: str) -> None:
    """Remove an endpoint, with what waits for it and what was given up."""

    async def work(roster: Roster, queue: Queue) -> Standing:
        standing = await queue.standing(name)
        await roster.remove(name)
        return standing

    standing = with_roster(context, work)
    click.echo(f"removed {name}, for which {standing.waiting:,} messages waited")


@endpoints.command("rotate", epilog="Example: ebb endpoints rotate crm.example --keep 7d")
@click.argument("name")
@click.option(
    "--keep",
    default="1d",
    show_default=True,
    metavar="DURATION",
    help="How long the old secrets sign along, so that the receiver can change.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def rotate(context: Context, name: str, keep: str, as_json: bool) -> None:
    """Make a new signing secret for an endpoint; it is shown this once.

    Until the old ones end, each message carries a signature by each: whichever the receiver
    knows, it finds its own.
    """
    kept = kept_for(keep)
    secret = _fresh()

    async def work(roster: Roster, _: Queue) -> Endpoint:
        fresh = (await roster.named(name)).rotated(secret, present(), kept)
        await roster.replace(fresh)
        return fresh

    _show_secret(context, with_roster(context, work), secret, as_json)


@endpoints.command("disable", epilog="Example: ebb endpoints disable crm.example")
@click.argument("name")
@click.pass_obj
def disable(context: Context, name: str) -> None:
    """Send nothing to an endpoint from now on; what comes for it waits."""

    async def work(roster: Roster, queue: Queue) -> None:
        await roster.named(name)
        await queue.disable(name, "disabled with ebb endpoints disable")

    with_roster(context, work)
    click.echo(f"disabled {name}")


@endpoints.command(
    "enable",
    short_help="Send again to an endpoint that was disabled or slow.",
    epilog="Example: ebb endpoints enable crm.example",
)
@click.argument("name")
@click.pass_obj
def enable(context: Context, name: str) -> None:
    """Send to an endpoint again: to a disabled one, and at once to one that was slow."""

    async def work(roster: Roster, queue: Queue) -> Standing:
        await roster.named(name)
        await queue.enable(name)
        return await queue.standing(name)

    standing = with_roster(context, work)
    click.echo(
        f"enabled {name}; {standing.waiting:,} messages wait for it, and {standing.dead:,} were"
        " given up"
    )


@endpoints.command(
    "test",
    short_help="Send an endpoint a signed test message; show its answer.",
    epilog="Example: ebb endpoints test crm.example",
)
@click.argument("name")
@click.pass_obj
def test(context: Context, name: str) -> None:
    """Send an endpoint a signed message of the type endpoint.test, once, and show its answer.

    Exit 1 if it does not take it.
    """
    from streams.notify import sender_of, signed_headers, trial_notice

    async def work(roster: Roster, _: Queue) -> Any:
        endpoint = await roster.named(name)
        now = present()
        notice = trial_notice(name, now)
        sender = sender_of(context.settings)
        try:
            headers = signed_headers(endpoint.secrets, notice.webhook_id, notice.body, now)
            return await sender.send(endpoint.url, headers, notice.body)
        finally:
            await sender.close()

    answer = with_roster(context, work)
    if not answer.taken:
        raise Problem(f"{name} did not take it: {answer.words}")
    click.echo(f"{name} took it: {answer.words}")


# -- what people type ---------------------------------------------------------------------------


def _check_url(url: str, *, plain: bool, allow: tuple[str, ...]) -> None:
    from streams.notify import checked_url, refusal

    try:
        checked_url(url, plain=plain)
    except ValueError as error:
        raise Usage(f"this address cannot be used: {error}") from None
    try:
        address = str(ipaddress.ip_address(urlsplit(url).hostname or ""))
    except ValueError:
        return  # a name: it is looked at when it is connected to
    if why := refusal(address, [ipaddress.ip_network(each) for each in allow]):
        raise Usage(why)


def _named(name: str) -> str:
    from streams.notify import NAME

    return named(name, NAME, "a name")


def _fresh() -> str:
    from streams.notify import BYTES, new_secret

    return new_secret(secrets.token_bytes(BYTES))


def _show_secret(context: Context, endpoint: Endpoint, secret: str, as_json: bool) -> None:
    if as_json:
        known = {"name": endpoint.name, "url": endpoint.shown_url, "types": list(endpoint.types)}
        click.echo(json.dumps({**known, "secret": secret}))
        return
    click.echo(secret)
    context.console.print(
        f"The signing secret of {endpoint.name}. It is not shown again; ebb notify takes it within"
        " seconds."
    )
