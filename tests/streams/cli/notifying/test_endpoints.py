"""``ebb endpoints`` and ``ebb notify``: what a CRM's engineer types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
import redis
from click.testing import CliRunner, Result

from features import DAY
from streams.cli import ebb
from streams.cli.context import Context
from streams.cli.notifying.standing import told
from streams.live import open_redis
from streams.notify import Queue, Standing, queue_of
from streams.notify.delivery import Notice
from streams.notify.schedule import Verdict
from tests.streams.notify.alerts import wall

pytestmark = pytest.mark.e2e

T = TypeVar("T")
URL = "https://crm.example/hooks?token=hunter2"


@pytest.fixture
def environ(redis_url: str, namespace: str) -> dict[str, str]:
    return {"EBB_REDIS": redis_url, "EBB_REDIS_NAMESPACE": namespace}


def run(environ: dict[str, str], *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(ebb, list(arguments), obj=Context(environ=environ))
    assert result.exit_code == code, result.output
    return result


def listed(environ: dict[str, str]) -> list[dict[str, Any]]:
    return list(json.loads(run(environ, "endpoints", "list", "--json").stdout))


def queued(environ: dict[str, str], work: Callable[[Queue], Awaitable[T]]) -> T:
    async def go() -> T:
        settings = Context(environ=environ).settings
        client = open_redis(settings.redis.url)
        try:
            return await work(queue_of(settings, client))
        finally:
            await client.aclose()

    return asyncio.run(go())


def given_up(environ: dict[str, str], name: str, *notices: Notice) -> None:
    async def work(queue: Queue) -> None:
        now = wall()
        await queue.add(name, notices, now)
        for taken in (await queue.take(name, now, 9, 1, now + 1)).taken:
            await queue.settle(name, taken, Verdict("dead", why="given up after 10 attempts"), now)

    queued(environ, work)


def test_a_secret_is_shown_once_and_an_endpoint_listed_without_it(environ: dict[str, str]) -> None:
    made = run(environ, "endpoints", "add", URL)
    secret = made.stdout.strip()
    assert secret.startswith("whsec_")
    assert "not shown again" in made.stderr
    [endpoint] = listed(environ)
    assert (endpoint["name"], endpoint["state"]) == ("crm.example", "active")
    assert endpoint["url"] == "https://crm.example/hooks?***"
    for shown in (run(environ, "endpoints", "list").stdout, json.dumps(endpoint)):
        assert secret not in shown
        assert "hunter2" not in shown


def test_a_second_endpoint_needs_a_name_of_its_own(environ: dict[str, str]) -> None:
    run(environ, "endpoints", "add", URL)
    assert "--name" in run(environ, "endpoints", "add", URL, code=1).output
    run(environ, "endpoints", "add", URL, "--name", "other", "--types", "intervention.decided")
    assert [each["name"] for each in listed(environ)] == ["crm.example", "other"]


def test_a_rotated_secret_is_another_and_the_old_one_ends(environ: dict[str, str]) -> None:
    first = json.loads(run(environ, "endpoints", "add", URL, "--json").stdout)["secret"]
    fresh = run(environ, "endpoints", "rotate", "crm.example", "--keep", "7d").stdout.strip()
    assert fresh != first
    assert listed(environ)[0]["secrets"] == 2
    run(environ, "endpoints", "rotate", "crm.example", "--keep", "0")
    assert listed(environ)[0]["secrets"] == 1


def test_a_disabled_endpoint_is_enabled_and_a_removed_one_forgotten(
    environ: dict[str, str],
) -> None:
    run(environ, "endpoints", "add", URL)
    run(environ, "endpoints", "disable", "crm.example")
    assert listed(environ)[0]["state"] == "disabled"
    assert "disabled with ebb endpoints disable" in run(environ, "endpoints", "list").stdout
    assert "0 messages wait" in run(environ, "endpoints", "enable", "crm.example").stdout
    assert listed(environ)[0]["state"] == "active"
    given_up(environ, "crm.example", Notice("a1", "intervention.decided", b"{}", 0))
    run(environ, "endpoints", "remove", "crm.example")
    assert listed(environ) == []
    with redis.Redis.from_url(environ["EBB_REDIS"]) as client:
        assert client.keys() == []


def test_what_was_given_up_is_listed_and_sent_again(environ: dict[str, str]) -> None:
    run(environ, "endpoints", "add", URL)
    name = "crm.example"
    bodies = {f"a{n}": b'{"type":"intervention.decided","data":{}}' for n in range(4)}
    until = {"a0": wall() - 1, "a1": wall() + DAY, "a2": 0, "a3": 0}
    # One that has ended by now would have ended in the queue.
    notices = [Notice(key, "intervention.decided", bodies[key], until[key]) for key in until]
    given_up(environ, name, *notices)
    shown = [
        json.loads(line)
        for line in run(environ, "endpoints", "dead", name, "--json").stdout.splitlines()
    ]
    assert {each["id"] for each in shown} == set(until)
    assert shown[0]["why"] == "given up after 10 attempts"
    assert shown[0]["body"]["type"] == "intervention.decided"
    assert len(run(environ, "endpoints", "dead", name, "--last", "2").stdout.splitlines()) == 2
    assert "1 messages are sent" in run(environ, "endpoints", "redrive", name, "a2").stdout
    again = run(environ, "endpoints", "redrive", name, "--all")
    assert "2 messages are sent" in again.stdout
    assert "1 are past their valid_until" in again.stderr
    run(environ, "endpoints", "redrive", name, "--all", "--expired")
    [endpoint] = listed(environ)
    assert (endpoint["waiting"], endpoint["dead"]) == (4, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add", "crm.example"), 2, "write https://HOST/PATH"),
        (("add", "http://crm.example"), 2, "notify.http = true"),
        (("add", "https://10.0.0.1/"), 2, "notify.allow names networks"),
        (("add", "https://[::1]/"), 2, "notify.allow names networks"),
        (("add", URL, "--name", "my crm"), 2, "letters, digits"),
        (("add", URL, "--types", "everything"), 2, "choose of intervention.decided"),
        (("rotate", "nix"), 1, "ebb endpoints list shows them"),
        (("rotate", "nix", "--keep", "soon"), 2, "--keep: 'soon' is not a duration"),
        (("remove", "nix"), 1, "ebb endpoints list shows them"),
        (("enable", "nix"), 1, "ebb endpoints list shows them"),
        (("test", "nix"), 1, "ebb endpoints list shows them"),
        (("redrive", "nix", "--all"), 1, "ebb endpoints list shows them"),
        (("redrive", "nix"), 2, "or --all"),
    ],
)
def test_what_cannot_be_is_explained(
    environ: dict[str, str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in run(environ, "endpoints", *arguments, code=code).output


def test_without_redis_endpoints_say_so() -> None:
    result = run({"EBB_REDIS": "redis://127.0.0.1:1/0"}, "endpoints", "list", code=3)
    assert "Redis is away" in result.output


def test_without_its_topic_notify_says_how_to_make_it(ebb_env: dict[str, str]) -> None:
    assert "ebb topics create" in run(ebb_env, "notify", code=1).output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("notify.allow=10.0.0.1/8", "write 10.1.0.0/16"),
        ("notify.allow=intranet", "write 10.1.0.0/16"),
        ("notify.delays=5", "write a number and a unit"),
        ("notify.parallel=0", "greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(option: str, words: str) -> None:
    assert words in run({}, "notify", "--set", option, code=2).output


def test_how_an_endpoint_stands_is_told_in_words() -> None:
    standing = Standing(
        waiting=1_200,
        oldest=1_000,
        delivered=7,
        dead=3,
        forgotten=2,
        last_success=3_500_000,
        last_failure=3_598_000,
        last_error="503",
        slow_until=3_660_000,
        strikes=2,
    )
    assert standing.state == "slow"
    assert told(standing, now=3_600_000) == [
        "1,200 waiting, the oldest for 59m; 7 delivered; 3 dead, 2 more forgotten",
        "last success 100s ago",
        "last failure 2s ago: 503",
        "left in peace for 1m more",
    ]
