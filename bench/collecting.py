"""The collector beside a bare endpoint of the same server: at the limit, and at half of that.

Then far too much for minutes, and Kafka stopped in the midst (`bench.flood`).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.flood import BATCH, flood, told
from bench.sending import quantile
from bench.stage import ROOT, Corner, Servers, console
from bench.telling import Findings, Grid
from bench.watching import cpu
from streams.demo import Child, free_port, listens

#: Of what the collector takes at its limit.
_SUSTAINED = 0.5
_MARK = b"@@@@@@@@@"
_NAME = "collecting"


@dataclass
class Run:
    """What came of some seconds of requests."""

    seconds: float = 0.0
    cpu: float = 0.0
    waits: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    taken: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second that were taken."""
        return self.answers[200] / self.seconds

    @property
    def cost(self) -> float:
        """Milliseconds of the server's CPU for a request."""
        return 1_000 * self.cpu / max(sum(self.answers.values()), 1)


class Load:
    """Sends requests of 20 events, each with ids of its own, over some connections.

    The requests are numbered from ``first`` on, and their events by request and place.
    """

    def __init__(self, port: int, key: str, connections: int, first: int = 0) -> None:
        self._port = port
        self._connections = connections
        self.first = self._next = first
        shown = b64encode(f"{key}:".encode()).decode()
        messages = [
            {
                "type": "track",
                "event": "Product Viewed",
                "userId": f"shopper-{place}-{_MARK[:6].decode()}",
                "messageId": f"{_MARK.decode()}/{place}",
                "timestamp": "2026-11-01T12:00:00.000Z",
                "properties": {"product_id": "sku-17", "category": "shoes", "price": 39.9},
                "context": {"library": {"name": "bench", "version": "1"}},
            }
            for place in range(BATCH)
        ]
        body = json.dumps({"batch": messages, "sentAt": "2026-11-01T12:00:01.000Z"}).encode()
        head = (
            f"POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: Basic {shown}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body

    @property
    def last(self) -> int:
        """The number of the latest request."""
        return self._next

    async def _one(
        self, run: Run, began: float, until: float, every: float, backing_off: bool
    ) -> None:
        """Send over one connection: one after the other, or one each ``every`` seconds.

        What is late counts from when it was due, so that nobody waits unseen.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                now = time.perf_counter()
                if every and began > now:
                    await asyncio.sleep(began - now)
                elif not every:
                    began = now
                if began >= until:
                    return
                self._next += 1
                number = self._next
                said = self._request.replace(_MARK, b"%09d" % number)
                writer.write(said.replace(_MARK[:6], b"%06d" % (number % 5_000)))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                status = int(head[9:12])
                run.answers[status] += 1
                run.waits.append(time.perf_counter() - began)
                if status == 200:
                    run.taken.append(number)
                elif backing_off:
                    # Ruder than any SDK, but not a mere loop.
                    await asyncio.sleep(0.05)
                began += every
        finally:
            writer.close()

    async def send(
        self, child: Child, seconds: float, rate: float = 0, backing_off: bool = False
    ) -> Run:
        """Send for some seconds: so many requests a second, or as many as are answered."""
        run, before, began = Run(), cpu(child.pid), time.perf_counter()
        until = began + seconds
        every = self._connections / rate if rate else 0.0
        senders = (
            self._one(run, began + number * every / self._connections, until, every, backing_off)
            for number in range(self._connections)
        )
        await asyncio.gather(*senders)
        run.seconds, run.cpu = time.perf_counter() - began, cpu(child.pid) - before
        return run


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
