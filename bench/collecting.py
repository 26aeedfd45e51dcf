"""The collector beside a bare endpoint of the same server; then too much, and Kafka stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.sending import quantile
from bench.stage import ROOT, Corner, Servers, console
from bench.telling import Findings, Grid
from bench.watching import cpu, resident
from streams.demo import Child, free_port, listens
from streams.reading import Reading

#: Events of a request.
BATCH = 20
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
    """Sends requests of 20 events, each with ids of its own, over some connections."""

    def __init__(self, port: int, key: str, connections: int) -> None:
        self._port = port
        self._connections = connections
        self._next = 0
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

    async def _one(self, run: Run, until: float, backing_off: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while (began := time.perf_counter()) < until:
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
        finally:
            writer.close()

    async def send(self, child: Child, seconds: float, backing_off: bool = False) -> Run:
        """Send for some seconds."""
        run, before, began = Run(), cpu(child.pid), time.perf_counter()
        until = began + seconds
        senders = (self._one(run, until, backing_off) for _ in range(self._connections))
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
        if overload:
            console.print(f"overload for {overload:g} s, Kafka stopped in the midst ...")
            over = _overload(corner, ours, key, overload)
            facts["overload"] = over
            findings.append(_told_overload(over))
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


def _told(runs: dict[str, list[Run]], connections: int) -> tuple[Grid, dict[str, Any]]:
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
    title = f"requests of {BATCH} events over {connections} connections, {len(pairs)} rounds"
    return Grid(title, columns, rows), facts


def _overload(corner: Corner, ours: tuple[Child, int], key: str, seconds: float) -> dict[str, Any]:
    """Send far too much, with Kafka stopped for a while; hold what was taken to the topic."""
    child, port = ours
    kafka = _kafka()
    stop = min(30.0, seconds / 3)
    memory: list[int] = []

    async def watch() -> None:
        while True:
            memory.append(resident(child.pid))
            await asyncio.sleep(0.5)

    async def interrupt() -> None:
        await asyncio.sleep((seconds - stop) / 2)
        os.kill(kafka, signal.SIGSTOP)
        try:
            await asyncio.sleep(stop)
        finally:
            os.kill(kafka, signal.SIGCONT)

    async def all_of_it() -> Run:
        watching = asyncio.create_task(watch())
        tasks = [asyncio.create_task(interrupt())] if kafka else []
        run = await Load(port, key, 400).send(child, seconds, backing_off=True)
        watching.cancel()
        await asyncio.gather(*tasks)
        return run

    run = asyncio.run(all_of_it())
    with Reading(corner.settings, corner.topic("clickstream"), in_bulk=True) as reading:
        arrived = {_id(message.value or b"") for message in reading.past()}
    lost = sum(
        b"%09d/%d" % (number, place) not in arrived
        for number in run.taken
        for place in range(BATCH)
    )
    settled = memory[len(memory) // 10 :] or memory
    return {
        "seconds": run.seconds,
        "stopped": stop if kafka else 0,
        "answers": dict(run.answers),
        "p99": 1_000 * quantile(run.waits, 0.99),
        "lost": lost,
        "memory": {"first": settled[0], "most": max(settled), "last": settled[-1]},
    }


def _id(value: bytes) -> bytes:
    return value.partition(b'"event_id":"')[2].partition(b'"')[0]


def _kafka() -> int:
    """Return the Kafka of this run, if it is a child of ours."""
    said = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,comm="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return next((int(line.split()[0]) for line in said.splitlines() if "java" in line), 0)


def _told_overload(over: dict[str, Any]) -> Grid:
    answers = ", ".join(f"{count:,} x {status}" for status, count in over["answers"].items())
    memory = {name: f"{size / 2**20:,.0f} MB" for name, size in over["memory"].items()}
    rows = [
        ["answers", answers],
        ["Kafka stopped for", f"{over['stopped']:g} s"],
        ["acknowledged and lost", f"{over['lost']:,}"],
        ["memory at first, at most, at last", ", ".join(memory.values())],
        ["p99 of an answer", f"{over['p99']:,.0f} ms"],
    ]
    return Grid(
        f"400 connections for {over['seconds']:.0f} s", ["", "found"], rows, words=("found",)
    )
