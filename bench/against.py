"""The table: Ebbtide's worker beside other stream processors, on the same input and servers.

Each runs in a process of its own, in rounds, in an order that is drawn anew for each round. Some
do our own work (`bench.peers.our_work`), some a fraction of it (`bench.peers.work`), some nothing.
What a run must have done is known before: all events, and as many decisions and alerts as a plain
loop over the input finds with the same work.
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

from bench.peers.our_work import written
from bench.peers.work import expected
from bench.shopping import Mix, messages
from bench.stage import ROOT, Corner, Servers, console, fill
from bench.threshold import Outcome, calm, decided, decided_alone
from bench.watching import Stuck, progress, settle, time_workers
from streams.demo import ChildError

#: Share of the events that bring an alert.
ALERTS: Final = 0.01
#: Where `make bench` installs the peers: their pins and ours do not agree.
_PEERS: Final = ROOT / ".venv" / "peers" / "bin" / "python"
_PATIENCE: Final = 600.0


#: What each does with an event, and whom Ebbtide is first told beside.
OURS: Final = "ours"
FRACTION: Final = "a fraction"
NOTHING: Final = "none"
_WORKS: Final = (OURS, FRACTION, NOTHING)


@dataclass(frozen=True)
class Peer:
    """Something to compare with.

    ``module`` is in `bench.peers`, empty for Ebbtide's worker; ``library`` must be installed;
    ``alone`` says of our own work that each customer is taken alone, whose timers fire when he
    comes again; ``words`` go to the module's command line.
    """

    name: str
    module: str
    library: str
    work: str
    differs: str
    alone: bool = False
    words: tuple[str, ...] = ()


PEERS: Final = (
    Peer("ebbtide", "", "", OURS, "position and outbox fenced in one step with the states"),
    Peer(
        "bare",
        "bare",
        "aiokafka",
        OURS,
        "a loop by hand; no fence, no outbox, no rebalancing, no stray events or dead letters",
    ),
    Peer(
        "bytewax-ours",
        "bytewax_ours",
        "bytewax",
        OURS,
        "timers fire when their customer comes again; states in SQLite each second",
        alone=True,
    ),
    Peer(
        "quix-ours",
        "quix_ours",
        "quixstreams",
        OURS,
        "timers fire when their customer comes again; states in RocksDB and a changelog",
        alone=True,
    ),
    Peer(
        "pathway-ours",
        "pathway_ours",
        "pathway",
        OURS,
        "timers fire when their customer comes again; takes the events of 1.5 s by time",
        alone=True,
    ),
    Peer(
        "pathway-100ms",
        "pathway_ours",
        "pathway",
        OURS,
        "the same, with a batch each 100 ms instead of Pathway's 1.5 s",
        alone=True,
        words=("100",),
    ),
    Peer(
        "naive",
        "naive",
        "faust",
        FRACTION,
        "a GET, a SET and River for each event; may count twice",
    ),
    Peer("quix", "quix", "quixstreams", FRACTION, "no timers; states in RocksDB and a changelog"),
    Peer(
        "bytewax",
        "bytewax_flow",
        "bytewax",
        FRACTION,
        "timers unused; states in SQLite each second",
    ),
    Peer(
        "pathway",
        "pathway_flow",
        "pathway",
        FRACTION,
        "no timers; one result a batch and customer, so some alerts are not sent",
    ),
    Peer(
        "loop",
        "loop",
        "aiokafka",
        FRACTION,
        "hand-written; no timers; may count twice after a crash",
    ),
    Peer("noop", "noop", "faust", NOTHING, "does nothing with an event"),
    Peer("raw", "raw", "aiokafka", NOTHING, "reads and decodes only"),
)

#: What Ebbtide is held to: at least so many times the rate of another.
GATES: Final = {
    "bare": 0.6,
    "bytewax-ours": 1.0,
    "quix-ours": 1.0,
    "pathway-ours": 1.0,
    "naive": 12.0,
    "noop": 3.0,
}


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
    """What a run is given, and what it must have done: our work, alone, or a fraction of it."""

    mix: Mix
    topic: str
    threshold: float
    policy: float
    whole: Outcome
    alone: Outcome
    fraction: Outcome

    def of(self, peer: Peer) -> Outcome | None:
        """Return what a peer must have done; None where there is nothing to do."""
        if peer.work == OURS:
            return self.alone if peer.alone else self.whole
        return self.fraction if peer.work == FRACTION else None


def compare(
    servers: Servers, mix: Mix, rounds: int, only: Sequence[str] = (), seed: int = 7
) -> dict[str, Any]:
    """Measure, and return everything that is known of it."""
    chosen, skipped = available(only)
    inputs = list(messages(mix))
    decisions, alerts, threshold = expected((each.value for each in inputs), ALERTS)
    policy = calm(mix, inputs, ALERTS)
    with Corner(servers, mix.partitions) as corner:
        topic = corner.topic("clickstream")
        fill(servers.kafka, topic, inputs, mix.partitions)
        wanted = Wanted(
            mix,
            topic,
            threshold,
            policy,
            decided(inputs, policy),
            decided_alone(inputs, policy),
            Outcome(decisions, alerts),
        )
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
        "bytes": sum(len(each.value) for each in inputs) / mix.events,
        "wanted": {
            "ours": asdict(wanted.whole),
            "ours, alone": asdict(wanted.alone),
            FRACTION: asdict(wanted.fraction),
        },
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
    words = {"EBB_POLICY_THRESHOLD": written(wanted.policy)}
    prefix = wanted.topic.removesuffix("clickstream")
    with Corner(servers, mix.partitions, prefix, **words) as corner:
        worker = corner.ebb("worker", "--log-level", "warning")
        timed = time_workers(corner, [worker], mix.events, patience=_PATIENCE)
        counts = timed.progress.counts
        done = sum(counts[name] for name in ("applied", "duplicate", "too_late"))
        if done != mix.events:
            raise Stuck(f"{done:,} of {mix.events:,} events applied: {dict(counts)}")
        # The last timers fire after the last event.
        whole = wanted.whole.decisions
        settle(corner, lambda: progress(corner).counts["decisions"] >= whole, "all decided", 30)
        counts = progress(corner).counts
        made = Outcome(counts["decisions"], counts["alerts"])
        _check(peer, made, wanted)
        return Run(
            peer.name,
            number,
            timed.rate,
            made.decisions,
            made.alerts,
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
            "policy": wanted.policy,
            "folder": str(corner.folder),
            "out": str(said),
        }
        task.write_text(json.dumps(job), encoding="utf-8")
        python = python_of(peer.library) or Path(sys.executable)
        command = [str(python), "-m", f"bench.peers.{peer.module}", str(task), *peer.words]
        child = corner.start(peer.name, command)
        child.wait_until(said.is_file, _PATIENCE, "did not process everything")
        result = json.loads(said.read_text(encoding="utf-8"))
        if result["events"] != mix.events:
            raise Stuck(f"{result['events']:,} of {mix.events:,} events processed")
        _check(peer, Outcome(result["decisions"], result["alerts"]), wanted)
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


def _check(peer: Peer, made: Outcome, wanted: Wanted) -> None:
    """Refuse a run that has not decided what the same work must have decided."""
    due = wanted.of(peer)
    if due is not None and made != due:
        raise Stuck(
            f"{made.decisions:,} decisions and {made.alerts:,} alerts instead of "
            f"{due.decisions:,} and {due.alerts:,}"
        )


def rows(runs: Sequence[Run], peers: Sequence[Peer]) -> list[dict[str, Any]]:
    """Return a row for each peer: those of our own work first, the fastest first."""
    found = []
    for peer in peers:
        own = [run for run in runs if run.peer == peer.name]
        if not own:
            continue
        rates = [run.rate for run in own]
        found.append(
            {
                "peer": peer.name,
                "version": own[-1].version,
                "work": peer.work,
                "median": median(rates),
                "low": min(rates),
                "high": max(rates),
                "decisions": own[-1].decisions,
                "alerts": own[-1].alerts,
                "cpu": median(run.cpu for run in own),
                # What other processes on the machine take away counts less here.
                # A smoke run may take less than a clock tick of it.
                "cpu_rate": median(run.rate / run.cpu if run.cpu else 0.0 for run in own),
                "memory": max(run.memory for run in own),
                "differs": peer.differs,
            }
        )
    mine = next((row for row in found if row["peer"] == "ebbtide"), None)
    for row in found:
        for name, rate in (("ahead", "median"), ("ahead_cpu", "cpu_rate")):
            row[name] = mine[rate] / row[rate] if mine and mine[rate] and row[rate] else None
    return sorted(found, key=lambda row: (_WORKS.index(row["work"]), -row["median"]))


def gates(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return, for each gate that was measured, whether it holds.

    >>> ebbtide = {"peer": "ebbtide", "ahead": 1.0, "ahead_cpu": 1.0}
    >>> gates([ebbtide, {"peer": "naive", "ahead": 15.0, "ahead_cpu": 14.0}])
    ['ebbtide / naive: 15.00 (14.00 per CPU s), at least 12 wanted: holds']
    """
    found = {row["peer"]: row for row in rows if row["ahead"]}
    told = []
    for name, wanted in GATES.items():
        if name in found:
            ratio, by_cpu = found[name]["ahead"], found[name]["ahead_cpu"]
            verdict = "holds" if ratio >= wanted else "DOES NOT HOLD"
            beside = "" if by_cpu is None else f" ({by_cpu:.2f} per CPU s)"
            told.append(
                f"ebbtide / {name}: {ratio:.2f}{beside}, at least {wanted:g} wanted: {verdict}"
            )
    return told
