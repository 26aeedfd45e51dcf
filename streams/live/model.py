"""The model of now: workers look for a newer snapshot every moment and need no restart."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from features.store import Store, StoreAway
from models.learning import Judge, Snapshot
from models.registry import Task, judge_of

logger = logging.getLogger(__name__)

#: Seconds between looks.
LOOK: Final = 1.0
#: The learner's records: what it goes on learning from, and what workers judge with.
RUNNING: Final = "running"
PUBLISHED: Final = "published"
#: And of who challenges it.
CHALLENGER: Final = "challenger"
#: The learner has one partition.
PARTITION: Final = 0

_decoder = msgspec.json.Decoder(Snapshot)
_encoder = msgspec.json.Encoder()


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return a snapshot as JSON."""
    return _encoder.encode(snapshot)


async def read_snapshot(store: Store, record: str) -> Snapshot | None:
    """Return the learner's ``RUNNING`` or ``PUBLISHED`` snapshot; None before the first."""
    page = await store.read(PARTITION, [record], -1, 0)
    data = page.records[record].state
    return None if data is None else _decoder.decode(data)


class CurrentModel:
    """Who judges now.

    Parameters
    ----------
    store
        The learner's store.
    task
        What is to be predicted.
    warmup
        Examples that a model must have learnt before it takes over from the prior.
    """

    def __init__(self, store: Store, task: Task, warmup: int) -> None:
        self._store = store
        self._task = task
        self._warmup = warmup
        self._mark: bytes | None = None
        self._judge = judge_of(task, None, warmup)

    def __call__(self) -> Judge:
        """Return the judge of now."""
        return self._judge

    async def look(self) -> None:
        """Take up a newer snapshot if there is one; keep the old one when it cannot be had."""
        try:
            mark = await self._store.mark(PARTITION)
            if mark == self._mark:
                return
            snapshot = await read_snapshot(self._store, PUBLISHED)
            judge = judge_of(self._task, snapshot, self._warmup)
        except StoreAway as error:
            logger.debug("no look at the model: %s", error)
            return
        except ValueError as error:
            logger.error("model not taken up: %s", error)
            return
        self._mark = mark
        if judge.version != self._judge.version:
            logger.info("model %s takes over from %s", judge.version, self._judge.version)
        self._judge = judge
