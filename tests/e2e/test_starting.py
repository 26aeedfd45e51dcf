"""Starting under bad stars: one clear line, an exit code that says whose fault it is."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from features import DAY, Event
from streams.brokers import open_admin
from streams.demo import Child, free_port, listens
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, ended, health, says
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

EVENTS = [
    Event(event_id=f"{number}", user_id=f"shopper-{number % 40}", type="visit", time=number * DAY)
    for number in range(200)
]


def one_line(said: str) -> str:
    """Return what a user is told; fail when there is a traceback."""
    assert "Traceback" not in said, said
    [line] = [line for line in said.splitlines() if line.startswith("Error: ")]
    return line


def test_a_worker_with_another_horizon_is_refused(corner: Corner) -> None:
    corner.publish(EVENTS)
    corner.worker().wait_until(lambda: corner.applied() == len(EVENTS), 30, "all is applied")
    corner.stop()
    before = corner.stored()

    code, said = ended(corner.worker(EBB_HORIZON="60d"))
    assert code == 1
    assert "built with other settings" in one_line(said)
    assert "redis.namespace" in one_line(said)
    assert corner.stored() == before


def test_missing_topics_are_named_with_the_command_that_creates_them(
    new_corner: NewCorner,
) -> None:
    corner = new_corner()
    for start in (corner.worker, corner.learner):
        code, said = ended(start())
        assert code == 1
        assert corner.settings.topic("clickstream") in one_line(said)
        assert "ebb topics create" in one_line(said)


def test_without_kafka_a_worker_gives_up_after_the_time_that_it_was_given(corner: Corner) -> None:
    done = corner.ebb("worker", "--wait", "1", env={"EBB_KAFKA": f"127.0.0.1:{free_port()}"})
    assert done.returncode == 3
    assert "Kafka is away" in one_line(done.stderr)


def test_topics_that_are_read_together_must_have_equally_many_partitions(
    new_corner: NewCorner,
) -> None:
    corner = new_corner()
    with open_admin(corner.settings) as admin:
        name = corner.settings.topic("clickstream")
        admin.create_topics({name: {"num_partitions": 3, "replication_factor": 1}})
        admin.wait_for_topics([name])
    assert corner.ebb("topics", "create").returncode == 1
    code, said = ended(corner.worker())
    assert code == 1
    assert "3 partitions and" in one_line(said)
    assert "topics.partitions=3" in one_line(said)


def test_an_unknown_model_is_refused_with_those_that_are_known(corner: Corner) -> None:
    code, said = ended(corner.learner(EBB_MODEL="oracle"))
    assert code == 2
    assert "'oracle'" in one_line(said)
    assert "logistic" in one_line(said)


def test_a_worker_waits_for_redis_and_goes_on_when_it_comes(new_corner: NewCorner) -> None:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("there is no redis-server to start late")
    port = free_port()
    corner = new_corner(EBB_REDIS=f"redis://127.0.0.1:{port}/0")
    corner.create_topics()
    corner.publish(EVENTS)
    worker = corner.worker()
    worker.wait_until(says(worker, "waiting for the store"), 40, "it says that it waits")

    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with Child("redis", command, corner.folder / "redis.log", cwd=corner.folder) as server:
        server.wait_until(partial(listens, port), 20, "it answers")
        corner.drain(len(EVENTS), 40)
        assert worker.running
        assert corner.counts()["applied"] == len(EVENTS)
        corner.stop()
    assert "Traceback" not in worker.log.read_text(encoding="utf-8")


def test_the_health_page_is_well_when_the_partitions_are_held(corner: Corner) -> None:
    port = free_port()
    corner.worker(EBB_WORKER_PORT=str(port))
    wait_for("the worker is ready", lambda: health(port)[0] == 200, 40, 0.1)
    code, body = health(port)
    assert (code, body["ready"], body["waiting"]) == (200, True, [])
    assert body["held"] == [0, 1, 2, 3]
