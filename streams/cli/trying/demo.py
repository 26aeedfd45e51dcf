"""``ebb demo``: the whole system on this machine, with simulated shoppers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from streams.cli.context import Context
from streams.cli.errors import Problem

_DAY = 86_400_000


@click.command(epilog="Example: ebb demo --shoppers 1000 --seed 7 --keep")
@click.option("--shoppers", default=3_000, show_default=True, type=click.IntRange(10, 20_000))
@click.option("--days", default=180, show_default=True, type=click.IntRange(60, 720))
@click.option(
    "--seed", default=7, show_default=True, type=click.IntRange(0), help="Same seed, same shoppers."
)
@click.option(
    "--seconds", default=45.0, show_default=True, help="How long the days should take at least."
)
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder for data, logs and settings; kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON.")
@click.pass_obj
def demo(
    context: Context,
    shoppers: int,
    days: int,
    seed: int,
    seconds: float,
    keep: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Watch a simulated shop lose its customers, and Ebbtide notice. Needs no servers.

    Starts a Kafka-compatible broker, a Redis-compatible server, a worker, a learner and a
    collector on this machine; sends half a year of simulated shopping in about a minute; holds
    what the model said against what the simulator knows; and takes a visit over HTTP. With --keep
    it also opens a little shop, for you to click through.
    """
    from rich.console import Console
    from rich.live import Live

    from streams.demo import (
        ChildError,
        EmbeddedError,
        Shop,
        Stage,
        Storefront,
        Truth,
        Unsettled,
        live_table,
        play,
        summary,
        visit,
    )

    console = Console(highlight=False, stderr=as_json)
    # Ends on a whole hour: the same seed within the hour gives the same shop.
    end = int(time.time() // 3600) * 3_600_000
    shop = Shop(seed=seed, end=end, shoppers=shoppers, days=days)
    # Told to stop, by whomever, the servers are stopped as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        if data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ebbtide-demo-")))
        console.print(
            "Starting a broker, a Redis, a worker, a learner and a collector on this machine ..."
        )
        try:
            stage = stack.enter_context(Stage(data))
            truth = Truth.of(shop, horizon=stage.loaded.settings.churn.horizon)
            with Live(console=console, refresh_per_second=4, transient=True) as live:
                quiet = not console.is_terminal

                def show(*seen: object) -> None:
                    if not quiet:
                        live.update(live_table(*seen))  # type: ignore[arg-type]  # as given

                account = asyncio.run(play(stage, shop, truth, seconds, show))
                key = stage.open_door()
                door = asyncio.run(visit(stage, key))
        except EmbeddedError as error:
            raise Problem(str(error)) from None
        except (ChildError, Unsettled) as error:
            raise Problem(f"{error}\nLogs are in {data}; keep them with --data DIR.") from None
        customer = account.alerts[0].customer if account.alerts else Shop.user_id(0)
        account = dataclasses.replace(
            account, door=door, commands=_commands(stage.config if keep else None, customer)
        )
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(account)))
        else:
            console.print(summary(account))
        if keep:
            command = f"EBB_CONFIG={stage.config} {_ebb()} inspect"
            storefront = stack.enter_context(Storefront(stage.door, key, command))
            console.print(
                f"Open {storefront.url} and shop: what you do there becomes features of the name"
                f" that you log in with.\n"
                f"Everything keeps running; settings, data and logs are in {data}. "
                "Press Ctrl-C to stop."
            )
            _wait_for_a_signal()


def _commands(config: Path | None, customer: str) -> tuple[tuple[str, str], ...]:
    ebb = _ebb()
    if config is None:
        return (
            (f"{ebb} demo --keep", "the same, left running, with a shop to click through"),
            (f"{ebb} status", "lag, watermarks, counts"),
            (f"{ebb} inspect {customer}", "one customer, explained"),
            (f"{ebb} alerts --follow", "alerts as the CRM gets them"),
            (f"{ebb} features", "all that is known of a customer"),
        )
    return (
        (f"export EBB_CONFIG={config}", "in another terminal, then:"),
        (f"{ebb} status", "lag, watermarks, counts"),
        (f"{ebb} inspect {customer}", "one customer, explained"),
        (f"{ebb} inspect {customer} --at {_in_a_month()}", "the same, after a month of silence"),
        (f"{ebb} alerts --limit 3", "alerts as the CRM gets them"),
    )


def _ebb() -> str:
    """Return what to type for this ``ebb``: its path, where a shell would not find it by name."""
    called = Path(sys.argv[0])
    found = shutil.which("ebb")
    if called.name != "ebb" or (found and Path(found).resolve() == called.resolve()):
        return "ebb"
    return str(called)


def _in_a_month() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * _DAY / 1_000))


def _wait_for_a_signal() -> None:
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
