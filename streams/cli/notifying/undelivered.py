"""``ebb endpoints dead`` and ``redrive``: what was given up, and how to send it again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import click

from features import to_iso
from streams.cli.context import Context
from streams.cli.errors import Usage
from streams.cli.notifying.webhooks import with_roster

if TYPE_CHECKING:
    from streams.notify import DeadNotice, Queue, Roster

#: That many are shown when nobody says how many.
FEW: Final = 20


@click.command(
    "dead",
    short_help="List the messages that were given up, and why.",
    epilog="Example: ebb endpoints dead crm.example --json",
)
@click.argument("name")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=FEW,
    show_default=True,
    metavar="N",
    help="At most the newest N.",
)
@click.option("--json", "as_json", is_flag=True, help="A line a message, with its body.")
@click.pass_obj
def dead(context: Context, name: str, last: int, as_json: bool) -> None:
    """List the messages to an endpoint that were given up, newest first, and why."""

    async def work(roster: Roster, queue: Queue) -> list[DeadNotice]:
        await roster.named(name)
        found: list[DeadNotice] = []
        async for notice in queue.dead(name):
            found.append(notice)
            if len(found) == last:
                break
        return found

    for notice in with_roster(context, work):
        if as_json:
            words = {
                "id": notice.webhook_id,
                "died": to_iso(notice.died),
                "why": notice.why,
                "attempts": notice.attempts.made,
                "body": json.loads(notice.body),
            }
            click.echo(json.dumps(words))
        else:
            click.echo(f"{notice.webhook_id}  {to_iso(notice.died)}  {notice.why}")


@click.command(
    "redrive",
    short_help="Send messages again that were given up.",
    epilog="Example: ebb endpoints redrive crm.example --all",
)
@click.argument("name")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.option("--expired", is_flag=True, help="Also those that are past their valid_until.")
@click.pass_obj
def redrive(
    context: Context, name: str, ids: tuple[str, ...], everything: bool, expired: bool
) -> None:
    """Send messages that were given up again, from their first attempt on, under the same id."""
    if bool(ids) == everything:
        raise Usage("say which: ids, as ebb endpoints dead shows them, or --all")
    now = time.time_ns() // 1_000_000

    async def work(roster: Roster, queue: Queue) -> tuple[int, int]:
        await roster.named(name)
        sent = late = 0
        async for notice in queue.dead(name):
            until = notice.attempts.until
            if not everything and notice.webhook_id not in ids:
                continue
            if 0 < until <= now and not expired:
                late += 1
            else:
                sent += await queue.revive(name, notice, 0 if expired else until, now)
        return sent, late

    sent, late = with_roster(context, work)
    click.echo(f"{sent:,} messages are sent to {name} again")
    if late:
        click.echo(
            f"{late:,} are past their valid_until and were left; --expired sends them too", err=True
        )
