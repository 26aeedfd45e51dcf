"""Alerts to webhooks, on a real Kafka and Redis: whatever dies, each arrives, under its one id."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from streams.brokers import open_producer
from streams.cli import ebb
from streams.cli.context import Context
from streams.demo import Child, free_port, listens
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, ended
from tests.e2e.examples import EXAMPLES
from tests.servers import BUSY, wait_for
from tests.streams.notify.alerts import published

pytestmark = pytest.mark.e2e

#: An attempt that nobody answers is over, and one whose process died is due again, within seconds.
BRIEF = {
    "EBB_NOTIFY_ALLOW": "127.0.0.0/8",
    "EBB_NOTIFY_HTTP": "true",
    "EBB_NOTIFY_TIMEOUT": "1s",
    "EBB_NOTIFY_DELAYS": ",".join(["200ms", *["1s"] * 100]),
    "EBB_NOTIFY_REST": "300ms",
    "EBB_NOTIFY_REFRESH": "200ms",
    "EBB_NOTIFY_PARALLEL": "2",
}


@dataclass
class Crm:
    """A receiver as the examples have it, and what it was told."""

    name: str
    port: int
    secret: str
    child: Child | None = None

    def open(self, corner: Corner) -> None:
        self.child = corner.processes.python(
            str(EXAMPLES / "webhooks" / "receiver.py"),
            str(self.port),
            env={"WEBHOOK_SECRET": self.secret},
        )
        self.child.wait_until(lambda: listens(self.port), BUSY * 20, "it listens")

    @property
    def told(self) -> list[str]:
        """The ids, each once, as the receiver itself took care."""
        assert self.child is not None
        lines = self.child.log.read_text(encoding="utf-8").splitlines()
        return [line.split()[0] for line in lines if "intervention.decided" in line]


def endpoints(corner: Corner, *arguments: str) -> Any:
    """Run ``ebb endpoints`` here: a process of its own would tell nothing more."""
    context = Context(environ=corner.environment)
    done = CliRunner().invoke(ebb, ["endpoints", *arguments], obj=context)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def crm(corner: Corner, name: str) -> Crm:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    return Crm(name, port, endpoints(corner, "add", url, "--name", name, "--json")["secret"])


def publish(corner: Corner, numbers: Iterable[int], **changes: Any) -> set[str]:
    """Publish alerts as a worker does; return their ids."""
    numbers = list(numbers)
    with open_producer(corner.settings) as producer:
        for number in numbers:
            key, value = f"shopper-{number}".encode(), published(number, **changes)
            producer.send(corner.settings.topic("interventions"), key=key, value=value)
    return {f"{number:032x}" for number in numbers}


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as said:
            return said.status, said.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def notifying(corner: Corner, **settings: str) -> tuple[Child, int]:
    port = free_port()
    child = corner.processes.ebb("notify", "--port", str(port), env=settings)
    wait_for("it is ready", lambda: page(port, "/readyz")[0] == 200, 40)
    return child, port


@pytest.fixture(scope="module")
def shop(new_corner: NewCorner) -> Iterator[Corner]:
    corner = new_corner(**BRIEF)
    corner.create_topics()
    yield corner
    corner.stop()


def states(corner: Corner) -> dict[str, Any]:
    return {each["name"]: each for each in endpoints(corner, "list", "--json")}


def test_each_alert_arrives_though_the_process_is_killed_and_an_endpoint_away(
    shop: Corner,
) -> None:
    first, late = crm(shop, "first"), crm(shop, "late")
    crm(shop, "never")
    first.open(shop)
    child, _ = notifying(shop)
    wanted = publish(shop, range(150))
    publish(shop, range(1_000, 1_010), arm="holdout", action="none")
    wait_for("some have arrived", lambda: len(first.told) > 20, every=0.002)
    child.send_signal(signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    assert len(first.told) < len(wanted)
    with open_producer(shop.settings) as producer:
        # Nobody is held up by what is no alert.
        for value in (b"\xff", None, b"{}"):
            producer.send(shop.settings.topic("interventions"), key=b"shopper-x", value=value)
    wanted |= publish(shop, range(150, 160))
    child, port = notifying(shop)
    late.open(shop)
    wait_for("each has arrived at one", lambda: wanted <= set(first.told), 60)
    wait_for("and at the one that was away", lambda: wanted <= set(late.told), 60)
    # Nobody was told of the held-out, and ids are those of the alerts.
    assert set(first.told) == set(late.told) == wanted
    wait_for("nothing waits for the two", lambda: not states(shop)["late"]["waiting"])
    found = states(shop)
    assert found["first"]["waiting"] == found["first"]["dead"] == 0
    assert found["first"]["delivered"] >= len(wanted)
    assert found["never"]["waiting"] == len(wanted)
    assert "cannot connect" in found["never"]["last_error"]
    _, text = page(port, "/metrics")
    assert 'ebb_notify_attempts_total{endpoint="late",result="delivered"}' in text
    assert 'ebb_notify_alerts_total{result="invalid"} 2' in text
    child.terminate()
    assert ended(child, 15)[0] == 0
    for name in found:
        endpoints(shop, "remove", name)


def test_a_stop_waits_for_nobody_and_a_redis_put_back_to_yesterday_is_told_again(
    shop: Corner,
) -> None:
    again = crm(shop, "again")
    again.open(shop)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        endpoints(shop, "add", url, "--name", "silent")
        child, _ = notifying(shop, EBB_NOTIFY_TIMEOUT="30s")
        wanted = publish(shop, range(3_000, 3_010))
        wait_for("they have arrived", lambda: wanted <= set(again.told))
        silent.settimeout(BUSY * 30)
        connection, _ = silent.accept()
        with connection:
            began = time.monotonic()
            child.terminate()
            assert ended(child, 15)[0] == 0
            # It is said to take ten seconds at most; an attempt under way here would take thirty.
            assert time.monotonic() - began < 12
    assert states(shop)["silent"]["waiting"] == len(wanted)
    endpoints(shop, "remove", "silent")
    settings = shop.settings
    tag = f"{settings.redis.namespace}:{{notify}}"
    topic, parts = settings.topic("interventions"), range(settings.topics.partitions)
    with redis.Redis.from_url(settings.redis.url) as client:
        # The endpoint is there, and nothing of what came since; the group's offsets are Kafka's.
        client.delete(f"{tag}:again:seen", f"{tag}:again:standing")
        client.hset(f"{tag}:position", mapping={f"{topic}/{part}": 0 for part in parts})
    child, _ = notifying(shop)
    wait_for("it is told again", lambda: states(shop)["again"]["delivered"] >= len(wanted))
    child.terminate()
    assert ended(child, 15)[0] == 0


def test_nothing_personal_and_no_secret_is_logged(shop: Corner) -> None:
    logs = [child.log for child in shop.processes.children if child.name.endswith("-notify")]
    assert logs
    for log in logs:
        words = log.read_text(encoding="utf-8")
        assert "shopper-" not in words
        assert "whsec_" not in words
        assert "Traceback" not in words
