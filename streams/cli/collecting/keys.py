"""``ebb keys``: the write keys of sources."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from features import Millis, to_iso
from streams.cli.context import Context
from streams.cli.errors import Problem
from streams.cli.typed import kept_for, named, present, some_of

if TYPE_CHECKING:
    from streams.keys import Keystore, WriteKey

T = TypeVar("T")


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke write keys.

    A key belongs to a source, such as the web shop or the tills. It is shown once, when it is
    made; Redis holds its hash. Collectors know it at once, and of changes within seconds.
    """


def _scopes(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    from streams.keys import SCOPES

    return some_of(value, SCOPES)


@keys.command("create", epilog="Example: ebb keys create web --rate 500")
@click.argument("name")
@click.option(
    "--scopes",
    default="events",
    show_default=True,
    metavar="SCOPE,...",
    callback=_scopes,
    help="What it is good for: events, outcomes.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="N",
    help="Events a second that one collector takes with it.  [default: any number]",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def create(
    context: Context, name: str, scopes: tuple[str, ...], rate: float, as_json: bool
) -> None:
    """Make a write key for the source NAME; it is shown this once.

    A source may have several keys: one for each of its shops, or an old and a new one.
    """
    from streams.keys import WriteKey

    secret, digest = _fresh()
    key = WriteKey(name=_named(name), digest=digest, scopes=scopes, rate=rate, created=present())
    _with_store(context, lambda store: store.put([key]))
    _show_secret(context, key, secret, as_json)


@keys.command(
    "list",
    short_help="List the write keys, with their scopes, rates and ends.",
    epilog="Example: ebb keys list --json",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def list_keys(context: Context, as_json: bool) -> None:
    """List the write keys: source, id, scopes, rate, when made, when ending.

    The id is the beginning of the key's hash; the key itself is known to its owner only.
    """
    found = _with_store(context, lambda store: store.all())
    now = present()
    if as_json:
        click.echo(json.dumps([_as_dict(key, now) for key in found]))
        return
    if not found:
        context.console.print("there are no write keys; make one with: ebb keys create NAME")
        return
    rows = [("source", "id", "scopes", "rate", "made", "")]
    rows += [
        (
            key.name,
            key.key_id,
            ",".join(key.scopes),
            f"{key.rate:g}/s" if key.rate else "any",
            to_iso(key.created),
            _end(key, now),
        )
        for key in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@keys.command("revoke", epilog="Example: ebb keys revoke web")
@click.argument("name")
@click.pass_obj
def revoke(context: Context, name: str) -> None:
    """End keys at once: all of the source NAME, or the one with that id.

    Whoever still uses one is refused with 401; SDKs do not send such events again.
    """

    async def work(store: Keystore) -> list[WriteKey]:
        found = await store.named(name, present())
        await store.remove(found)
        return found

    for key in _with_store(context, work, name):
        click.echo(f"revoked {key.name} {key.key_id}")


@keys.command(
    "rotate",
    short_help="Make a new key for a source; the old ones end after a while.",
    epilog="Example: ebb keys rotate web --keep 7d",
)
@click.argument("name")
@click.option(
    "--keep",
    default="1d",
    show_default=True,
    metavar="DURATION",
    help="How long the old keys stay good, so that storefronts can change.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def rotate(context: Context, name: str, keep: str, as_json: bool) -> None:
    """Make a new key for a source, with the scopes and rate of its newest one.

    The old keys end after a while, by themselves.
    """
    import msgspec

    kept = kept_for(keep)
    now = present()
    secret, digest = _fresh()

    async def work(store: Keystore) -> WriteKey:
        found = await store.named(name, now)
        newest = max(found, key=lambda key: key.created)
        fresh = msgspec.structs.replace(newest, digest=digest, created=now, until=0)
        end = now + kept
        old = [msgspec.structs.replace(key, until=min(key.until or end, end)) for key in found]
        await store.put([fresh, *old])
        return fresh

    _show_secret(context, _with_store(context, work, name), secret, as_json)


def _fresh() -> tuple[str, str]:
    from streams.keys import BYTES, digest_of, new_secret

    secret = new_secret(secrets.token_bytes(BYTES))
    return secret, digest_of(secret)


def _named(name: str) -> str:
    from streams.keys import NAME

    return named(name, NAME, "a source's name")


def _with_store(context: Context, work: Callable[[Keystore], Awaitable[T]], name: str = "") -> T:
    from streams.keys import Keystore, NoSuchKey
    from streams.live import open_redis

    async def run() -> T:
        store = Keystore(open_redis(context.settings.redis.url), context.settings.redis.namespace)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except NoSuchKey:
        raise Problem(
            f"{name}: no source and no key has that name or id; ebb keys list shows them"
        ) from None


def _show_secret(context: Context, key: WriteKey, secret: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**_as_dict(key, key.created), "key": secret}))
        return
    click.echo(secret)
    context.console.print(
        f"The write key of {key.name} ({key.key_id}). It is not shown again; collectors take it"
        " from now on."
    )


def _end(key: WriteKey, now: Millis) -> str:
    if not key.until:
        return ""
    return f"{'ended' if key.ended(now) else 'ends'} {to_iso(key.until)}"


def _as_dict(key: WriteKey, now: Millis) -> dict[str, Any]:
    return {
        "source": key.name,
        "id": key.key_id,
        "scopes": list(key.scopes),
        "rate": key.rate,
        "created": to_iso(key.created),
        "until": to_iso(key.until) if key.until else None,
        "ended": key.ended(now),
    }
