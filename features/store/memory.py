"""The store in memory: for replay, and the reference that the contract's tests compare with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from features.silence import NEVER
from features.store.port import Commit, Look, Page, Record, looked_at
from features.timeline import Millis


@dataclass
class _Partition:
    mark: bytes | None = None
    records: dict[str, Record] = field(default_factory=dict)
    timers: dict[str, Millis] = field(default_factory=dict)
    stamp: int | None = None
    outbox: dict[int, bytes] = field(default_factory=dict)


class MemoryStore:
    """A `Store` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())

    async def mark(self, partition: int) -> bytes | None:
        """Return the partition's mark."""
        return self._of(partition).mark

    async def read(
        self, partition: int, customers: Iterable[str], due_by: Millis, limit: int
    ) -> Page:
        """Read records, and customers with a timer due."""
        held = self._of(partition)
        waiting = sorted((due, name) for name, due in held.timers.items() if due <= due_by)
        due = [name for _, name in waiting[:limit]]
        wanted = dict.fromkeys((*customers, *due))
        return Page({name: held.records.get(name, Record()) for name in wanted}, due)

    async def commit(self, partition: int, commit: Commit) -> bool:
        """Write a batch if the mark is the expected one."""
        held = self._of(partition)
        if held.mark != commit.expected:
            return False
        for name, new in commit.records.items():
            old = held.records.get(name, Record())
            held.records[name] = Record(
                old.state if new.state is None else new.state,
                old.ledger if new.ledger is None else new.ledger,
            )
        for name, due in commit.timers.items():
            if due >= NEVER:
                held.timers.pop(name, None)
            else:
                held.timers[name] = due
        for number in commit.trim:
            held.outbox.pop(number, None)
        held.outbox.update(commit.outbox)
        held.mark = commit.mark
        if commit.stamp is not None:
            held.stamp = commit.stamp
        return True

    async def stamp(self, partition: int) -> int | None:
        """Return the stamp of the commit that the timers are of."""
        return self._of(partition).stamp

    async def outbox(self, partition: int, sequence: range) -> dict[int, bytes]:
        """Return the messages that are there."""
        held = self._of(partition).outbox
        return {number: held[number] for number in sequence if number in held}

    async def customers(self, partition: int) -> AsyncIterator[tuple[str, Record]]:
        """Iterate over all customers of a partition."""
        for name, record in list(self._of(partition).records.items()):
            if record.state is not None:
                yield name, record

    async def names(self, partition: int) -> AsyncIterator[str]:
        """Iterate over the names of all customers of a partition."""
        async for name, _ in self.customers(partition):
            yield name

    async def look(self, partition: int, customers: Iterable[str]) -> Look:
        """Return what is stored of customers."""
        asked = looked_at(customers)
        held = self._of(partition)
        return Look(
            held.mark,
            {name: held.records.get(name, Record()) for name in asked},
            {name: held.timers[name] for name in asked if name in held.timers},
        )
