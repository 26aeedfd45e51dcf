"""The state is a function of the log: whoever takes the log through, and however often it dies."""

from __future__ import annotations

import json
import random

import pytest

from features import NEVER, decode_event, encode_state
from models.deciding import Ledger
from models.learning import LAST
from streams.composition import shop_of
from streams.pipeline import Arrival
from tests import oracle
from tests.e2e.cdnow import SHOP, Run, import_slice, purchases_in, sample
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, Said, differing, says
from tests.e2e.replaying import replayed
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

#: What a partition counts that does not depend on how the log was cut.
COUNTS = ("applied", "customers", "decisions", "alerts", "pending", "matured")


def ids(messages: list[Said], name: str) -> list[str]:
    return [json.loads(said.value)[name] for said in messages]


def counted(corner: Corner) -> dict[str, int]:
    counts = corner.counts()
    return {name: counts[name] for name in COUNTS}


# -- without disturbance ----------------------------------------------------------------------


def test_two_workers_apply_the_slice_once(undisturbed: Run) -> None:
    bought = purchases_in(undisturbed.file)
    events = sum(map(len, bought.values()))
    assert undisturbed.status["applied"] == events
    assert undisturbed.status["customers"] == len(bought)
    assert undisturbed.status["decisions"] > events
    assert undisturbed.status["alerts"] > 100
    assert undisturbed.status["model"] == "prior"


def test_each_decision_whose_horizon_has_passed_becomes_one_example(undisturbed: Run) -> None:
    settings, bought = undisturbed.corner.settings, purchases_in(undisturbed.file)
    definition = shop_of(settings).definition
    watermark = {
        name: part.mark.watermark
        for part in undisturbed.corner.stored().values()
        for name in part.states
    }
    some = sample(list(bought), 200)
    expected = {
        (name, timer.at, timer.cause)
        for name in some
        for timer in oracle.timers(bought[name], definition, watermark[name])
        if timer.scored and timer.at + definition.horizon < watermark[name]
    }
    bodies = [json.loads(said.value) for said in undisturbed.corner.read("training")]
    whole = [each for each in bodies if each["stage"] == LAST]
    found = [(each["user_id"], each["at"], each["cause"]) for each in whole]
    assert undisturbed.corner.counts()["unkept"] == 0
    assert len(set(found)) == len(found)
    assert {each for each in found if each[0] in some} == expected
    # Of who came back early, nothing is told of the stages that follow, but for the last.
    first = sum(each["stage"] == 0 for each in bodies)
    assert len(whole) < first < len(bodies)
    assert sum(each["stage"] == 1 for each in bodies) < first


def test_the_stock_command_line_of_faust_leaves_the_same_state(
    new_corner: NewCorner, undisturbed: Run
) -> None:
    run = import_slice(new_corner, undisturbed.file, Corner.faust_worker)
    assert differing(run.corner.stored(), undisturbed.corner.stored()) == []
    assert counted(run.corner) == counted(undisturbed.corner)
    alerts, expected = run.corner.read("interventions"), undisturbed.corner.read("interventions")
    assert sorted(said.value for said in alerts) == sorted(said.value for said in expected)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replay_of_the_topic_gives_what_the_workers_left_in_redis(
    undisturbed: Run, seed: int
) -> None:
    corner = undisturbed.corner
    logs: dict[int, list[Arrival]] = {}
    for said in corner.read("clickstream"):
        arrival = Arrival(said.offset, said.timestamp, decode_event(said.value))
        logs.setdefault(said.partition, []).append(arrival)
    alerts: list[str] = []
    examples: list[str] = []
    for number, stored in corner.stored().items():
        book, effects = replayed(corner.settings, logs[number], random.Random(seed * 100 + number))
        nothing = Ledger().encode()
        ledgers = {name: each.ledger.encode() for name, each in book.items()}
        assert {name: encode_state(each.state) for name, each in book.items()} == stored.states
        assert {name: data for name, data in ledgers.items() if data != nothing} == stored.ledgers
        assert {
            name: each.due() for name, each in book.items() if each.due() < NEVER
        } == stored.timers
        assert effects[-1].watermark == stored.mark.watermark
        alerts += [alert.alert_id for each in effects for alert in each.alerts]
        examples += [example.example_id for each in effects for example in each.examples]
    assert sorted(alerts) == sorted(ids(corner.read("interventions"), "alert_id"))
    assert sorted(examples) == sorted(ids(corner.read("training"), "example_id"))


def test_importing_the_file_again_changes_no_state(undisturbed: Run) -> None:
    corner = undisturbed.corner
    before, counts = corner.stored(), corner.counts()
    said = {topic: len(corner.read(topic)) for topic in ("interventions", "training")}
    events = sum(max(part.mark.offset, 0) for part in before.values())
    corner.two(Corner.worker)
    assert corner.import_cdnow(undisturbed.file)["sent"] == events
    corner.drain(2 * events)
    status = corner.status()
    corner.stop()

    after = corner.stored()
    assert differing(after, before) == []
    for number, part in before.items():
        assert after[number].mark.watermark == part.mark.watermark
        assert after[number].mark.offset == 2 * part.mark.offset
    repeated = corner.counts() - counts
    assert repeated["duplicate"] > 0
    assert repeated["too_late"] > 0
    assert repeated["duplicate"] + repeated["too_late"] == events
    assert repeated.keys() <= {"duplicate", "too_late", "late"}
    assert status["applied"] == events
    assert {topic: len(corner.read(topic)) for topic in said} == said


# -- with disturbance -------------------------------------------------------------------------


def test_workers_that_are_stopped_and_killed_lose_nothing_and_repeat_nothing(
    new_corner: NewCorner, undisturbed: Run
) -> None:
    # Small batches: time enough to die in the middle.
    corner = new_corner(**SHOP, EBB_WORKER_BATCH="5", EBB_WORKER_TIMERS="20")
    corner.create_topics()
    all_of_it = corner.import_cdnow(undisturbed.file)["sent"]
    first, second = corner.worker(), corner.worker()

    # The other may be far ahead of it, and who is told before it listens just dies.
    wait_for("the first works", says(first, "Worker ready"))
    corner.wait_until_applied(all_of_it // 10)
    first.terminate()
    assert first.wait(30) == 0
    assert corner.applied() < all_of_it, "it was stopped too late to show anything"
    corner.worker()
    corner.wait_until_applied(corner.applied() + 50)
    second.kill()
    assert corner.applied() < all_of_it, "it was killed too late to show anything"
    corner.worker()
    corner.drain(all_of_it)
    corner.stop()

    assert differing(corner.stored(), undisturbed.corner.stored()) == []
    assert counted(corner) == counted(undisturbed.corner)
    for topic, name in (("interventions", "alert_id"), ("training", "example_id")):
        # What was under way when a worker died may be said twice, under the same id.
        said, expected = ids(corner.read(topic), name), ids(undisturbed.corner.read(topic), name)
        assert set(said) == set(expected)
        assert len(said) <= len(expected) + 2 * 4 * 1_000
    assert len(set(expected)) == len(expected)
