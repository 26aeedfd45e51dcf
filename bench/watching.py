"""How far the workers are, read from the marks in Redis, and what processes cost.

A look is one round trip of a few hundred bytes, so it may be taken often without being felt.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.stage import Corner
from streams.demo import Child

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK = 0.02


class Stuck(RuntimeError):
    """A worker ended, or did not get on; the message shows its last words."""


@dataclass(frozen=True)
class Progress:
    """How far the workers are: records taken, and what was counted."""

    records: int
    counts: Counter[str]


def marks(corner: Corner) -> list[dict[str, Any]]:
    """Return the marks of all partitions of the clickstream."""
    pipe = corner.redis.pipeline(transaction=False)
    for key in _keys(corner):
        pipe.hget(key, "@")
    return [msgspec.json.decode(data) if data else {} for data in pipe.execute()]


def _keys(corner: Corner) -> list[str]:
    topic = corner.topic("clickstream")
    return [f"{corner.name}:{{{topic}-{n}}}:state" for n in range(corner.partitions)]


def progress(corner: Corner) -> Progress:
    """Return how far the workers are."""
    counts: Counter[str] = Counter()
    records = 0
    for mark in marks(corner):
        records += max(mark.get("offset", 0), 0)
        counts.update(mark.get("counts", {}))
    return Progress(records, counts)


@dataclass(frozen=True)
class Timed:
    """How long the workers took from the first records on.

    ``records`` were taken in ``seconds``; ``shares`` says how much of one core each process
    had, ``memory`` the most that a worker had resident, in bytes.
    """

    records: int
    seconds: float
    progress: Progress
    shares: dict[str, float]
    memory: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.records / self.seconds


def time_workers(
    corner: Corner, workers: list[Child], events: int, *, before: int = 0, patience: float = 600
) -> Timed:
    """Wait until ``events`` records are taken, and return how long that took.

    ``before`` are those taken before. What the first look finds done is not counted, nor is the
    time until then: a start is not what is measured.
    """
    deadline = time.monotonic() + patience

    def until(done: int) -> tuple[Progress, float]:
        while True:
            found, now = progress(corner), time.perf_counter()
            if found.records >= done:
                return found, now
            for worker in workers:
                if not worker.running:
                    raise Stuck(f"a worker ended with {worker.exit_code}\n{worker.tail()}")
            if time.monotonic() > deadline:
                raise Stuck(f"{found.records:,} of {events:,} records after {patience:g} s")
            time.sleep(_LOOK)

    first, began = until(before + 1)
    costs = cores(workers)
    last, ended = until(events)
    seconds = ended - began
    spent = {name: (each - costs[name]) / seconds for name, each in cores(workers).items()}
    memory = max(resident(worker.pid) for worker in workers)
    return Timed(last.records - first.records, seconds, last, spent, memory)


class _Place(msgspec.Struct):
    """Of a mark, all that is looked at five hundred times a second."""

    offset: int = -1


_place = msgspec.json.Decoder(_Place).decode


class Positions:
    """Watches the positions of all partitions, from a thread of its own.

    ``look`` is the time between two looks, in seconds: what was stored between them is taken for
    stored at the later one.
    """

    def __init__(self, corner: Corner, look: float = _LOOK) -> None:
        self._pause = look
        # Nothing but bytes out and in: a pipeline of the client takes five times as long.
        self._pool = corner.redis.connection_pool
        self._connection = self._pool.get_connection()
        self._partitions = corner.partitions
        self._asked = self._connection.pack_commands([("HGET", key, "@") for key in _keys(corner)])
        self._over = threading.Event()
        self._seen: list[tuple[float, list[int]]] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Positions:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        self._pool.release(self._connection)

    def _watch(self) -> None:
        while not self._over.wait(self._pause):
            self._look()

    def _look(self) -> None:
        self._connection.send_packed_command(self._asked)
        said = [self._connection.read_response() for _ in range(self._partitions)]
        found = [max(_place(data).offset, 0) if data else 0 for data in said]
        self._seen.append((time.perf_counter(), found))

    def waits(self, homes: bytes, began: float, rate: float) -> np.ndarray:
        """Return, for each event, the seconds from when it was due to when it was stored.

        ``homes`` are the partitions of the events, of which one was due each ``1 / rate``
        seconds; before the first look there were none of them.
        """
        return waited(self._seen, np.frombuffer(homes, dtype=np.uint8), began, rate)


def waited(
    seen: list[tuple[float, list[int]]], homes: np.ndarray, began: float, rate: float
) -> np.ndarray:
    """Return the seconds that each event waited until a look found it stored.

    Two events on one partition, due at 0 and 1 s; the first is found at 0.5, the second at 3.

    >>> looks = [(0.0, [7]), (0.5, [8]), (3.0, [9])]
    >>> waited(looks, np.array([0, 0]), 0.0, 1.0).tolist()
    [0.5, 2.0]
    """
    times = np.array([each for each, _ in seen])
    waits = np.zeros(len(homes))
    for home in np.unique(homes):
        places = np.flatnonzero(homes == home)
        positions = np.array([found[home] for _, found in seen])
        after = positions[0] + np.arange(1, len(places) + 1)
        stored = times[np.searchsorted(positions, after)]
        waits[places] = stored - began - places / rate
    return waits


def settle(corner: Corner, holds: Callable[[], bool], what: str, patience: float = 120) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise Stuck(f"not within {patience:g} s: {what}")
        time.sleep(_LOOK)


def cores(workers: list[Child]) -> dict[str, float]:
    """Return the seconds of CPU that workers, Kafka and Redis have had; 0 where nobody says."""
    spent = {f"{child.name} {number}": cpu(child.pid) for number, child in enumerate(workers, 1)}
    for name, program in (("Kafka", "java"), ("Redis", "redis-server")):
        spent[name] = sum(cpu(pid) for pid in _children(program))
    spent["generator"] = cpu(os.getpid())
    return spent


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has had."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """Return the bytes that a process has resident."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _children(program: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        name, _, rest = text.rpartition(")")
        if rest.split()[1] == str(os.getpid()) and name.partition("(")[2] == program:
            found.append(int(path.parent.name))
    return found
