"""`ebb verify` on a running shop: what is stored is what the log says, until somebody meddles."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from features import Event, Kind, decode_state, encode_event, encode_state
from streams.composition import shop_of
from streams.topics import create_topics, open_admin, open_producer, partition_of
from tests.e2e.cdnow import SHOP, first_customers, purchases_in, sample
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e


def verified(corner: Corner, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run ``ebb verify --json``; return what it reports."""
    done = corner.ebb("verify", "--json", *arguments)
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


class Meddler:
    """Somebody who writes into Redis by hand."""

    def __init__(self, corner: Corner) -> None:
        self.corner = corner
        self.client: Any = redis.Redis.from_url(corner.settings.redis.url)
        self.before: dict[tuple[str, str], bytes | None] = {}

    def key(self, customer: str) -> str:
        settings = self.corner.settings
        number = partition_of(customer.encode(), settings.topics.partitions)
        return f"{settings.redis.namespace}:{{{settings.topic('clickstream')}-{number}}}:state"

    def read(self, customer: str) -> bytes:
        return bytes(self.client.hget(self.key(customer), f"s:{customer}"))

    def write(self, customer: str, data: bytes | None) -> None:
        key, name = self.key(customer), f"s:{customer}"
        self.before.setdefault((key, name), self.client.hget(key, name))
        if data is None:
            self.client.hdel(key, name)
        else:
            self.client.hset(key, name, data)

    def mend(self) -> None:
        for (key, name), data in self.before.items():
            self.client.hset(key, name, data)
        self.client.close()


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The purchases of some customers: each command here looks at all of them."""
    return first_customers(tmp_path_factory.mktemp("shop") / "shop.txt", 500)


@pytest.fixture(scope="module")
def running(new_corner: NewCorner, shop_file: Path) -> Iterator[Corner]:
    """The slice on its way through two workers, verified while it is, and at the end."""
    # Small batches: time enough to look at it.
    corner = new_corner(**SHOP, EBB_WORKER_BATCH="2", EBB_WORKER_TIMERS="8")
    corner.create_topics()
    assert verified(corner)["checked"] == 0
    corner.learner(EBB_WORKER_BATCH="500")
    sent = corner.import_cdnow(shop_file)["sent"]
    workers = corner.worker(), corner.worker()
    corner.wait_until_applied(20)
    # Once in the midst for sure, wherever they are; then as they go.
    for each in workers:
        each.send_signal(signal.SIGSTOP)
    halfway = verified(corner, "--sample", "250")
    for each in workers:
        each.send_signal(signal.SIGCONT)
    assert 0 < halfway["events"] < sent, "it was over too soon to show anything"
    looks = [halfway]
    while corner.applied() < sent:
        looks.append(verified(corner, "--sample", "250"))
    for found in looks:
        assert found["equal"] == found["checked"], found["findings"]
    corner.drain(sent)
    yield corner
    corner.stop()


@pytest.fixture
def meddler(running: Corner) -> Iterator[Meddler]:
    made = Meddler(running)
    yield made
    made.mend()


def test_all_customers_are_what_the_log_says(running: Corner, shop_file: Path) -> None:
    bought = purchases_in(shop_file)
    found = verified(running, "--all")
    assert found["checked"] == found["equal"] == len(bought)
    assert found["events"] == sum(map(len, bought.values()))
    assert found["findings"] == []
    said = running.run("verify")
    assert f"200 customers against {found['events']:,} events in" in said
    assert "200 equal (100 % equal)" in said


def test_every_decision_is_taken_again_with_the_model_of_then(running: Corner) -> None:
    """A replay of the topic gives the live decisions, given the versions that judged."""
    status = running.idle(120)
    found = verified(running, "--all", "--decisions")
    decisions = found["decisions"]
    assert decisions["differences"] == []
    assert decisions["unknown"] == 0
    assert decisions["equal"] == status["decisions"] > 1_000
    versions = {json.loads(said.value)["model_version"] for said in running.read("interventions")}
    assert len(versions) > 1

    said = running.run("verify", "--decisions")
    assert "0 different, 0 unknown" in said


def test_a_decision_that_another_policy_would_not_take_is_named(running: Corner) -> None:
    another = ("--set", "policy.threshold=0.7")
    done = running.ebb(*another, "verify", "--all", "--decisions", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)["decisions"]
    assert found["different"] > 50
    assert found["differences"][0]["reason"]


def test_a_sample_is_of_all_partitions_and_the_same_each_time(running: Corner) -> None:
    assert verified(running, "--sample", "7")["checked"] == 7
    first = running.run("verify", "--sample", "50")
    assert "50 equal" in first


def test_what_somebody_has_changed_is_named_with_its_field(
    running: Corner, meddler: Meddler, shop_file: Path
) -> None:
    changed, broken, erased, *_ = sample(list(purchases_in(shop_file)), 200)
    definition = shop_of(running.settings).definition
    state = decode_state(meddler.read(changed), definition)
    day = max(key for key in state.tiles.days if key & 31 == Kind.PURCHASE)
    state.tiles.days[day] += 1
    meddler.write(changed, encode_state(state))
    meddler.write(broken, meddler.read(broken)[:-9])
    meddler.write(erased, None)

    found = verified(running, "--all", code=1)
    assert (found["different"], found["missing"]) == (2, 1)
    assert found["equal"] == found["checked"] - 3
    findings = {each["customer"]: each for each in found["findings"]}
    assert findings.keys() == {changed, broken, erased}
    assert findings[changed]["field"].startswith("state.tiles.days[199")
    assert findings[changed]["field"].endswith(" PURCHASE]")
    assert findings[changed]["more"] == 0
    stored, recomputed = findings[changed]["stored"], findings[changed]["recomputed"]
    assert int(stored) == int(recomputed) + 1
    assert findings[broken]["field"] == "state"
    assert "state: the bytes in Redis cannot be read" in findings[broken]["reason"]
    assert findings[erased]["verdict"] == "missing"

    done = running.ebb("verify", changed, broken, erased, "nobody")
    assert done.returncode == 1
    assert f"different: {changed}, partition {findings[changed]['partition']}: " in done.stdout
    assert f"{stored} stored, {recomputed} recomputed" in done.stdout
    assert f"missing: {erased}, partition" in done.stdout
    assert "missing: nobody, partition" in done.stdout
    assert "4 of 4 customers are not what the log says" in done.stderr


def test_moved_events_are_counted_where_they_belong(corner: Corner) -> None:
    topic, partitions = corner.settings.topic("clickstream"), corner.settings.topics.partitions
    events = [
        Event(
            event_id=f"{who}-{n}",
            user_id=f"c{who}",
            type="purchase",
            time=1_700_000_000_000 + n * 86_400_000,
        )
        for n in range(20)
        for who in range(30)
    ]
    with open_producer(corner.settings) as producer:
        for event in events:
            wrong = (partition_of(event.user_id.encode(), partitions) + 1) % partitions
            misplaced = event.user_id in ("c1", "c7", "c13")
            producer.send(
                topic,
                key=event.user_id.encode(),
                value=encode_event(event),
                partition=wrong if misplaced else None,
            )
    corner.worker()

    def settled() -> bool:
        return corner.counts()["applied"] == len(events)

    wait_for("all are applied", settled, 40)
    found = verified(corner, "--all")
    assert (found["checked"], found["equal"]) == (30, 30), found["findings"]
    assert found["events"] == len(events) + 60


def test_other_settings_than_the_workers_are_refused(running: Corner) -> None:
    done = running.ebb("verify", "--set", "churn.horizon=5d")
    assert done.returncode == 1
    assert "built with other settings of churn, silence or features" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("ada", "--all"), ("ada", "--sample", "5"), ("--all", "--sample", "5")]
)
def test_a_sample_and_names_are_not_both_asked_for(
    arguments: tuple[str, ...], running: Corner
) -> None:
    assert running.ebb("verify", *arguments).returncode == 2


@pytest.mark.parametrize("away", ["--kafka=127.0.0.1:1", "--redis=redis://127.0.0.1:1/0"])
def test_a_server_that_is_away_is_said_to_be_away(away: str, running: Corner) -> None:
    done = running.ebb("verify", away)
    assert done.returncode == 3
    assert "is away" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_topic_that_was_created_anew_is_told_from_a_difference(corner: Corner) -> None:
    corner.worker()
    corner.publish(
        [Event(event_id=str(n), user_id="ada", type="purchase", time=n) for n in range(20)]
    )
    corner.wait_until_applied(20)
    corner.stop()
    with open_admin(corner.settings) as admin:
        admin.delete_topics([corner.settings.topic("clickstream")])
    name = corner.settings.topic("clickstream")

    def again() -> bool:
        try:
            create_topics(corner.settings)
        except Exception:  # it is being deleted still
            return False
        with open_admin(corner.settings) as admin:
            return name in admin.list_topics()

    wait_for("the topic is there again", again, 30, 0.2)
    done = corner.ebb("verify", "ada")
    assert done.returncode == 1
    assert "was created anew" in done.stderr
    assert "Traceback" not in done.stderr
