"""The collector beside a bare endpoint of the same server: at the limit, and at half of that.

Then far too much for minutes, and Kafka stopped in the midst (`bench.flood`).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from collections import Counter
from typing import Any

from bench.flood import flood, told
from bench.load import BATCH, Load, Run
from bench.sending import quantile
from bench.stage import ROOT, Corner, Servers, console
from bench.telling import Findings, Grid
from streams.demo import Child, free_port, listens

#: Of what the collector takes at its limit.
_SUSTAINED = 0.5
_NAME = "collecting"


def collecting(
    servers: Servers, seconds: float, rounds: int, connections: int, overload: float
) -> Findings:
    """Measure in interleaved rounds, then under overload."""
    with Corner(servers, 4) as corner:
        ours, echo, key = _opened(corner)
        runs: dict[str, list[Run]] = {"echo": [], "collector": []}
        loads = {
            "echo": (Load(echo[1], key, connections), echo[0]),
            "collector": (Load(ours[1], key, connections), ours[0]),
        }
        for number in range(-1, rounds):
            for name, (load, child) in loads.items():
                console.print(f"{name}, round {number + 1} of {rounds} ...")
                run = asyncio.run(load.send(child, seconds if number >= 0 else 1.0))
                if number >= 0:
                    runs[name].append(run)
        grid, facts = _told(runs, connections)
        findings = [grid]
        sustained: dict[str, list[Run]] = {name: [] for name in loads}
        rate = _SUSTAINED * facts["collector"]["rate"]
        for number in range(rounds):
            for name, (load, child) in loads.items():
                console.print(f"{name} at {rate:,.0f}/s, round {number + 1} of {rounds} ...")
                sustained[name].append(asyncio.run(load.send(child, seconds, rate)))
        grid, facts["sustained"] = _told(sustained, connections, rate)
        findings.append(grid)
        if overload:
            console.print(f"overload for {overload:g} s, Kafka stopped in the midst ...")
            # Other numbers: what came before is no proof that these arrived.
            load = Load(ours[1], key, 400, loads["collector"][0].last)
            facts["overload"] = over = flood(corner, ours[0], load, overload)
            findings.append(told(over))
    ratio = facts["ratio"]
    note = (
        f"A request of {BATCH} events that Kafka has acknowledged costs {ratio['cpu']:.1f} times"
        f" the CPU of a bare endpoint, and {ratio['rate']:.2f} as many are taken."
    )
    return Findings(_NAME, findings, facts, [note])


def _opened(corner: Corner) -> tuple[tuple[Child, int], tuple[Child, int], str]:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "keys", "create", "bench"],
        capture_output=True,
        text=True,
        check=True,
        cwd=corner.folder,
        env={**os.environ, **corner.environment, "PYTHONPATH": str(ROOT)},
    )
    ours, bare = free_port(), free_port()
    collector = corner.ebb("collect", "--port", str(ours), "--log-level", "warning")
    echo = corner.start("echo", [sys.executable, "-m", "bench.echo", str(bare)])
    for child, port in ((collector, ours), (echo, bare)):
        child.wait_until(lambda port=port: listens(port), 60, f"nobody listens on {port}")
    return (collector, ours), (echo, bare), done.stdout.strip()


def _told(
    runs: dict[str, list[Run]], connections: int, rate: float = 0
) -> tuple[Grid, dict[str, Any]]:
    facts: dict[str, Any] = {"connections": connections, "batch": BATCH}
    rows = []
    for name, each in runs.items():
        waits = [wait for run in each for wait in run.waits]
        facts[name] = {
            "rate": statistics.median(run.rate for run in each),
            "p50": 1_000 * quantile(waits, 0.5),
            "p99": 1_000 * quantile(waits, 0.99),
            "cpu": statistics.median(run.cost for run in each),
            "answers": dict(sum((run.answers for run in each), Counter())),
        }
        found = facts[name]
        rows.append(
            [
                name,
                f"{found['rate']:,.0f}",
                f"{found['rate'] * BATCH:,.0f}",
                f"{found['p50']:.1f} ms",
                f"{found['p99']:.1f} ms",
                f"{found['cpu']:.2f} ms",
            ]
        )
    pairs = list(zip(runs["collector"], runs["echo"], strict=True))
    facts["ratio"] = {
        "rate": statistics.median(ours.rate / theirs.rate for ours, theirs in pairs),
        "cpu": statistics.median(ours.cost / theirs.cost for ours, theirs in pairs),
    }
    columns = ["", "requests/s", "events/s", "p50", "p99", "CPU of one"]
    how = f"{rate:,.0f} requests/s" if rate else "as many requests as are answered"
    title = f"{how} of {BATCH} events, {connections} connections, {len(pairs)} rounds"
    return Grid(title, columns, rows), facts
