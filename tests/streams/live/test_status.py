"""How the system stands: idle only when there is nothing left to do anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from features.store import MemoryStore, Record
from models.learning import Snapshot
from models.watching import ModelEvent
from streams.live.held import Held
from streams.live.model import PUBLISHED, encode_snapshot
from streams.live.notes import NOTES, Notes
from streams.live.status import Logs, Status, read_status
from tests.streams.live.test_held import said


@dataclass(frozen=True)
class Ends:
    """Where the partitions of a topic end."""

    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ends)

    def read(self, positions: Mapping[int, int]) -> Mapping[int, int]:
        return dict(enumerate(self.ends))


async def commit(store: MemoryStore, partition: int = 0, **what: Any) -> None:
    held = Held(store, partition, await store.mark(partition), "shape")
    values = {
        "offset": 10,
        "watermark": 1_000,
        "partitions": 2,
        "records": {},
        "timers": {},
        "messages": [],
        "counts": {},
        **what,
    }
    await held.commit(**values)


def published(learnt: int) -> dict[str, Record]:
    snapshot = Snapshot(
        name="logistic",
        number=3,
        learnt=learnt,
        returned=1,
        churned=1,
        catalogue="c",
        horizon_days=30.0,
        state={},
        quality={"auc": 0.8},
    )
    return {PUBLISHED: Record(encode_snapshot(snapshot))}


def status_of(
    *,
    ends: tuple[int, ...] = (10, 10),
    moved: tuple[int, ...] = (0, 0),
    training: int = 4,
    partition: dict[str, Any] | None = None,
    learner: dict[str, Any] | None = None,
    returned: dict[str, Any] | None = None,
) -> Status:
    """Return the status of a shop where nothing is left to do, but for what is said."""

    async def all_of_it() -> Status:
        customers, learning = MemoryStore(), MemoryStore()
        await commit(customers, 0, **{"counts": {"applied": 9, "invalid": 1}, **(partition or {})})
        await commit(customers, 1, watermark=500, counts={"applied": 10})
        taught = {
            "offset": 4,
            "counts": {"learnt": 4, "early": 1, "told": 4},
            "records": published(4),
            **(learner or {}),
        }
        await commit(learning, 0, **taught)
        back = MemoryStore()
        await commit(back, 1, **{"offset": 3, "counts": {"outcomes": 3}, **(returned or {})})
        logs = Logs(Ends(ends), Ends(moved), Ends((training,)), Ends((0, 3)))
        return await read_status(customers, learning, logs, back)

    return asyncio.run(all_of_it())


def test_with_nothing_left_to_do_the_shop_is_idle() -> None:
    status = status_of()
    assert status.idle
    assert (status.applied, status.learnt, status.model) == (19, 3, "logistic-3")
    assert status.watermark == 500
    assert (status.outcomes, status.outcomes_lag) == (3, 0)
    assert status.commits == 4
    assert status.as_dict()["idle"] is True


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ({"ends": (10, 13)}, {"lag": 3}),
        ({"moved": (0, 2), "partition": {"rekeyed": 0}}, {"lag": 2}),
        ({"training": 6}, {"learner_lag": 2}),
        ({"partition": {"messages": said("ada", "bob")}}, {"outbox": 2}),
        ({"learner": {"messages": said("model")}}, {"outbox": 1}),
        ({"partition": {"timers": {"ada": 1_000}}}, {"overdue": 1}),
        ({"learner": {"counts": {"learnt": 4, "told": 3}}}, {"unpublished": 1}),
        ({"learner": {"counts": {"learnt": 4}}}, {"unpublished": 4}),
        ({"returned": {"offset": 1}}, {"outcomes_lag": 2}),
        ({"returned": {"messages": said("letter")}}, {"outbox": 1}),
    ],
)
def test_anything_left_to_do_is_named_and_the_shop_is_not_idle(
    what: dict[str, Any], count: dict[str, int]
) -> None:
    status = status_of(**what)
    assert not status.idle
    for name, expected in count.items():
        assert getattr(status, name) == expected


def test_a_timer_that_is_not_yet_due_is_nothing_to_do() -> None:
    assert status_of(partition={"timers": {"ada": 1_001}}).idle


def test_before_the_first_event_there_is_nothing_to_do_and_no_watermark() -> None:
    async def all_of_it() -> Status:
        return await read_status(
            MemoryStore(), MemoryStore(), Logs(Ends((0, 0)), Ends((0, 0)), Ends((0,)))
        )

    status = asyncio.run(all_of_it())
    assert status.idle
    assert status.watermark is None
    assert status.model == "prior"
    assert [part.watermark for part in status.partitions] == [None, None]


def test_who_challenges_and_what_happened_to_the_models_is_told() -> None:
    event = ModelEvent(
        event_id="e", type="promoted", at=7, model="bayes-3", challenger="logistic-4"
    )
    notes = Notes(
        champion="logistic", challenger="bayes", standing={"labels": 12.0}, events=[event]
    )
    notes.watch.alarms = 2
    status = status_of(learner={"records": published(4) | {NOTES: Record(notes.encode())}})
    assert status.challenger == {"name": "bayes", "by_drift": False, "labels": 12.0}
    assert status.drift == {"alarms": 2}
    assert [(each["type"], each["challenger"]) for each in status.events] == [
        ("promoted", "logistic-4")
    ]
    assert status_of().challenger == {}
