"""The learner's side of the stream: examples in, snapshots out, each example learnt once.

The position in ``training`` and the model are one record in the store, so a restart neither
skips nor repeats an example. What is learnt is written with every batch; a numbered snapshot is
published when enough is new, and workers take that one up. A challenger may learn beside it, and
take its place (`streams.live.shadowing`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

import msgspec

from features.store import Record, Store
from models.judging import Prequential
from models.learning import TrainingExample
from models.registry import REGISTRY, Task
from models.watching import Rivalry
from streams.deadletters import DeadLetter, redriven_from
from streams.live.cursor import Chunk, Log, Offsets
from streams.live.held import Held, read_mark
from streams.live.messages import (
    Message,
    letter_message,
    model_event_message,
    snapshot_message,
)
from streams.live.model import PUBLISHED, RUNNING, encode_snapshot
from streams.live.relay import Relay
from streams.live.seen import Seen, read_seen
from streams.live.shadowing import Contest

logger = logging.getLogger(__name__)

#: A snapshot is published when so many examples, or this share of all, are new.
_PUBLISH_AFTER: Final = 100
_PUBLISH_SHARE: Final = 0.05
#: Seconds after which a little that is new is published, too.
_QUIET: Final = 5.0


class TrainingReader:
    """Handles the chunks of ``training``.

    Parameters
    ----------
    topic
        Full name of ``training``.
    name
        The model's name in the registry.
    task
        What is to be predicted.
    store
        Where the model is kept.
    relay
        Publishes the snapshots.
    batch
        Most examples at once.
    rivalry
        Who challenges the model, and what follows.
    accept_gap
        Whether to go on when the log no longer holds what comes next.
    """

    def __init__(
        self,
        topic: str,
        name: str,
        task: Task,
        store: Store,
        relay: Relay,
        batch: int,
        *,
        rivalry: Rivalry | None = None,
        accept_gap: bool = False,
    ) -> None:
        self.batch = batch
        self.topics: tuple[str, ...] = (topic,)
        self._accept_gap = accept_gap
        self._name = name
        self._task = task
        self._store = store
        self._relay = relay
        self._decoder = msgspec.json.Decoder(TrainingExample)
        self._rivalry = rivalry or Rivalry()
        # River takes seconds to import: better now than in the loop that keeps the lease.
        for each in {name, self._rivalry.challenger, self._rivalry.on_drift} - {""}:
            REGISTRY[each].learner(task, None)

    async def open(self, partition: int, logs: Mapping[str, Log]) -> tuple[Offsets, Any]:
        """Return where learning stands, and the model as it was then."""
        data = await self._store.mark(partition)
        held = Held(self._store, partition, data, self._shape(data))
        positions = {self.topics[0]: held.mark.offset}
        places = await held.places(positions, logs, accept_gap=self._accept_gap)
        await held.recover_outbox()
        self._relay.take(partition, held)
        seen = await read_seen(self._store, partition, held.mark.counts.get("learnt", 0))
        contest = await Contest.read(self._store, self._task, self._name, self._rivalry)
        return places, _Pupil(held, contest, seen)

    def _shape(self, data: bytes | None) -> str:
        """Return what must not have changed: the features. The model may be another one now."""
        fingerprint = self._task.catalogue.fingerprint
        stored = "" if data is None else read_mark(data).shape
        return stored if stored.endswith(f"-{fingerprint}") else f"{self._name}-{fingerprint}"

    def let_go(self, partition: int) -> None:
        """Stop publishing for a partition."""
        self._relay.let_go(partition)

    async def finish(self) -> None:
        """Publish what waits."""
        await self._relay.finish()

    async def handle(self, chunk: Chunk) -> None:
        """Learn a chunk of examples, and store the model with the position."""
        pupil: _Pupil = chunk.cursor.held
        held = pupil.held
        idle = not chunk.records
        offset = chunk.end[self.topics[0]]
        moved = offset != held.mark.offset or held.topics != held.mark.topics
        if not (moved or held.untrimmed or pupil.is_news(0, idle=idle)):
            return
        await held.wait_for_room()
        decoded, letters = self._decode(chunk)
        # A worker's crash can send an example twice.
        examples = [each for each in decoded if pupil.seen.add(each.example_id)]
        tested = [each for each in examples if each.whole]
        counts = Counter(
            learnt=len(examples),
            early=len(examples) - len(tested),
            repeated=len(decoded) - len(examples),
            invalid=len(letters),
        )
        for example in tested:
            pupil.quality.add(example.risk, example.label)
        events = pupil.contest.take(examples, pupil.number)
        counts["alarms"] = sum(event.type == "drift" for event in events)
        promoted = any(event.type == "promoted" for event in events)
        pupil.unpublished += len(examples)
        messages: list[Message] = [*letters, *map(model_event_message, events)]
        summary = pupil.quality.summary() | {"counts": pupil.quality.dump()}
        learner = pupil.contest.champion
        running = learner.snapshot(pupil.number, summary)
        records = {}
        if promoted or pupil.is_news(len(examples), idle=idle):
            running = msgspec.structs.replace(running, number=pupil.number + 1)
            quality = {name: each for name, each in running.quality.items() if name != "counts"}
            published = REGISTRY[running.name].for_workers(
                msgspec.structs.replace(running, quality=quality)
            )
            records[PUBLISHED] = Record(encode_snapshot(published))
            messages.append(snapshot_message(published))
            counts["snapshots"] += 1
            counts["told"] = pupil.unpublished
        records[RUNNING] = Record(encode_snapshot(running))
        records |= pupil.contest.written(running) | pupil.seen.changed()
        await held.commit(
            offset=offset,
            watermark=max((e.matured_at for e in examples), default=held.mark.watermark),
            partitions=1,
            records=records,
            timers={},
            messages=messages,
            counts=counts,
        )
        if PUBLISHED in records:
            pupil.number = running.number
            pupil.unpublished = 0
            pupil.published_at = monotonic()
        self._relay.wake()

    def _decode(self, chunk: Chunk) -> tuple[list[TrainingExample], list[Message]]:
        examples: list[TrainingExample] = []
        letters: list[Message] = []
        fingerprint = self._task.catalogue.fingerprint
        width = len(self._task.catalogue.names)
        for record in chunk.records:
            try:
                example = self._decoder.decode(record.value or b"")
                if example.catalogue != fingerprint or len(example.vector) != width:
                    raise ValueError(
                        f"its features are {example.catalogue}, this learner's {fingerprint}"
                    )
            except (msgspec.MsgspecError, ValueError) as error:
                letter = DeadLetter(
                    reason=str(error),
                    field="",
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    timestamp=record.timestamp,
                    redriven=redriven_from(record.headers),
                )
                letters.append(letter_message(letter, record.key, record.value))
            else:
                examples.append(example)
        return examples, letters


class _Pupil:
    """The models under way, and how good the predictions have been."""

    def __init__(self, held: Held, contest: Contest, seen: Seen) -> None:
        self.held = held
        self.contest = contest
        self.seen = seen
        # Numbers go on also when another model takes over: a version is of one model for ever.
        snapshot = contest.newest
        self.number = 0 if snapshot is None else snapshot.number
        counts = None if snapshot is None else snapshot.quality.get("counts")
        self.quality = Prequential() if counts is None else Prequential.load(counts)
        counted = held.mark.counts
        #: Examples learnt that the workers' model does not know; before a restart, too.
        self.unpublished = counted.get("learnt", 0) - counted.get("told", 0)
        self.published_at = monotonic()

    def is_news(self, more: int, *, idle: bool) -> bool:
        """Whether enough is new to publish a snapshot; a little will do in a quiet moment."""
        learnt = self.held.mark.counts.get("learnt", 0) + more
        if idle and self.unpublished:
            return monotonic() - self.published_at > _QUIET
        return self.unpublished >= max(_PUBLISH_AFTER, round(_PUBLISH_SHARE * learnt))
