"""How cost grows: with customers, partitions, workers, late and repeated events, and timers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from bench.inprocess import Hand, run_through
from bench.sending import Plan, quantile, send
from bench.shopping import END, HOUR, MINUTE, Message, Mix, event, messages, one_each
from bench.stage import ROOT, Corner, Servers, console, fill
from bench.telling import Findings, Grid, shares
from bench.watching import Positions, Stuck, Timed, marks, progress, settle, time_workers
from features import encode_event, encode_state
from streams.composition import shop_of
from streams.demo import Child
from streams.demo import Shop as Shoppers
from streams.settings import load_settings
from streams.topics import open_admin, partition_of
from tests.servers import clean_environment

#: Bytes in Redis that the median active customer may cost, and the gates of the issue.
BUDGET = 500
#: When everybody was seen once; nobody's first silence check comes before the input ends.
_SEEN = END - 60 * HOUR

#: Seconds for which events come beside the timers, also when these are few.
_AT_LEAST = 3.0


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    events: int = 200_000
    customers: Sequence[int] = (10_000, 100_000, 1_000_000)
    shoppers: int = 3_000
    storm: int = 1_000_000
    shares: Sequence[float] = (0.0, 0.05, 0.2)


QUICK = Sizes(4_000, (500, 2_000), 40, 2_000, (0.0, 0.2))


def scale(servers: Servers, sizes: Sizes, parts: Sequence[str] = ()) -> Findings:
    """Measure all parts, or those that are named."""
    known = {
        "inprocess": lambda: in_process(sizes),
        "customers": lambda: by_customers(servers, sizes),
        "workers": lambda: by_workers(servers, sizes),
        "shares": lambda: by_shares(servers, sizes),
        "bytes": lambda: record_bytes(sizes),
        "timers": lambda: timers_at_once(servers, sizes),
    }
    grids: list[Grid] = []
    facts: dict[str, Any] = {}
    for name, measure in known.items():
        if not parts or name in parts:
            told, facts[name] = measure()
            grids += told
    return Findings("scale", grids, facts)


def in_process(sizes: Sizes) -> tuple[list[Grid], list[dict[str, Any]]]:
    """Measure the pipeline alone, with so many customers in memory."""
    found = []
    for customers in sizes.customers:
        console.print(f"in process, {customers:,} customers ...")
        command = [sys.executable, "-m", "bench.inprocess", str(customers), str(sizes.events)]
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise Stuck(ended.stderr)
        found.append(json.loads(ended.stdout))
    rows = [
        [
            f"{each['customers']:,}",
            f"{each['rate']:,.0f}",
            f"{each['rate'] / found[0]['rate']:.0%}",
            f"{each['memory'] / 2**20:,.0f} MB",
            f"{each['memory_each']:,.0f}",
        ]
        for each in found
    ]
    columns = ["customers", "events/s", "of the first", "memory", "bytes a customer"]
    return [Grid("in process, all customers in memory", columns, rows)], found


def by_customers(servers: Servers, sizes: Sizes) -> tuple[list[Grid], list[dict[str, Any]]]:
    """Measure the worker with so many customers in Redis."""
    found = []
    for customers in sizes.customers:
        console.print(f"worker, {customers:,} customers ...")
        with Corner(servers, 4) as corner:
            empty = _used(corner)
            seeded = _know(corner, customers)
            used = _used(corner) - empty
            mix = Mix(sizes.events, customers)
            fill(servers.kafka, corner.topic("clickstream"), messages(mix), 4)
            worker = corner.ebb("worker", "--log-level", "warning")
            total = seeded + sizes.events
            timed = time_workers(corner, [worker], total, before=seeded)
            found.append(_told(timed) | {"customers": customers, "redis_each": used / customers})
    rows = [
        [
            f"{each['customers']:,}",
            f"{each['rate']:,.0f}",
            f"{each['rate'] / found[0]['rate']:.0%}",
            f"{each['memory'] / 2**20:,.0f} MB",
            f"{each['redis_each']:,.0f}",
        ]
        for each in found
    ]
    columns = ["customers", "events/s", "of the first", "worker's memory"]
    grid = Grid(
        "through the worker; Redis bytes are of customers seen once, all overhead included",
        [*columns, "Redis bytes a customer"],
        rows,
    )
    spent = shares({f"{each['customers']:,} customers": each["shares"] for each in found})
    return [grid, spent], found


def by_workers(servers: Servers, sizes: Sizes) -> tuple[list[Grid], list[dict[str, Any]]]:
    """Measure with several partitions and workers."""
    found = []
    for partitions, workers in ((1, 1), (4, 1), (12, 1), (4, 2)):
        console.print(f"{partitions} partitions, {workers} workers ...")
        mix = Mix(sizes.events, partitions=partitions)
        timed = _together(servers, mix, workers)
        found.append(_told(timed) | {"partitions": partitions, "workers": workers})
    alone = next(each["rate"] for each in found if each["partitions"] == 4)
    rows = [
        [
            f"{each['partitions']} / {each['workers']}",
            f"{each['rate']:,.0f}",
            f"{each['rate'] / alone:.2f}",
        ]
        for each in found
    ]
    columns = ["partitions / workers", "events/s", "x one worker on 4"]
    spent = shares({row[0]: each["shares"] for row, each in zip(rows, found, strict=True)})
    return [Grid("partitions and workers", columns, rows), spent], found


def by_shares(servers: Servers, sizes: Sizes) -> tuple[list[Grid], list[dict[str, Any]]]:
    """Measure with late and with repeated events."""
    found = []
    mixes = [("late", Mix(sizes.events, late=share)) for share in sizes.shares]
    mixes += [("repeated", Mix(sizes.events, repeated=share)) for share in sizes.shares[1:]]
    for what, mix in mixes:
        share = getattr(mix, what)
        console.print(f"{share:.0%} {what} ...")
        timed = _together(servers, mix, 1)
        counts = timed.progress.counts
        found.append(
            _told(timed)
            | {"what": what, "share": share}
            | {name: counts[name] for name in ("applied", "late", "duplicate", "too_late")}
        )
    rows = [
        [
            f"{each['share']:.0%} {each['what']}",
            f"{each['rate']:,.0f}",
            f"{each['rate'] / found[0]['rate']:.0%}",
            *(f"{each[name]:,}" for name in ("applied", "late", "duplicate", "too_late")),
        ]
        for each in found
    ]
    columns = ["events", "events/s", "of none", "applied", "late", "repeats", "too late"]
    return [Grid("late and repeated events", columns, rows)], found


def record_bytes(sizes: Sizes) -> tuple[list[Grid], list[dict[str, Any]]]:
    """Weigh what Redis holds of simulated shoppers at the end of half a year."""
    found = []
    for keep in ("1.0", "0.3333"):
        console.print(f"bytes a customer, {float(keep):.0%} of the predictions kept ...")
        words = {"EBB_CLOCK": "events", "EBB_LABELS_KEEP": keep}
        shop = shop_of(load_settings(environ=words).settings)
        hand = Hand(shop)
        events = map(encode_event, Shoppers(seed=7, end=END, shoppers=sizes.shoppers).events())
        for _ in run_through(shop, events, hand):
            pass
        weights: dict[str, list[float]] = {"state": [], "ledger": [], "both": []}
        pending = []
        for name, customer in hand.book.items():
            if not customer.state.is_active(END):
                continue
            state = len(encode_state(customer.state)) + len(f"s:{name}")
            ledger = len(customer.ledger.encode()) + len(f"l:{name}")
            weights["state"].append(state)
            weights["ledger"].append(ledger)
            weights["both"].append(state + ledger)
            pending.append(len(customer.ledger.pending))
        found.append(
            {
                "keep": float(keep),
                "active": len(pending),
                "pending": fmean(pending),
                **{
                    name: {"median": quantile(each, 0.5), "p99": quantile(each, 0.99)}
                    for name, each in weights.items()
                },
            }
        )
    rows = [
        [
            f"{each['keep']:.0%}",
            f"{each['active']:,}",
            f"{each['pending']:.1f}",
            *(
                f"{each[name]['median']:,.0f} / {each[name]['p99']:,.0f}"
                for name in ("state", "ledger", "both")
            ),
            "within" if each["both"]["median"] <= BUDGET else "above",
        ]
        for each in found
    ]
    columns = ["predictions kept", "active customers", "pending", "state", "ledger", "both"]
    grid = Grid(
        "bytes of an active customer in Redis (median / p99), names of the fields included",
        [*columns, f"{BUDGET} bytes"],
        rows,
    )
    return [grid], found


def timers_at_once(servers: Servers, sizes: Sizes) -> tuple[list[Grid], dict[str, Any]]:
    """Let the timers of all customers fall due at one moment, and see how long events wait."""
    console.print(f"{sizes.storm:,} timers due at once ...")
    with Corner(servers, 4) as corner:
        worker = corner.ebb("worker", "--log-level", "warning")
        fill(servers.kafka, corner.topic("clickstream"), one_each(sizes.storm, 4, _SEEN), 4)
        _wait_for(corner, worker, sizes.storm)
        over: list[float] = []
        began = time.perf_counter()

        def enough() -> bool:
            fired = progress(corner).counts["decisions_session_end"]
            passed = time.perf_counter() - began
            if not over and fired >= sizes.storm:
                over.append(passed)
            return bool(over) and passed > _AT_LEAST

        # The end of everybody's session is due from half an hour and the lateness on.
        plan = Plan(1_000, 1_200, base=_SEEN + 91 * MINUTE, customers=1_000)
        with Positions(corner) as positions:
            sent = send(corner, plan, enough=enough)
            _wait_for(corner, worker, sizes.storm + sent.events)
        waits = positions.waits(sent.homes, sent.ticks, sent.rate)
        fired = progress(corner).counts["decisions_session_end"]
    facts = {
        "customers": sizes.storm,
        "fired": fired,
        "seconds": over[0] if over else None,
        "events": sent.events,
        "longest": float(waits.max()),
        "median": float(np.median(waits)),
    }
    done = "not done" if not over else f"{over[0]:.1f} s"
    row = [
        f"{sizes.storm:,}",
        f"{fired:,}",
        done,
        f"{facts['longest']:.2f} s",
        f"{facts['median']:.2f} s",
    ]
    columns = ["customers", "timers fired", "until all have", "longest wait of an event", "median"]
    return [Grid("timers due at once, 1,000 events/s beside them", columns, [row])], facts


def _know(corner: Corner, customers: int) -> int:
    """Let a worker see every customer once, and let their sessions end; return the records."""
    topic = corner.topic("clickstream")
    fill(corner.servers.kafka, topic, one_each(customers, corner.partitions, _SEEN), 4)
    worker = corner.ebb("worker", "--log-level", "warning")
    _wait_for(corner, worker, customers)
    after = [_tick(number, corner.partitions) for number in range(corner.partitions)]
    fill(corner.servers.kafka, topic, after, corner.partitions)
    seeded = customers + corner.partitions
    _wait_for(corner, worker, seeded)
    settle(corner, lambda: not _due(corner), "all timers have fired", 900)
    corner.stop()
    return seeded


def _tick(home: int, partitions: int) -> Message:
    """Return an event that brings a partition past the end of the first sessions."""
    number = 0
    while partition_of(name := f"tick-{number}".encode(), partitions) != home:
        number += 1
    at = _SEEN + 3 * HOUR
    return Message(home, name, event(800_000_000 + home, name.decode(), at, "page_viewed", 1, 1))


def _wait_for(corner: Corner, worker: Child, records: int) -> None:
    def done() -> bool:
        if not worker.running:
            raise Stuck(f"the worker ended with {worker.exit_code}\n{worker.tail()}")
        return progress(corner).records >= records

    settle(corner, done, f"{records:,} records are taken", 900)


def _due(corner: Corner) -> int:
    """Return how many timers are due and have not fired."""
    topic = corner.topic("clickstream")
    return sum(
        corner.redis.zcount(f"{corner.name}:{{{topic}-{number}}}:timers", 0, mark["watermark"])
        for number, mark in enumerate(marks(corner))
        if mark
    )


def _used(corner: Corner) -> int:
    used: Any = corner.redis.info("memory")
    return int(used["used_memory"])


def _together(servers: Servers, mix: Mix, count: int) -> Timed:
    """Time workers who are all there before the first event comes."""
    inputs = list(messages(mix))
    with Corner(servers, mix.partitions) as corner:
        workers = [corner.ebb("worker", "--log-level", "warning") for _ in range(count)]
        group = f"{corner.topic('clickstream').removesuffix('clickstream')}{corner.name}-worker"
        with open_admin(corner.settings) as admin:

            def all_there() -> bool:
                found = admin.describe_groups([group])[group]
                return found["group_state"] == "Stable" and len(found["members"]) == count

            settle(corner, all_there, f"{count} workers are in the group")
        fill(servers.kafka, corner.topic("clickstream"), inputs, mix.partitions)
        return time_workers(corner, workers, mix.events)


def _told(timed: Timed) -> dict[str, Any]:
    return {"rate": timed.rate, "memory": timed.memory, "shares": timed.shares}
