"""How the system stands: what each partition has applied, and how far it is behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from features import Millis
from features.store import Store
from models.learning import PRIOR
from streams.live.attendance import Working
from streams.live.held import Mark, read_mark
from streams.live.model import PARTITION, PUBLISHED, read_snapshot
from streams.live.notes import Notes, read_notes
from streams.pipeline import NO_WATERMARK


class Ends(Protocol):
    """Knows where a topic's partitions end: `streams.ends.LogEnds`, or who sent the records."""

    def __len__(self) -> int: ...

    def read(self, positions: Mapping[int, int]) -> Mapping[int, int]:
        """Return the offset after the last record of each partition."""
        ...


class Logs(NamedTuple):
    """Where the topics end that the system reads.

    Parameters
    ----------
    clickstream, rekeyed, training, outcomes
        The events, those that were moved to their partition, the examples, and what came of
        alerts; None where nobody reads these.
    """

    clickstream: Ends
    rekeyed: Ends
    training: Ends
    outcomes: Ends | None = None


@dataclass(frozen=True)
class PartitionStatus:
    """One partition of the clickstream; ``lag`` includes events that were moved here."""

    partition: int
    position: int
    end: int
    lag: int
    watermark: Millis | None
    applied: int
    late: int
    duplicate: int
    too_late: int
    invalid: int
    forwarded: int
    rekeyed: int
    missing: int
    outbox: int


@dataclass(frozen=True)
class Status:
    """The whole system.

    Parameters
    ----------
    partitions
        Of the clickstream.
    learner_lag
        Examples that lie in ``training`` and are not learnt.
    unpublished
        Examples learnt that the workers' model does not know yet.
    overdue
        Partitions in which a timer is due and has not fired.
    customers, applied, decisions, alerts, alerts_treated, alerts_holdout, unfunded
        Totals; the last one of those whom limits left no room for.
    pending, matured, learnt
        Predictions that wait for their label, labels of the whole horizon known, and learnt.
    outbox
        Messages committed and not yet known to be published.
    model
        Version that workers judge with, once its warm-up is over; ``prior`` before any.
    quality
        Prequential quality as of the model's snapshot.
    challenger
        Who is tried in the model's shadow, and what the comparison says; empty if nobody is.
    drift
        How many alarms there were.
    events
        The last news of the models, the latest last.
    linked, handed_over, recalled, trail_lost
        Visitors who became customers; events of theirs that went to these, and that were counted
        there; and events of visitors that went before it was known, being too many.
    """

    partitions: list[PartitionStatus]
    learner_lag: int
    unpublished: int
    overdue: int
    customers: int
    applied: int
    decisions: int
    alerts: int
    alerts_treated: int
    alerts_holdout: int
    pending: int
    matured: int
    learnt: int
    unknown_types: int
    outbox: int
    model: str
    quality: dict[str, Any] = field(default_factory=dict)
    challenger: dict[str, Any] = field(default_factory=dict)
    drift: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    linked: int = 0
    handed_over: int = 0
    recalled: int = 0
    trail_lost: int = 0
    unfunded: int = 0
    #: Commits so far: what does not change does not move.
    commits: int = 0
    #: The workers that say that they run.
    workers: list[Working] = field(default_factory=list)
    #: What came of alerts: read, how many of these say that somebody wants no messages any more, of
    #: no use, not read yet, and gone unread.
    outcomes: int = 0
    withdrawals: int = 0
    outcomes_invalid: int = 0
    outcomes_lag: int = 0
    outcomes_missing: int = 0

    @property
    def lag(self) -> int:
        """Events not yet applied."""
        return sum(partition.lag for partition in self.partitions)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do: no lag, nothing due, to publish or to learn."""
        left = (
            *(self.lag, self.overdue, self.outbox, self.learner_lag, self.unpublished),
            self.outcomes_lag,
        )
        return not any(left)

    @property
    def watermark(self) -> Millis | None:
        """The oldest watermark: all partitions are complete up to there."""
        known = [p.watermark for p in self.partitions if p.watermark is not None]
        return min(known, default=None)

    @property
    def policies(self) -> list[str]:
        """The versions of the policy file by which workers decide: more than one is too many."""
        return sorted({worker.policy for worker in self.workers if worker.policy})

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return asdict(self) | {
            "lag": self.lag,
            "idle": self.idle,
            "watermark": self.watermark,
            "policies": self.policies,
        }


async def read_status(
    customers: Store, learner: Store, logs: Logs, returned: Store | None = None
) -> Status:
    """Read how the system stands.

    Parameters
    ----------
    customers, learner
        The stores of the workers and of the learner.
    logs
        Where their topics end.
    returned
        Where the places in ``outcomes`` are kept; None where nobody reads these.
    """
    numbers = range(len(logs.clickstream))
    marks = {number: read_mark(await customers.mark(number)) for number in numbers}
    ends = logs.clickstream.read({number: mark.offset for number, mark in marks.items()})
    moved = logs.rekeyed.read({number: mark.rekeyed for number, mark in marks.items()})
    # Before the mark: a snapshot that is published between the two must not look as if it were
    # all that is left to do.
    snapshot = await read_snapshot(learner, PUBLISHED)
    notes = await read_notes(learner)
    taught = read_mark(await learner.mark(PARTITION))
    training_end = logs.training.read({0: taught.offset})[0]
    learnt = taught.counts.get("learnt", 0)
    whole = learnt - taught.counts.get("early", 0)
    overdue = 0
    for number, mark in marks.items():
        overdue += bool((await customers.read(number, (), mark.watermark, 1)).due)
    back, back_lag = await _read_back(returned, logs.outcomes)

    def total(name: str) -> int:
        return _total(marks, name)

    return Status(
        partitions=[
            _partition(number, mark, ends[number], moved.get(number, 0))
            for number, mark in marks.items()
        ],
        learner_lag=max(training_end - max(taught.offset, 0), 0),
        unpublished=max(learnt - taught.counts.get("told", 0), 0),
        overdue=overdue,
        customers=total("customers"),
        applied=total("applied"),
        decisions=total("decisions"),
        alerts=total("alerts"),
        alerts_treated=total("alerts_treated"),
        alerts_holdout=total("alerts_holdout"),
        unfunded=total("unfunded"),
        pending=total("pending"),
        matured=total("matured"),
        learnt=whole,
        unknown_types=total("unknown_type"),
        outbox=sum(each.head - each.tail for each in (*marks.values(), *back.values(), taught)),
        model=PRIOR if snapshot is None else snapshot.version,
        quality={} if snapshot is None else snapshot.quality,
        challenger={} if notes is None else _challenger(notes),
        drift={} if notes is None else {"alarms": notes.watch.alarms},
        events=[] if notes is None else [msgspec.to_builtins(each) for each in notes.events],
        linked=total("linked"),
        handed_over=total("handed_over"),
        recalled=total("recalled"),
        trail_lost=total("trail_lost"),
        commits=sum(each.epoch for each in (*marks.values(), *back.values(), taught)),
        outcomes=_total(back, "outcomes"),
        withdrawals=_total(back, "withdrawals"),
        outcomes_invalid=_total(back, "invalid"),
        outcomes_lag=back_lag,
        outcomes_missing=_total(back, "missing"),
    )


def _total(marks: Mapping[int, Mark], name: str) -> int:
    return sum(mark.counts.get(name, 0) for mark in marks.values())


async def _read_back(store: Store | None, ends: Ends | None) -> tuple[dict[int, Mark], int]:
    """Return the places in ``outcomes``, and how many of these were not read yet."""
    if store is None or ends is None:
        return {}, 0
    marks = {number: read_mark(await store.mark(number)) for number in range(len(ends))}
    found = ends.read({number: mark.offset for number, mark in marks.items()})
    return marks, sum(max(found[number] - max(m.offset, 0), 0) for number, m in marks.items())


def _challenger(notes: Notes) -> dict[str, Any]:
    if not notes.challenger:
        return {}
    return {"name": notes.challenger, "by_drift": notes.by_drift is not None, **notes.standing}


def _partition(number: int, mark: Mark, end: int, moved: int) -> PartitionStatus:
    position = max(mark.offset, 0)
    return PartitionStatus(
        partition=number,
        position=position,
        end=end,
        lag=max(end - position, 0) + max(moved - max(mark.rekeyed, 0), 0),
        watermark=None if mark.watermark == NO_WATERMARK else mark.watermark,
        applied=mark.counts.get("applied", 0),
        late=mark.counts.get("late", 0),
        duplicate=mark.counts.get("duplicate", 0),
        too_late=mark.counts.get("too_late", 0),
        invalid=mark.counts.get("invalid", 0),
        forwarded=mark.counts.get("forwarded", 0),
        rekeyed=mark.counts.get("rekeyed", 0),
        missing=mark.counts.get("missing", 0),
        outbox=mark.head - mark.tail,
    )
