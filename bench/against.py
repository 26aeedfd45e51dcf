"""The table: Ebbtide's worker beside other stream processors, on the same input and servers.

Each runs in a process of its own, in rounds, in an order that is drawn anew for each round. What
a run must have done is known before: all events, and for those that do the same work, as many
decisions and alerts as the plain loop of `bench.peers.work` finds.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.peers.work import expected
from bench.shopping import Mix, messages
from bench.stage import ROOT, Corner, Servers, console, fill
from bench.threshold import calm
from bench.watching import Stuck, time_workers
from streams.demo import ChildError

#: Share of the events that bring an alert.
ALERTS: Final = 0.01
#: Where `make bench` installs the peers: their pins and ours do not agree.
_PEERS: Final = ROOT / ".venv" / "peers" / "bin" / "python"
_PATIENCE: Final = 600.0


@dataclass(frozen=True)
class Peer:
    """Something to compare with.

    ``module`` is in `bench.peers`, empty for Ebbtide's worker; ``library`` must be installed;
    ``same`` says whether it makes the decisions of `bench.peers.work`.
    """

    name: str
    module: str
    library: str
    differs: str
    same: bool = True


PEERS: Final = (
    Peer(
        "ebbtide",
        "",
        "",
        "does more: silence timers, fenced position and outbox in one step, repeats, late events,"
        " reasons, labels for learning",
        same=False,
    ),
    Peer("naive", "naive", "faust", "a GET, a SET and River for each event; may count twice"),
    Peer("noop", "noop", "faust", "does nothing with an event", same=False),
    Peer("quix", "quix", "quixstreams", "no timers; states in RocksDB and a changelog"),
    Peer("bytewax", "bytewax_flow", "bytewax", "timers unused; states in SQLite each second"),
    Peer(
        "pathway",
        "pathway_flow",
        "pathway",
        "no timers; one result a batch and customer, so some alerts are not sent",
    ),
    Peer("loop", "loop", "aiokafka", "hand-written; no timers; may count twice after a crash"),
    Peer("raw", "raw", "aiokafka", "reads and decodes only", same=False),
)

#: What Ebbtide is held to: at least so many times the rate of another.
GATES: Final = {"naive": 12.0, "noop": 3.0, "loop": 0.6}


@dataclass(frozen=True)
class Run:
    """One peer, once."""

    peer: str
    round: int
    rate: float
    decisions: int
    alerts: int
    cpu: float
    memory: int
    version: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a run is given, and what it must have done."""

    mix: Mix
    topic: str
    decisions: int
    threshold: float
    policy: float


def compare(
    servers: Servers, mix: Mix, rounds: int, only: Sequence[str] = (), seed: int = 7
) -> dict[str, Any]:
    """Measure, and return everything that is known of it."""
    chosen, skipped = available(only)
    inputs = list(messages(mix))
    events, decisions, threshold = expected((each.value for each in inputs), ALERTS)
    with Corner(servers, mix.partitions) as corner:
        topic = corner.topic("clickstream")
        fill(servers.kafka, topic, inputs, mix.partitions)
        wanted = Wanted(mix, topic, decisions, threshold, calm(mix, inputs, ALERTS))
        runs: list[Run] = []
        failed: dict[str, str] = {}
        rng = random.Random(seed)
        for number in range(rounds):
            order = [peer for peer in chosen if peer.name not in failed]
            rng.shuffle(order)
            for peer in order:
                console.print(f"round {number + 1} of {rounds}: {peer.name} ... ", end="")
                try:
                    run = _ebbtide if not peer.module else _other
                    runs.append(run(servers, peer, number, wanted))
                except (Stuck, ChildError) as error:
                    failed[peer.name] = str(error)
                    console.print(f"failed: {error}", markup=False)
                else:
                    console.print(f"{runs[-1].rate:,.0f} events/s")
    return {
        "mix": asdict(mix),
        "bytes": sum(len(each.value) for each in inputs) / events,
        "decisions": decisions,
        "rounds": rounds,
        "seed": seed,
        "skipped": skipped | failed,
        "runs": [asdict(run) for run in runs],
        "rows": rows(runs, [peer for peer in chosen if peer.name not in failed]),
    }


def available(only: Sequence[str]) -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that can run, and of the others why they cannot."""
    chosen, skipped = [], {}
    for peer in PEERS:
        if only and peer.name not in only:
            continue
        if not peer.module or python_of(peer.library) is not None:
            chosen.append(peer)
        else:
            skipped[peer.name] = f"{peer.library} is not installed (make bench installs it)"
    return chosen, skipped


def python_of(library: str) -> Path | None:
    """Return the Python that has a library: ours, or that of the peers."""
    for python in (Path(sys.executable), _PEERS):
        for site in python.parent.parent.glob("lib/python*/site-packages"):
            if (site / library).is_dir():
                return python
    return None


def _ebbtide(servers: Servers, peer: Peer, number: int, wanted: Wanted) -> Run:
    mix = wanted.mix
    words = {"EBB_POLICY_THRESHOLD": f"{wanted.policy:.6f}"}
    prefix = wanted.topic.removesuffix("clickstream")
    with Corner(servers, mix.partitions, prefix, **words) as corner:
        worker = corner.ebb("worker", "--log-level", "warning")
        timed = time_workers(corner, [worker], mix.events, patience=_PATIENCE)
        counts = timed.progress.counts
        done = sum(counts[name] for name in ("applied", "duplicate", "too_late"))
        if done != mix.events:
            raise Stuck(f"{done:,} of {mix.events:,} events applied: {dict(counts)}")
        return Run(
            peer.name,
            number,
            timed.rate,
            counts["decisions"],
            counts["alerts"],
            timed.shares["worker 1"],
            timed.memory,
        )


def _other(servers: Servers, peer: Peer, number: int, wanted: Wanted) -> Run:
    mix = wanted.mix
    prefix = wanted.topic.removesuffix("clickstream")
    with Corner(servers, mix.partitions, prefix) as corner:
        said, task = corner.folder / "said.json", corner.folder / "job.json"
        job = {
            "kafka": servers.kafka,
            "redis": servers.redis,
            "topic": wanted.topic,
            "alerts_topic": corner.topic("interventions"),
            "group": corner.name,
            "events": mix.events,
            "partitions": mix.partitions,
            "threshold": wanted.threshold,
            "folder": str(corner.folder),
            "out": str(said),
        }
        task.write_text(json.dumps(job), encoding="utf-8")
        python = python_of(peer.library) or Path(sys.executable)
        command = [str(python), "-m", f"bench.peers.{peer.module}", str(task)]
        child = corner.start(peer.name, command)
        child.wait_until(said.is_file, _PATIENCE, "did not process everything")
        result = json.loads(said.read_text(encoding="utf-8"))
        _check(peer, result, wanted)
        return Run(
            peer.name,
            number,
            result["events"] / result["seconds"],
            result["decisions"],
            result["alerts"],
            result["cpu"],
            result["memory"],
            result.get("version", ""),
        )


def _check(peer: Peer, result: Mapping[str, Any], wanted: Wanted) -> None:
    if result["events"] != wanted.mix.events:
        raise Stuck(f"{result['events']:,} of {wanted.mix.events:,} events processed")
    if peer.same and result["decisions"] != wanted.decisions:
        raise Stuck(f"{result['decisions']:,} decisions instead of {wanted.decisions:,}")


def rows(runs: Sequence[Run], peers: Sequence[Peer]) -> list[dict[str, Any]]:
    """Return a row for each peer: median, range, ratio to the naive agent."""
    rates = {peer.name: [run.rate for run in runs if run.peer == peer.name] for peer in peers}
    naive = median(rates["naive"]) if rates.get("naive") else None
    found = []
    for peer in peers:
        if not rates[peer.name]:
            continue
        own = [run for run in runs if run.peer == peer.name]
        middle = median(rates[peer.name])
        found.append(
            {
                "peer": peer.name,
                "version": own[-1].version,
                "median": middle,
                "low": min(rates[peer.name]),
                "high": max(rates[peer.name]),
                "ratio": None if naive is None else middle / naive,
                "decisions": own[-1].decisions,
                "alerts": own[-1].alerts,
                "cpu": median(run.cpu for run in own),
                # What other processes on the machine take away counts less here.
                "cpu_rate": median(run.rate / run.cpu for run in own if run.cpu),
                "memory": max(run.memory for run in own),
                "differs": peer.differs,
            }
        )
    return sorted(found, key=lambda row: -row["median"])


def gates(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return, for each gate that was measured, whether it holds.

    >>> gates([{"peer": "ebbtide", "median": 30.0}, {"peer": "naive", "median": 2.0}])
    ['ebbtide / naive: 15.00, at least 12 wanted: holds']
    """
    rates = {row["peer"]: row["median"] for row in rows}
    if "ebbtide" not in rates:
        return []
    told = []
    for name, wanted in GATES.items():
        if name in rates:
            ratio = rates["ebbtide"] / rates[name]
            verdict = "holds" if ratio >= wanted else "DOES NOT HOLD"
            told.append(f"ebbtide / {name}: {ratio:.2f}, at least {wanted:g} wanted: {verdict}")
    return told
