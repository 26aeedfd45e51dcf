"""Overload: three times what the worker can do, for a minute. What grows, and what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from bench.sending import Plan, send
from bench.shopping import END, Mix, messages
from bench.stage import Corner, Servers, console, fill
from bench.telling import Findings, Grid, bar
from bench.watching import Stuck, progress, resident, time_workers
from streams.demo import Child
from tests.servers import clean_environment

_SHOWN = 12


def collapse(servers: Servers, events: int, seconds: float, times: float = 3.0) -> Findings:
    """Measure the capacity, send more than that, and see what happens."""
    with Corner(servers, 4) as corner:
        fill(servers.kafka, corner.topic("clickstream"), messages(Mix(events)), 4)
        worker = corner.ebb("worker", "--log-level", "warning")
        timed = time_workers(corner, [worker], events)
        console.print(f"capacity {timed.rate:,.0f} events/s; sending {times:g} times that ...")
        samples: list[dict[str, float]] = []

        def look(passed: float, sent: int) -> None:
            samples.append(_sample(corner, worker, passed, sent, events))

        began = time.perf_counter()
        sent = send(corner, Plan(times * timed.rate, seconds, base=END, tag=1), look)
        ended = time.perf_counter() - began
        backlog = events + sent.events - progress(corner).records
        while (found := _sample(corner, worker, time.perf_counter() - began, sent.events, events))[
            "lag"
        ] > 0:
            samples.append(found)
            if not worker.running:
                raise Stuck(f"the worker ended with {worker.exit_code}\n{worker.tail()}")
            time.sleep(0.5)
        recovered = found["seconds"] - ended
        samples.append(found)
        status = _status(corner)
    facts = {
        "capacity": timed.rate,
        "sent": sent.as_dict(),
        "sent_rate": sent.events / sent.seconds,
        "backlog": backlog,
        "recovered_seconds": recovered,
        "memory_before": timed.memory,
        "memory_most": max(each["memory"] for each in samples),
        "samples": samples,
        "status": status,
    }
    facts["lost"] = events + sent.events - _accounted(status)
    return Findings("collapse", _grids(facts), facts, [_verdict(facts, times)])


def _sample(
    corner: Corner, worker: Child, passed: float, sent: int, before: int
) -> dict[str, float]:
    taken = progress(corner).records - before
    used: Any = corner.redis.info("memory")
    return {
        "seconds": passed,
        "sent": sent,
        "lag": sent - taken,
        "memory": resident(worker.pid),
        "redis": used["used_memory"],
    }


def _status(corner: Corner) -> dict[str, Any]:
    """Return what ``ebb status`` says when nothing is left to do."""
    command = [sys.executable, "-m", "streams.cli", "status", "--wait-idle", "120", "--json"]
    ended = subprocess.run(
        command,
        env=clean_environment(corner.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise Stuck(f"ebb status ended with {ended.returncode}: {ended.stderr}")
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def _accounted(status: dict[str, Any]) -> int:
    kinds = ("applied", "duplicate", "too_late", "invalid")
    return sum(part[kind] for part in status["partitions"] for kind in kinds)


def _grids(facts: dict[str, Any]) -> list[Grid]:
    samples = facts["samples"]
    most = max(each["lag"] for each in samples) or 1
    step = -(-len(samples) // _SHOWN)
    rows = [
        [
            f"{each['seconds']:.1f} s",
            f"{each['lag']:,}",
            f"{each['memory'] / 2**20:,.0f} MB",
            f"{each['redis'] / 2**20:,.0f} MB",
            bar(each["lag"], most) if each["lag"] > 0 else "",
        ]
        for each in [*samples[::step], samples[-1]]
    ]
    columns = ["after", "lag", "worker", "Redis", "lag in bars"]
    return [Grid("overload", columns, rows, words=("lag in bars",))]


def _verdict(facts: dict[str, Any], times: float) -> str:
    grown = facts["memory_most"] / facts["memory_before"] - 1
    return (
        f"Capacity {facts['capacity']:,.0f} events/s, sent {facts['sent_rate']:,.0f}/s "
        f"({facts['sent_rate'] / facts['capacity']:.1f} of the {times:g} times meant) for "
        f"{facts['sent']['seconds']:.0f} s: backlog {facts['backlog']:,} at the end, worked off in "
        f"{facts['recovered_seconds']:.1f} s; the worker's memory grew by {grown:.0%}; "
        f"{facts['lost']:,} events lost."
    )
