"""The learner learns each example once and in order, and a kill changes nothing of it."""

from __future__ import annotations

import msgspec
import pytest

from models.learning import Snapshot, TrainingExample
from models.registry import REGISTRY
from streams.brokers import open_producer
from streams.composition import shop_of, task_of
from streams.live.model import RUNNING
from tests.e2e.cdnow import SHOP, Run
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

MOST = 3_000


def learnt(corner: Corner) -> int:
    return corner.counts("training")["learnt"]


def through_json(snapshot: Snapshot) -> Snapshot:
    return msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot)


def running(corner: Corner) -> Snapshot:
    """Return the model as the learner goes on from it."""
    stored = corner.stored("training")[0]
    return msgspec.json.decode(stored.states[RUNNING], type=Snapshot)


def test_a_killed_learner_neither_skips_nor_repeats(
    new_corner: NewCorner, undisturbed: Run
) -> None:
    # The last ones, in which there are whole horizons as well as their parts.
    lines = [said.value for said in undisturbed.corner.read("training")][-MOST:]
    corner = new_corner(**SHOP, EBB_WORKER_BATCH="20")
    corner.create_topics()
    with open_producer(corner.settings) as producer:
        for line in lines:
            producer.send(corner.settings.topic("training"), value=line)

    first = corner.learner()
    wait_for("it has learnt some", lambda: learnt(corner) > len(lines) / 10, 40, 0.005)
    first.kill()
    assert learnt(corner) < len(lines), "it was killed too late to show anything"
    corner.learner()
    wait_for("it has learnt all", lambda: learnt(corner) >= len(lines), 60)
    status = corner.idle(30)
    corner.stop()

    decoder = msgspec.json.Decoder(TrainingExample)
    examples = [decoder.decode(line) for line in lines]
    whole = sum(example.whole for example in examples)
    assert learnt(corner) == len(lines)
    assert status["learnt"] == status["quality"]["count"] == whole > MOST / 10
    entry = REGISTRY["bayes"]
    expected = entry.learner(task_of(shop_of(corner.settings)), None)
    expected.learn(examples)
    found = running(corner)
    told = expected.snapshot(found.number, {})
    assert found.state == through_json(told).state
    assert found.learnt == told.learnt

    published = [msgspec.json.decode(said.value, type=Snapshot) for said in corner.read("models")]
    assert published[-1].state == through_json(entry.for_workers(told)).state
    assert published[-1].version == status["model"]
