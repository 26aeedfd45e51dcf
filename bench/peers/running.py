"""How a peer is told what to do, and tells what it did."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What to process: ``events`` records of ``topic``, all of them there already.

    ``threshold`` is for the work of `bench.peers.work`, ``policy`` for our own.
    """

    kafka: str
    redis: str
    topic: str
    alerts_topic: str
    group: str
    events: int
    partitions: int
    threshold: float
    policy: float
    folder: Path
    out: Path


def job() -> Job:
    """Return the job whose file the command line names."""
    said = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    said["folder"], said["out"] = Path(said["folder"]), Path(said["out"])
    return Job(**said)


class Tally:
    """Counts what is done, and takes the time from the first event to the last."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.events = self.decisions = self.alerts = 0
        self._began = self._cpu = 0.0
        self._ended: tuple[float, float] | None = None

    def start(self) -> None:
        """Note that the first event is at hand; later calls change nothing."""
        if not self._began:
            self._began, self._cpu = time.perf_counter(), time.process_time()

    def take(self, risk: float | None) -> bool:
        """Count an event with its risk; return whether it is worth an alert."""
        self.events += 1
        if risk is None:
            return False
        self.decisions += 1
        alert = risk > self._job.threshold
        self.alerts += alert
        return alert

    def count(self, events: int, decisions: int, alerts: int) -> None:
        """Count what a step of our own work has done."""
        self.events += events
        self.decisions += decisions
        self.alerts += alerts

    @property
    def complete(self) -> bool:
        """Whether all events are processed."""
        return self.events >= self._job.events

    def end(self) -> None:
        """Note that nothing is left to do: what comes until `finish` takes no time."""
        self._ended = time.perf_counter(), time.process_time()

    def finish(self, **more: object) -> None:
        """Write down what was done."""
        ended, cpu = self._ended or (time.perf_counter(), time.process_time())
        seconds = ended - self._began
        said = {
            "events": self.events,
            "decisions": self.decisions,
            "alerts": self.alerts,
            "seconds": seconds,
            "cpu": (cpu - self._cpu) / seconds,
            "memory": _most_resident(),
            **more,
        }
        # Renamed into place: whoever waits for it finds it whole.
        half = self._job.out.with_suffix(".half")
        half.write_text(json.dumps(said), encoding="utf-8")
        half.rename(self._job.out)

    def leave(self, **more: object) -> None:
        """Write down what was done, and end this process without ceremony."""
        self.finish(**more)
        os._exit(0)


def _most_resident() -> int:
    """Return the most bytes that this process had resident."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        # Not on Linux, where this number begins with that of the parent.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
