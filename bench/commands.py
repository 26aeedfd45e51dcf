"""What ``python -m bench`` can measure, and how it is asked to."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Sequence

from rich.console import Console

from bench.against import ALERTS, PEERS, compare, gates
from bench.shopping import Mix
from bench.stage import Servers, servers
from bench.telling import Findings, Grid, bar, keep, machine, show

Measure = Callable[[argparse.Namespace, Servers], Findings]


def parser() -> argparse.ArgumentParser:
    """Return how the command line is read."""
    whole = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Ebbtide. Without a command: compare.",
        epilog="`python -m bench core` measures the pure parts, without servers.",
    )
    commands = whole.add_subparsers(dest="command", required=True)

    def command(name: str, says: str, measure: Measure) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.add_argument("--quick", action="store_true", help="a smoke run of seconds")
        added.add_argument("--json", action="store_true", help="print JSON instead of tables")
        added.add_argument(
            "--keep", action="store_true", help="write the results into bench/README.md"
        )
        added.set_defaults(measure=measure)
        return added

    against = command("compare", "the worker beside other stream processors", _compare)
    against.add_argument("--rounds", type=int, default=5)
    against.add_argument("--events", type=int, default=200_000)
    against.add_argument("--customers", type=int, default=20_000)
    against.add_argument("--seed", type=int, default=7, help="of the input and of the order")
    against.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        metavar="PEER,...",
        help=", ".join(peer.name for peer in PEERS),
    )
    curves = command("scale", "cost against customers, workers, late events, timers", _scale)
    curves.add_argument("--events", type=int, default=200_000)
    curves.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        metavar="PART,...",
        help="inprocess, customers, workers, shares, bytes, timers",
    )
    times = command("latency", "from an event to its state and alert, at several rates", _latency)
    times.add_argument("--rates", type=lambda text: [int(each) for each in text.split(",")])
    times.add_argument("--seconds", type=float, default=60)
    times.add_argument("--workers", type=int, default=1)
    learns = command("learner", "examples a second, snapshots, and who judges by them", _learner)
    learns.add_argument("--examples", type=int, default=50_000)
    learns.add_argument("--model", default="bayes")
    over = command("collapse", "three times the capacity for a minute", _collapse)
    over.add_argument("--seconds", type=float, default=60)
    over.add_argument("--times", type=float, default=3)
    door = command("collecting", "the collector beside a bare endpoint; overload", _collecting)
    door.add_argument("--seconds", type=float, default=10, help="of a round")
    door.add_argument("--rounds", type=int, default=5)
    door.add_argument("--connections", type=int, default=16)
    door.add_argument("--overload", type=float, default=300, metavar="SECONDS")
    return whole


def run(arguments: Sequence[str]) -> None:
    """Measure what is asked for, and tell."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments = ["compare", *arguments]
    options = parser().parse_args(arguments)
    before = machine()
    with servers() as running:
        findings = options.measure(options, running)
        backends = running.backends
    if options.json:
        print(json.dumps({"machine": before, "backends": backends, **findings.facts}))
    else:
        show(findings, Console())
    if options.keep:
        command = f"python -m bench {shlex.join(arguments)}".replace(" --keep", "")
        keep(findings, command, backends, before)


def _compare(options: argparse.Namespace, running: Servers) -> Findings:
    events, rounds = (2_000, 1) if options.quick else (options.events, options.rounds)
    customers = 500 if options.quick else options.customers
    mix = Mix(events, customers, seed=options.seed)
    return told(compare(running, mix, rounds, options.only, options.seed))


def told(facts: dict) -> Findings:
    """Return the comparison as tables."""
    rows = facts["rows"]
    most = max((row["median"] for row in rows), default=1.0)
    speeds = [
        [
            f"{row['peer']} {row['version']}".strip(),
            row["work"],
            f"{row['median']:,.0f}",
            f"{row['low'] / 1_000:,.1f}-{row['high'] / 1_000:,.1f} k",
            _times(row["ahead"]),
            f"{row['cpu_rate']:,.0f}",
            _times(row["ahead_cpu"]),
            bar(row["median"], most),
        ]
        for row in rows
    ]
    works = [
        [
            row["peer"],
            f"{row['decisions']:,}",
            f"{row['alerts']:,}",
            f"{row['cpu']:.0%}",
            f"{row['memory'] / 2**20:,.0f} MB",
            row["differs"],
        ]
        for row in rows
    ]
    mix = facts["mix"]
    title = (
        f"{mix['events']:,} events of {facts['bytes']:.0f} bytes, {mix['customers']:,} customers, "
        f"{mix['partitions']} partitions, {facts['rounds']} rounds in random order"
    )
    grids = [
        Grid(
            title,
            [
                *("", "work", "events/s", "range", "ebbtide is"),
                *("per CPU s", "ebbtide then", "median"),
            ],
            speeds,
            words=("work", "median"),
        ),
        Grid(
            f"what each did ({ALERTS:.0%} alerts wanted)",
            ["", "decisions", "alerts", "share of a core", "memory", "differs"],
            works,
            words=("differs",),
        ),
    ]
    notes = gates(rows)
    notes += [f"skipped {name}: {why}" for name, why in facts["skipped"].items()]
    return Findings("compare", grids, facts, notes)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} x"


def _scale(options: argparse.Namespace, running: Servers) -> Findings:
    from dataclasses import replace

    from bench.scale import QUICK, Sizes, scale

    sizes = QUICK if options.quick else replace(Sizes(), events=options.events)
    return scale(running, sizes, options.only)


def _latency(options: argparse.Namespace, running: Servers) -> Findings:
    from bench.latency import RATES, latency

    rates = options.rates or ((500,) if options.quick else RATES)
    return latency(running, rates, 2 if options.quick else options.seconds, options.workers)


def _learner(options: argparse.Namespace, running: Servers) -> Findings:
    from bench.learning import learner

    examples, shoppers = (300, 60) if options.quick else (options.examples, 300)
    return learner(running, examples, shoppers, options.model)


def _collapse(options: argparse.Namespace, running: Servers) -> Findings:
    from bench.collapse import collapse

    events, seconds = (2_000, 2) if options.quick else (200_000, options.seconds)
    return collapse(running, events, seconds, options.times)


def _collecting(options: argparse.Namespace, running: Servers) -> Findings:
    from bench.collecting import collecting

    if options.quick:
        return collecting(running, 1.0, 1, 4, 6.0)
    return collecting(
        running, options.seconds, options.rounds, options.connections, options.overload
    )


__all__ = ["parser", "run"]
