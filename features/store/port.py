"""What a store of customers must do: one read and one fenced, atomic write a batch.

A store holds, for each partition of the event topic, records of customers, a timer for each
customer, an outbox of messages that wait to be published, and one *mark*: the bytes that say
which position of the log all of this reflects. A commit names the mark that it read; if another
writer has moved on since, nothing is written and the commit says so. What is in the bytes is the
business of those who wrote them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from features.timeline import Millis

#: Customers of one look: more would keep a server from its other work for too long.
MOST_LOOKED_AT: Final = 2_000


class Record(NamedTuple):
    """What is stored of one customer; a part that is None is absent, or not to be written.

    Parameters
    ----------
    state
        What is known: an encoded `CustomerState`.
    ledger
        What is believed and was done: predictions, decisions.
    """

    state: bytes | None = None
    ledger: bytes | None = None


class Page(NamedTuple):
    """What one read brings: the records asked for, and those of customers with a timer due.

    Parameters
    ----------
    records
        Of each customer asked for or due.
    due
        Customers with a timer due, the longest due first.
    time
        The server's own clock at the read, in milliseconds; None where there is no server.
    """

    records: Mapping[str, Record]
    due: Sequence[str]
    time: Millis | None = None


class Look(NamedTuple):
    """What is stored of some customers at one instant, for somebody who only looks.

    Parameters
    ----------
    mark
        The partition's mark: the position that all of this reflects.
    records
        Of each customer asked for; `Record()` for one of whom there is nothing.
    timers
        When each is next due; who has no timer is not in it.
    """

    mark: bytes | None
    records: Mapping[str, Record]
    timers: Mapping[str, Millis]


@dataclass(frozen=True)
class Commit:
    """Everything that one batch changes, written together or not at all.

    Parameters
    ----------
    expected
        The mark that was read; None when there was none yet.
    mark
        The mark that holds from now on.
    records
        Changed customers.
    timers
        When each changed customer is next due; `features.NEVER` removes the timer.
    outbox
        New messages by sequence number.
    trim
        Sequence numbers of messages that the broker has acknowledged.
    stamp
        A number that no other commit of the partition has, at least 0: the timers are of this
        commit. None leaves the one that is there: the timers are not whole yet.
    """

    expected: bytes | None
    mark: bytes
    records: Mapping[str, Record] = field(default_factory=dict)
    timers: Mapping[str, Millis] = field(default_factory=dict)
    outbox: Mapping[int, bytes] = field(default_factory=dict)
    trim: range = range(0)
    stamp: int | None = None


def looked_at(customers: Iterable[str]) -> list[str]:
    """Return the customers of a look, each once; raises `ValueError` when they are too many."""
    asked = list(dict.fromkeys(customers))
    if len(asked) > MOST_LOOKED_AT:
        raise ValueError(f"{len(asked)} customers are more than a look's {MOST_LOOKED_AT}")
    return asked


class StoreAway(ConnectionError):
    """The store cannot be reached, or cannot say whether a commit was made."""


class Store(Protocol):
    """Where the customers of a shop are kept."""

    async def mark(self, partition: int) -> bytes | None:
        """Return the partition's mark; None for a partition never written."""
        ...

    async def read(
        self, partition: int, customers: Iterable[str], due_by: Millis, limit: int
    ) -> Page:
        """Read records and at most ``limit`` customers with a timer due by ``due_by``."""
        ...

    async def commit(self, partition: int, commit: Commit) -> bool:
        """Write a batch; False, and nothing written, when the mark is not the expected one."""
        ...

    async def stamp(self, partition: int) -> int | None:
        """Return the stamp of the commit that the timers are of.

        Not the last commit's when a crash of the store has torn the two apart, or somebody has
        deleted the timers.
        """
        ...

    async def outbox(self, partition: int, sequence: range) -> dict[int, bytes]:
        """Return those of the messages that are (still) there."""
        ...

    def customers(self, partition: int) -> AsyncIterator[tuple[str, Record]]:
        """Iterate over all customers of a partition that have a state, while others write."""
        ...

    def names(self, partition: int) -> AsyncIterator[str]:
        """Iterate over the names of those customers; one may come twice while others write."""
        ...

    async def look(self, partition: int, customers: Iterable[str]) -> Look:
        """Return what is stored of customers at one instant, while others write.

        Parameters
        ----------
        partition
            Theirs.
        customers
            At most `MOST_LOOKED_AT`: one instant cannot be cut into pieces.

        Raises
        ------
        ValueError
            If there are more.
        StoreAway
            If the store cannot be reached.
        """
        ...
