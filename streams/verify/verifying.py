"""The state in Redis beside the log that it is a function of, while workers write both.

A customer is looked at together with the partition's mark, at one instant; the log up to exactly
that mark must give that customer. Partition after partition: no more than one partition's sample
is in memory, and its log goes by event by event.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from features import NEVER, Millis
from features.store import MOST_LOOKED_AT, Record, Store
from models.deciding import Ledger
from models.learning import Judge
from streams.pipeline import Shop
from streams.topics import partition_of
from streams.verify.reach import CannotVerify, Reach, read_reach
from streams.verify.rebuilding import Rebuilding, Rebuilt
from streams.verify.redeciding import Expected, Redeciding, Retold
from streams.verify.sampling import EVERYBODY, highest_rank, names_up_to
from streams.verify.verdicts import Bench, Finding, Verdict

#: Told now and then: the partition, how many of its records were read, and how many there are.
Progress: TypeAlias = Callable[[int, int, int], None]
#: Findings that are kept in full; the rest are counted.
_KEPT: Final = 1_000
_BREATH: Final = 2_000


class Log(Protocol):
    """A topic that can be read piece by piece, such as `streams.reading.Reading`."""

    def __len__(self) -> int:
        """Return the number of partitions."""
        ...

    def start(self, partition: int) -> int:
        """Return the offset of the oldest record that a partition holds."""
        ...

    def stretch(self, partition: int, start: int, until: int) -> Iterator[Any]:
        """Yield the records of a partition from an offset up to another."""
        ...


@dataclass(frozen=True)
class System:
    """What is to be verified.

    Parameters
    ----------
    store
        The customers.
    clickstream, rekeyed
        The logs; None for no second one.
    shop
        The rules that the workers follow.
    judge
        Any model: what depends on it is not compared.
    wall
        Whether the clock moves the watermark of an idle partition.
    """

    store: Store
    clickstream: Log
    rekeyed: Log | None
    shop: Shop
    judge: Judge
    wall: bool


@dataclass
class Report:
    """What came of it.

    Parameters
    ----------
    counts
        How many customers of each verdict.
    findings
        Those who are not equal, up to a thousand.
    retold
        What came of taking their decisions again; None if that was not asked for.
    events
        Records that were read.
    """

    counts: Counter[Verdict] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    events: int = 0
    retold: Retold | None = None

    @property
    def wrong(self) -> int:
        """How many customers are not what the log says."""
        return self.counts[Verdict.DIFFERENT] + self.counts[Verdict.MISSING]

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if it says something."""
        self.counts[finding.verdict] += 1
        if finding.verdict is not Verdict.EQUAL and len(self.findings) < _KEPT:
            self.findings.append(finding)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return {
            "checked": self.counts.total(),
            "equal": self.counts[Verdict.EQUAL],
            "different": self.counts[Verdict.DIFFERENT],
            "missing": self.counts[Verdict.MISSING],
            "unsure": self.counts[Verdict.UNSURE],
            "gone": self.counts[Verdict.GONE],
            "events": self.events,
            "findings": [finding.as_dict() for finding in self.findings],
            **({} if self.retold is None else {"decisions": self.retold.as_dict()}),
        }


def _ignore(partition: int, read: int, total: int) -> None:
    pass


async def verify(
    system: System,
    customers: Sequence[str] = (),
    sample: int | None = None,
    progress: Progress = _ignore,
    decisions: Redeciding | None = None,
) -> Report:
    """Compute customers again from the log, and compare.

    Parameters
    ----------
    system
        What is to be verified; it may be running.
    customers
        Who is to be looked at; a sample when empty.
    sample
        How many, always the same ones; everybody when None.
    progress
        Told now and then how far it is.
    decisions
        Is told the decisions on those who are what the log says; None for not.

    Raises
    ------
    CannotVerify
        If the state and the log do not belong together.
    """
    numbers = range(len(system.clickstream))
    asked: dict[int, list[str]] = {}
    for name in dict.fromkeys(customers):
        asked.setdefault(partition_of(name.encode(), len(numbers)), []).append(name)
    highest = -1
    if not asked:
        highest = EVERYBODY
        if sample is not None:
            highest = await highest_rank(system.store, numbers, sample)
    report = Report(retold=None if decisions is None else decisions.retold)
    for partition in sorted(asked) if asked else numbers:
        names = asked.get(partition) or await names_up_to(system.store, partition, highest)
        await _Partition(system, partition, report, progress, decisions).verify(names, highest)
    return report


@dataclass
class _Partition:
    system: System
    number: int
    report: Report
    progress: Progress
    decisions: Redeciding | None

    async def verify(self, names: Sequence[str], highest: int) -> None:
        records: dict[str, Record] = {}
        timers: dict[str, Millis] = {}
        reaches: dict[str, Reach] = {}
        upto = Reach()
        for first in range(0, max(len(names), 1), MOST_LOOKED_AT):
            some = names[first : first + MOST_LOOKED_AT]
            look = await self.system.store.look(self.number, some)
            if look.mark is None:
                self._without_a_mark(look.records)
                continue
            upto = self._reach(look.mark)
            records.update(look.records)
            timers.update(look.timers)
            reaches.update(dict.fromkeys(some, upto))
        if not upto.partitions:
            return
        starts = self._starts(upto)
        system = self.system
        rebuilding = Rebuilding(
            system.shop,
            system.judge,
            self.number,
            upto.partitions,
            reaches,
            highest=highest,
            wall=system.wall,
            **({} if self.decisions is None else {"watch": self.decisions.watch}),
        )
        await self._read(rebuilding, starts, upto)
        bench = Bench(system.shop, system.judge, self.number, max(starts))
        for name, rebuilt in rebuilding.finish().items():
            reach = reaches[name]
            finding = bench.verdict(name, records[name], timers.get(name, NEVER), reach, rebuilt)
            self.report.add(finding)
            if self.decisions is not None and finding.verdict is Verdict.EQUAL:
                self._retell(self.decisions, name, records[name].ledger, reach, rebuilt)
        await self._check_strangers(rebuilding.strangers)

    def _retell(
        self,
        decisions: Redeciding,
        name: str,
        ledger: bytes | None,
        reach: Reach,
        rebuilt: Rebuilt,
    ) -> None:
        stored = Ledger() if ledger is None else Ledger.decode(ledger)
        # When time had moved how far is not in the log, nor the order of what lies in two topics.
        sure = rebuilt.hurried is None and not (rebuilt.moved and rebuilt.stayed)
        on_their_way = reach.head - reach.tail
        decisions.expect(Expected(name, stored, reach.watermark, on_their_way, sure))

    def _reach(self, mark: bytes) -> Reach:
        reach = read_reach(mark, self.number)
        here, shape = len(self.system.clickstream), self.system.shop.definition.fingerprint
        if reach.partitions != here:
            raise CannotVerify(
                f"the state in Redis is of a topic of {reach.partitions} partitions, but the topic "
                f"has {here}: customers and their events are parted. Start a new set of topics "
                "with topics.prefix, and import the events again"
            )
        if reach.shape != shape:
            raise CannotVerify(
                "the state in Redis was built with other settings of churn, silence or features "
                f"(partition {self.number}: {reach.shape}, now {shape}): run ebb verify with the "
                "settings that the workers run with"
            )
        return reach

    def _without_a_mark(self, records: Mapping[str, Record]) -> None:
        for name, record in records.items():
            if record.state is None:
                verdict, why = Verdict.MISSING, "not in Redis, nor is anybody of its partition"
            else:
                verdict = Verdict.DIFFERENT
                why = (
                    "mark: the partition has none in Redis, so the next worker begins at the start"
                )
            self.report.add(Finding(name, self.number, verdict, why))

    def _starts(self, upto: Reach) -> tuple[int, int]:
        rekeyed = self.system.rekeyed
        second = rekeyed.start(self.number) if rekeyed is not None and upto.rekeyed > 0 else 0
        return self.system.clickstream.start(self.number), second

    async def _read(self, rebuilding: Rebuilding, starts: tuple[int, int], upto: Reach) -> None:
        """Let the log go by, in the order in which it came."""
        rekeyed = self.system.rekeyed
        until = max(upto.offset, 0)
        first = self.system.clickstream.stretch(self.number, starts[0], until)
        total = max(until - starts[0], 0)
        merged: Iterator[tuple[int, bool, Any]] | None = None
        if rekeyed is not None and upto.rekeyed > starts[1]:
            total += upto.rekeyed - starts[1]
            second = rekeyed.stretch(self.number, starts[1], upto.rekeyed)
            merged = heapq.merge(
                ((record.timestamp, False, record) for record in first),
                ((record.timestamp, True, record) for record in second),
                key=itemgetter(0),
            )
        read = 0
        self.progress(self.number, 0, total)
        take = rebuilding.take
        for _, moved, record in merged or ((0, False, record) for record in first):
            take(record, moved=moved)
            read += 1
            if read % _BREATH == 0:
                self.progress(self.number, read, total)
                await asyncio.sleep(0)  # Ctrl-C is heard here
        self.report.events += read
        self.progress(self.number, total, total)

    async def _check_strangers(self, strangers: Mapping[str, str]) -> None:
        """Look for those of the log whom Redis did not name: they may have come since."""
        if not strangers:
            return
        look = await self.system.store.look(self.number, strangers)
        for name, place in strangers.items():
            if look.records[name].state is None:
                reason = f"not in Redis, but its events are in the topic, from {place} on"
                self.report.add(Finding(name, self.number, Verdict.MISSING, reason))
