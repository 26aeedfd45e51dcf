"""Far too many requests for minutes, and Kafka stopped in the midst: what is kept, what grows."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.load import BATCH, Load, Run
from bench.sending import quantile
from bench.stage import Corner
from bench.telling import Grid
from bench.watching import resident
from streams.demo import Child
from streams.reading import Reading

#: Seconds between two looks at the memory.
_LOOK = 0.5
#: Seconds for which Kafka stands still, unless that is more than a third of all.
_STOPPED = 30.0
#: What the last fifth may have more than the second one.
_FLAT = 1.05


def flood(corner: Corner, child: Child, load: Load, seconds: float) -> dict[str, Any]:
    """Send far too much, with Kafka stopped for a while; hold what was taken to the topic."""
    kafka = _kafka()
    stop = min(_STOPPED, seconds / 3)
    memory: list[int] = []

    async def watch() -> None:
        while True:
            memory.append(resident(child.pid))
            await asyncio.sleep(_LOOK)

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
        run = await load.send(child, seconds, backing_off=True)
        watching.cancel()
        await asyncio.gather(*tasks)
        return run

    run = asyncio.run(all_of_it())
    return {
        "seconds": run.seconds,
        "stopped": stop if kafka else 0,
        "answers": dict(run.answers),
        "p99": 1_000 * quantile(run.waits, 0.99),
        "taken": len(run.taken),
        "lost": lost(_arrived(corner), run.taken, range(load.first + 1, load.last + 1), BATCH),
        "memory": fifths(memory),
        "flat": is_flat(fifths(memory)),
    }


def fifths(memory: Sequence[int]) -> list[float]:
    """Return the mean of each fifth: a minute each, of five.

    >>> fifths([1, 3, 5, 5, 5, 5, 5, 5, 6, 6])
    [2, 5, 5, 5, 6]
    """
    size = max(len(memory) // 5, 1)
    parts = [memory[place * size : (place + 1) * size] for place in range(5)]
    return [statistics.mean(part) for part in parts if part]


def is_flat(each: Sequence[float]) -> bool:
    """Return whether memory stays what it was: the last fifth has hardly more than the second.

    In the first one caches fill, and code is met for the first time.

    >>> is_flat([50, 100, 120, 103, 104]), is_flat([50, 100, 101, 104, 106])
    (True, False)
    """
    return len(each) == 5 and each[-1] <= _FLAT * each[1]


def lost(arrived: Iterable[bytes], taken: Iterable[int], numbers: range, batch: int) -> int:
    """Return how many events of the requests that were taken did not arrive.

    Of request 8, one of two events is not there; request 9 was not taken, and 7 was before:

    >>> lost([b"7/0", b"8/1", b"8/1", b"9/0"], [8], range(8, 10), 2)
    1
    """
    # A byte for each: there are millions.
    found = bytearray(len(numbers) * batch)
    for name in arrived:
        number, _, place = name.partition(b"/")
        if int(number) in numbers:
            found[(int(number) - numbers.start) * batch + int(place)] = 1
    starts = ((number - numbers.start) * batch for number in taken)
    return sum(batch - found.count(1, start, start + batch) for start in starts)


def _arrived(corner: Corner) -> Iterator[bytes]:
    """Return the ids of all events in the topic."""
    with Reading(corner.settings, corner.topic("clickstream"), in_bulk=True) as reading:
        for message in reading.past():
            yield (message.value or b"").partition(b'"event_id":"')[2].partition(b'"')[0]


def _kafka() -> int:
    """Return the Kafka of this run, if it is a child of ours."""
    said = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,comm="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return next((int(line.split()[0]) for line in said.splitlines() if "java" in line), 0)


def told(over: dict[str, Any]) -> Grid:
    """Return what came of it as a table."""
    answers = ", ".join(f"{count:,} x {status}" for status, count in over["answers"].items())
    memory = ", ".join(f"{size / 2**20:,.0f}" for size in over["memory"])
    rows = [
        ["answers", answers],
        ["Kafka stopped for", f"{over['stopped']:g} s"],
        ["requests acknowledged", f"{over['taken']:,}"],
        ["events acknowledged and lost", f"{over['lost']:,}"],
        ["memory in each fifth of the time", f"{memory} MB"],
        ["flat: last fifth at most 5 % above the second", "yes" if over["flat"] else "no"],
        ["p99 of an answer", f"{over['p99']:,.0f} ms"],
    ]
    return Grid(
        f"400 connections for {over['seconds']:.0f} s", ["", "found"], rows, words=("found",)
    )
