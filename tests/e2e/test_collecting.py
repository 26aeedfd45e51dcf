"""Over HTTP into a real Kafka: acknowledged is stored; with Kafka away, told so at once."""

from __future__ import annotations

import gzip
import http.client
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from features import decode_event
from models.deciding import decode_outcome
from streams.cli import ebb
from streams.cli.context import Context
from streams.demo import Child, free_port
from streams.topics import create_topics, partition_of
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, ended
from tests.servers import ServerError, required, wait_for
from tests.servers.apache_kafka import Broker, broker

pytestmark = pytest.mark.e2e

SHOPPERS = 30


@dataclass
class Shop:
    """A corner with a collector, and a key to it."""

    corner: Corner
    child: Child
    port: int
    key: str

    def ask(
        self, method: str, path: str, body: bytes | None = None, key: str | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Send a request; return status, headers and what the body says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        shown = b64encode(f"{key or self.key}:".encode()).decode()
        try:
            connection.request(method, path, body, {"authorization": f"Basic {shown}"})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, json.loads(answer.read())
        finally:
            connection.close()

    def send(self, *names: str, key: str | None = None) -> tuple[int, str]:
        """Send a visit of each; return the status, and the code of a refusal."""
        events = [
            {"event_id": name, "user_id": name.split("/")[0], "type": "visit", "time": 0}
            for name in names
        ]
        status, _, said = self.ask("POST", "/v1/events", json.dumps(events).encode(), key)
        return status, said.get("code", "")

    def keys(self, *arguments: str) -> Any:
        """Run ``ebb keys`` here: a process of its own would tell nothing more."""
        return keys_of(self.corner, *arguments)

    def ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def arrived(self) -> list[str]:
        """Return the ids of the events in clickstream."""
        return [decode_event(said.value).event_id for said in self.corner.read("clickstream")]


def keys_of(corner: Corner, *arguments: str) -> Any:
    context = Context(environ=corner.environment)
    done = CliRunner().invoke(ebb, ["keys", *arguments], obj=context)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def opened(corner: Corner, **settings: str) -> Shop:
    create_topics(corner.settings)
    return beside(corner, keys_of(corner, "create", "web", "--json")["key"], **settings)


def beside(corner: Corner, key: str, **settings: str) -> Shop:
    """Start a collector, perhaps one more."""
    port = free_port()
    child = corner.processes.ebb(
        "collect", "--port", str(port), env={"EBB_COLLECT_REFRESH": "200ms", **settings}
    )
    shop = Shop(corner, child, port, key)
    wait_for("the collector is ready", shop.ready, 30)
    return shop


@pytest.fixture(scope="module")
def shop(new_corner: NewCorner) -> Iterator[Shop]:
    """A shop with a collector on the servers of this run."""
    corner = new_corner()
    yield opened(corner)
    corner.stop()


def test_what_was_acknowledged_lies_on_its_customers_partition(shop: Shop) -> None:
    names = [f"shopper-{number}" for number in range(SHOPPERS)]
    assert shop.send(*names) == (200, "")
    lies = {
        said.key.decode(): said
        for said in shop.corner.read("clickstream")
        if said.key is not None and said.key.startswith(b"shopper")
    }
    assert sorted(lies) == sorted(names)
    partitions = shop.corner.settings.topics.partitions
    for name, said in lies.items():
        assert said.partition == partition_of(name.encode(), partitions)
        assert said.headers["ebb_source"] == b"web"
        assert decode_event(said.value).user_id == name


def test_an_outcome_that_was_acknowledged_lies_on_its_customers_partition(shop: Shop) -> None:
    crm = shop.keys("create", "crm", "--scopes", "outcomes", "--json")["key"]
    said = [
        {
            "outcome_id": f"o-{number}",
            "alert_id": "a-1",
            "user_id": f"shopper-{number}",
            "type": "redeemed",
            "time": "2026-01-02T00:00:00Z",
        }
        for number in range(SHOPPERS)
    ]
    body = json.dumps({"outcomes": said}).encode()
    wait_for("it is known", lambda: shop.ask("POST", "/v1/outcomes", body, crm)[0] == 200)
    partitions = shop.corner.settings.topics.partitions
    lies = {decode_outcome(each.value).user_id: each for each in shop.corner.read("outcomes")}
    assert sorted(lies) == sorted(each["user_id"] for each in said)
    for name, each in lies.items():
        assert each.partition == partition_of(name.encode(), partitions)
        assert (each.key, each.headers["ebb_source"]) == (name.encode(), b"crm")


def test_a_bomb_is_refused_and_the_collector_goes_on(shop: Shop) -> None:
    before = most_resident(shop.child.pid)
    bomb = gzip.compress(bytes(300_000_000), 1)
    for _ in range(3):
        status, headers, said = shop.ask("POST", "/v1/events", bomb)
        assert (status, said["code"]) == (413, "too_large")
        assert headers["access-control-allow-origin"] == "*"
    assert shop.send("after-the-bomb") == (200, "")
    assert most_resident(shop.child.pid) - before < 60


def most_resident(pid: int) -> float:
    """Return the most memory that a process ever had, in megabytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        [line] = [line for line in file if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1_024


def test_keys_are_made_rotated_and_revoked_without_a_restart(shop: Shop) -> None:
    assert shop.send("stranger", key="ebb_guess") == (401, "unknown_key")
    till = shop.keys("create", "till", "--rate", "100", "--json")
    wait_for("it is known", lambda: shop.send("till-1", key=till["key"]) == (200, ""))
    fresh = shop.keys("rotate", "till", "--json")
    assert (fresh["source"], fresh["rate"]) == ("till", 100.0)
    wait_for("so is the other", lambda: shop.send("till-2", key=fresh["key"]) == (200, ""))
    assert shop.send("till-2", key=till["key"]) == (200, "")
    assert "revoked till" in shop.keys("revoke", till["id"])
    wait_for("it is over", lambda: shop.send("till-3", key=till["key"])[0] == 401)
    assert shop.send("till-3", key=fresh["key"]) == (200, "")


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka to be killed."""
    try:
        made = broker(tmp_path_factory.mktemp("own") / "kafka")
    except ServerError as error:
        if required("EBB_TEST_REQUIRE_KAFKA"):
            raise
        pytest.skip(f"no Kafka to kill: {error}")
    yield made
    made.kill()


def test_nothing_acknowledged_is_lost_when_kafka_dies_and_everybody_else_is_told_at_once(
    brief_corner: NewCorner, own: Broker
) -> None:
    shop = opened(
        brief_corner(EBB_KAFKA=own.address), EBB_COLLECT_WAIT="3s", EBB_COLLECT_SLOW="500ms"
    )
    taken: list[str] = []

    def storm(number: int) -> int:
        name = f"shopper-{number % 40}/{number}"
        status, _ = shop.send(name)
        if status == 200:
            taken.append(name)
        return status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(storm, range(100))) == {200}
        under_way = [pool.submit(storm, number) for number in range(100, 300)]
        own.kill()
        assert {each.result() for each in under_way} <= {200, 429}
    wait_for("the collector has noticed", lambda: not shop.ready(), 20)
    began = time.monotonic()
    status, headers, said = shop.ask("POST", "/v1/batch", b'{"batch":[]}')
    # The question is whether it waits for Kafka, which it does for 3 s when it lets anybody in.
    assert time.monotonic() - began < 3
    assert (status, said["code"]) == (429, "kafka_away")
    assert int(headers["retry-after"]) >= 30
    own.start()
    wait_for("the collector is ready again", shop.ready, 40)
    assert storm(1_000) == 200
    arrived = shop.arrived()
    assert set(taken) - set(arrived) == set()
    words = shop.child.log.read_text(encoding="utf-8")
    assert "shopper-" not in words
    assert "Traceback" not in words


def test_sigterm_answers_what_is_under_way_and_ends_well(shop: Shop) -> None:
    other = beside(shop.corner, shop.key)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(other.send, f"ada/{number}") for number in range(40)]
        wait_for("some are taken", lambda: any(each.done() for each in answers), 20, 0.001)
        other.child.terminate()
        code, _ = ended(other.child, 30)
        taken = {
            f"ada/{number}"
            for number, each in enumerate(answers)
            if each.exception() is None and each.result() == (200, "")
        }
    assert code == 0
    assert taken
    assert taken <= set(shop.arrived())
