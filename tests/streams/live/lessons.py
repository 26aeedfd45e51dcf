"""A learner's process, as far as it reads and stores, and examples as they lie in ``training``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from features.store import MemoryStore
from models.learning import Snapshot, TrainingExample
from models.watching import Rivalry
from streams.live.cursor import Cursor
from streams.live.model import read_snapshot
from streams.live.training import TrainingReader
from tests.models.portraits import TASK
from tests.streams.live.fakes import HERE, Record, Taken, chunk_of, logs


def recorded(some: Sequence[TrainingExample], first: int = 0) -> list[Record]:
    """Return examples as the log holds them."""
    return [Record(first + place, msgspec.json.encode(each)) for place, each in enumerate(some)]


class Learner:
    """A learner's process, as far as it reads and stores."""

    def __init__(
        self, store: MemoryStore, name: str = "logistic", rivalry: Rivalry | None = None
    ) -> None:
        self.store = store
        self.reader = TrainingReader(
            HERE.topic,
            name,
            TASK,
            store,
            Taken(),  # type: ignore[arg-type]  # a fake
            500,
            rivalry=rivalry,
        )
        self.cursor = Cursor(0, {HERE.topic: 0}, None)

    async def open(self) -> Learner:
        places, pupil = await self.reader.open(0, logs(HERE.topic, last=1_000_000))
        self.cursor = Cursor(0, places, pupil)
        return self

    async def take(self, *records: Record) -> None:
        chunk = chunk_of(self.cursor, records)
        await self.reader.handle(chunk)
        self.cursor.committed = chunk.end

    def quiet_for(self, seconds: float) -> None:
        """Have the last snapshot lie that long back."""
        self.cursor.held.published_at -= seconds

    async def snapshot(self, name: str) -> Snapshot | None:
        return await read_snapshot(self.store, name)
