"""The policy file changes under a running worker: it goes by the new one, or on by the old one."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from features import MINUTE, Event, encode_event
from streams.brokers import open_producer
from streams.demo import free_port
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, health, says
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
SETTINGS = {
    "EBB_TOPICS_PARTITIONS": "2",
    "EBB_POLICY_THRESHOLD": "0.01",
    "EBB_POLICY_HYSTERESIS": "0",
    "EBB_POLICY_COOLDOWN": "0d",
    "EBB_POLICY_REFRESH": "1s",
}


FAULT = (
    "line 6, playbook 'three', when.cause: 'distres' is no cause; did you mean 'distress'?"
    " (silence, distress, session_end)"
)


def policy(name: str) -> str:
    """Return a policy file of one playbook, for whoever complains."""
    return f"""
version = 1
holdout = {{ share = 0.1 }}
[[playbook]]
name = "{name}"
when = {{ cause = "distress" }}
action = {{ kind = "recover", channel = "email", transactional = true }}
"""


class Shop:
    """A shop whose customers complain, one after the other, and never stop."""

    def __init__(self, corner: Corner) -> None:
        self.corner = corner
        self.file = Path(corner.environment["EBB_POLICY"])
        self.port = free_port()
        self.told = 0

    def write(self, text: str) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.file)

    @contextmanager
    def complaining(self) -> Iterator[None]:
        """Let events flow for as long as the block lasts."""
        over = threading.Event()

        def complain() -> None:
            topic = self.corner.settings.topic("clickstream")
            with open_producer(self.corner.settings) as producer:
                while not over.wait(0.05):
                    for number in range(self.told, self.told + 5):
                        said = complaint(number)
                        producer.send(topic, key=said.user_id.encode(), value=encode_event(said))
                    producer.flush()
                    self.told += 5

        thread = threading.Thread(target=complain)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def in_force(self) -> dict[str, Any]:
        """Return what the worker says of its policy file."""
        return dict(health(self.port)[1].get("policy", {}))

    def metrics(self) -> list[str]:
        """Return what Prometheus would read of the worker."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
            assert page.headers.get_content_type() == "text/plain"
            return str(page.read().decode()).splitlines()

    def working(self) -> dict[str, Any]:
        """Return the worker as `ebb status` tells of it: the one that was killed may be there."""
        return dict(max(self.corner.status()["workers"], key=lambda each: each["started"]))

    def wait_for_version(self, other_than: str = "") -> str:
        """Wait until the worker goes by a version of the file that is right; return which."""
        found: list[str] = []

        def goes() -> bool:
            told = self.in_force()
            found[:] = [told.get("version", "")]
            return found[0] not in ("", other_than) and not told["wrong"]

        wait_for("the worker goes by the file", goes, 30, 0.05)
        return found[0]

    def wait_for_more(self) -> None:
        """Wait until events that are still to come have been decided on."""
        self.corner.wait_until_applied(self.told + 10)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts in the order of each partition."""
        return [json.loads(each.value) for each in self.corner.read("interventions")]


def complaint(number: int) -> Event:
    return Event(
        event_id=f"c-{number}",
        user_id=f"shopper-{number}",
        type="complaint",
        time=START + number * MINUTE,
    )


def test_a_worker_goes_by_what_the_file_says_now(brief_corner: NewCorner, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    shop = Shop(brief_corner(EBB_POLICY=str(file), **SETTINGS))
    shop.write(policy("one"))
    shop.corner.create_topics()
    with shop.complaining():
        worker = shop.corner.worker(EBB_WORKER_PORT=str(shop.port))
        first = shop.wait_for_version()
        shop.wait_for_more()

        # Killed before it has noticed: whoever comes next starts with what lies there.
        shop.write(policy("two"))
        worker.kill()
        worker = shop.corner.worker(EBB_WORKER_PORT=str(shop.port))
        second = shop.wait_for_version(first)
        shop.wait_for_more()

        shop.write(policy("three").replace('"distress"', '"distres"'))
        wait_for("the worker sees that it is wrong", lambda: shop.in_force()["wrong"], 30, 0.05)
        assert health(shop.port)[0] == 200
        told = shop.in_force()
        assert told["version"] == second
        assert told["wrong"] == [FAULT]
        counted = shop.metrics()
        assert f'ebb_policy_info{{version="{second}"}} 1' in counted
        assert {"ebb_policy_wrong 1", "ebb_worker_partitions 2"} <= set(counted)
        # The commands that only look need no file that is right.
        wait_for("ebb status tells it, too", lambda: shop.working()["wrong"], 30)
        assert shop.working()["policy"] == second
        assert FAULT in shop.corner.run("status")
        shop.wait_for_more()

        shop.write(policy("three"))
        third = shop.wait_for_version(second)
        shop.wait_for_more()
    shop.corner.drain(shop.told)

    alerts = shop.alerts()
    # Whoever was killed may have said its last words twice, but not two things.
    by_id = {each["alert_id"]: each for each in alerts}
    assert all(by_id[each["alert_id"]] == each for each in alerts)
    assert sorted(each["user_id"] for each in by_id.values()) == sorted(
        complaint(number).user_id for number in range(shop.told)
    )
    versions = {"one": first, "two": second, "three": third}
    assert len(set(versions.values())) == 3
    assert {each["playbook"]: each["policy"] for each in alerts} == versions
    assert shop.corner.counts()["alerts"] == shop.told
    newest = max(alerts, key=lambda each: each["decided_at"])
    assert newest["playbook"] == "three"
    name = shop.working()["name"]
    worker.stop()
    # The one that was killed may be there for a while.
    left = [each["name"] for each in shop.corner.status()["workers"]]
    assert name not in left, "it has not said that it leaves"
    assert says(worker, FAULT)()
    assert says(worker, f"version {third} is decided by from now on")()
