"""``ebb dlq``, against dead letters that a plain producer wrote."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import Any

import pytest
from click.testing import CliRunner, Result

from features import DAY, Event, encode_event
from streams.brokers import open_producer
from streams.cli import ebb as command
from streams.cli.context import Context
from streams.deadletters import HEADER, REDRIVEN
from streams.reading import Message, Reading
from streams.topics import create_topics

pytestmark = pytest.mark.e2e
NOW = time.time_ns() // 1_000_000
LATER = NOW + 30 * DAY


def good(name: str, at: int = NOW) -> bytes:
    return encode_event(Event(event_id=f"{name}-{at}", user_id=name, type="visit", time=at))


def bury(
    environ: dict[str, str],
    offset: int,
    value: bytes | None,
    *,
    key: bytes | None = b"shop",
    reason: str = "no good",
    field: str = "",
    topic: str = "clickstream",
) -> str:
    """Write a dead letter; return its id."""
    settings = Context(environ=environ).settings
    name = settings.topic(topic)
    why = {"reason": reason, "field": field, "topic": name, "partition": 1, "offset": offset}
    header = json.dumps({**why, "timestamp": NOW}).encode()
    with open_producer(settings) as producer:
        letters = settings.topic("dead_letters")
        producer.send(letters, key=key, value=value, headers=[(HEADER, header)]).get(timeout=10)
    return f"{name}-1-{offset}"


def read(environ: dict[str, str], topic: str) -> list[Message]:
    settings = Context(environ=environ).settings
    with Reading(settings, settings.topic(topic)) as reading:
        return list(reading.past())


@pytest.fixture
def environ(ebb_env: dict[str, str]) -> dict[str, str]:
    environ = {**ebb_env, "EBB_TOPICS_PARTITIONS": "3"}
    create_topics(Context(environ=environ).settings)
    return environ


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(command, ["dlq", *arguments], obj=Context(environ=environ))


def listed(environ: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    result = run(environ, "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_letter_is_listed_for_a_machine_byte_for_byte(environ: dict[str, str]) -> None:
    first = bury(environ, 4, b"\xff\x00", reason="not text", field="price")
    second = bury(environ, 5, good("ada"), key=None)
    one, other = listed(environ)
    assert one.pop("refused_at") >= one.pop("arrived_at")
    assert one == {
        "letter_id": first,
        "state": "waiting",
        "reason": "not text",
        "field": "price",
        "topic": f"{environ['EBB_TOPICS_PREFIX']}clickstream",
        "partition": 1,
        "offset": 4,
        "redriven_from": None,
        "size": 6,
        "key": "shop",
        "key_base64": b64encode(b"shop").decode(),
        "value": None,
        "value_base64": b64encode(b"\xff\x00").decode(),
    }
    assert (other["letter_id"], other["key"], other["key_base64"]) == (second, None, None)
    assert other["value"].encode() == good("ada")


def test_letters_can_be_asked_for_by_reason_topic_age_and_number(environ: dict[str, str]) -> None:
    bury(environ, 0, b"{", reason="Object missing required field", field="price")
    bury(environ, 1, b"{", reason="invalid character (byte 3)")
    bury(environ, 2, b"{", reason="invalid character (byte 8)", topic="training")

    def offsets(*arguments: str) -> list[int]:
        return [letter["offset"] for letter in listed(environ, *arguments)]

    assert offsets() == [0, 1, 2]
    assert offsets("--reason", "INVALID") == [1, 2]
    assert offsets("--reason", "price") == [0]
    assert offsets("--topic", "training") == [2]
    assert offsets("--topic", f"{environ['EBB_TOPICS_PREFIX']}clickstream") == [0, 1]
    assert offsets("--since", "1h") == [0, 1, 2]
    assert offsets("--since", "2999-01-01") == []
    assert offsets("--last", "1") == [2]
    said = run(environ, "list", "--last", "1")
    assert len(said.stdout.splitlines()) == 1
    assert "2 older ones left out" in said.stderr
    assert "3 dead letters, 3 of them waiting, by reason:" in said.stderr
    assert "2  invalid character (byte N)" in said.stderr


def test_a_time_that_cannot_be_read_is_wrong_usage(environ: dict[str, str]) -> None:
    result = run(environ, "list", "--since", "lately")
    assert result.exit_code == 2
    assert "write a duration or a time" in result.stderr


def test_no_dead_letters_is_not_an_error(environ: dict[str, str]) -> None:
    result = run(environ, "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No dead letters." in result.stderr


def test_one_letter_is_shown_with_everything_about_it(environ: dict[str, str]) -> None:
    letter_id = bury(environ, 4, good("ada", LATER), reason="after its arrival", field="time")
    result = run(environ, "show", letter_id)
    assert result.exit_code == 0
    for words in (
        f"{letter_id}  waiting\n",
        "  reason     after its arrival\n",
        "  field      time\n",
        "clickstream, partition 1, offset 4\n",
        "dead-letters/0@0\n",
        "  now        would be refused: time: ",
        "  key        shop\n",
        '      "user_id": "ada",\n',
    ):
        assert words in result.stdout
    assert "would be accepted" in run(environ, "show", letter_id, "--set", "time.skew=60d").stdout
    told = json.loads(run(environ, "show", letter_id, "--json").stdout)
    assert (told["letter_id"], told["accepted_now"]) == (letter_id, False)
    assert told["refusal"]["field"] == "time"


def test_the_original_bytes_can_be_had_and_never_reach_a_terminal(environ: dict[str, str]) -> None:
    evil = b'{"a": "\x1b[2J\xff\xc2\x9b\r\n'
    letter_id = bury(environ, 4, evil, key=b"\x1b]0;owned\x07", reason="\x1b[31m\u202e", field="\r")
    assert run(environ, "show", letter_id, "--raw").stdout_bytes == evil
    for shown in (run(environ, "show", letter_id), run(environ, "list")):
        assert shown.exit_code == 0
        text = (shown.stdout + shown.stderr).replace("\n", "").replace("\t", "")
        assert text.isprintable()


def test_an_unknown_letter_is_told(environ: dict[str, str]) -> None:
    known = bury(environ, 4, good("ada"))
    for arguments in (["show", "nix-0-1"], ["redrive", known, "nix-0-1"]):
        result = run(environ, *arguments)
        assert result.exit_code == 1
        assert "there is no dead letter nix-0-1; ebb dlq list shows" in result.stderr
    assert read(environ, "clickstream") == []


@pytest.mark.parametrize("arguments", [[], ["a-0-1", "--all"], ["--all", "--reason", "x"]])
def test_a_redrive_is_told_which(environ: dict[str, str], arguments: list[str]) -> None:
    result = run(environ, "redrive", *arguments)
    assert result.exit_code == 2
    assert "say which" in result.stderr


def test_letters_are_sent_again_once(environ: dict[str, str]) -> None:
    ids = [bury(environ, n, good(f"shopper-{n}")) for n in range(3)]
    stays = bury(environ, 3, b"{", reason="broken")
    dry = run(environ, "redrive", "--all", "--dry-run")
    assert dry.exit_code == 1, "one would be refused again"
    assert dry.stdout == (
        "would send 3 again, 0 already redriven, left 1 that would be refused again\n"
    )
    assert f"{stays} left: Input data was truncated" in dry.stderr
    assert read(environ, "clickstream") == []

    first = run(environ, "redrive", ids[0])
    assert (first.exit_code, first.stdout) == (
        0,
        "sent 1 again, 0 already redriven, left 0 that would be refused again\n",
    )
    report = json.loads(run(environ, "redrive", "--all", "--json").stdout)
    assert report == {
        "dry_run": False,
        "sent": 2,
        "would_send": 0,
        "already_redriven": 1,
        "left": 1,
        "left_by_reason": {"Input data was truncated": 1},
    }
    again = run(environ, "redrive", "--reason", "no good")
    assert again.exit_code == 0
    assert again.stdout.startswith("sent 0 again, 3 already redriven, left 0")

    sent = {message.headers[REDRIVEN].decode(): message for message in read(environ, "clickstream")}
    assert sorted(sent) == sorted(ids)
    for number, letter_id in enumerate(ids):
        name = f"shopper-{number}"
        assert (sent[letter_id].key, sent[letter_id].value) == (name.encode(), good(name))
    states = {letter["letter_id"]: letter["state"] for letter in listed(environ)}
    assert states == {**dict.fromkeys(ids, "redriven"), stays: "waiting"}

    forced = run(environ, "redrive", stays, "--force")
    assert forced.exit_code == 0
    assert [m.value for m in read(environ, "clickstream") if m.key == b"shop"] == [b"{"]


def test_a_missing_topic_is_told_with_how_to_create_it(ebb_env: dict[str, str]) -> None:
    for arguments in (["list"], ["show", "x-0-0"], ["redrive", "--all"]):
        result = run(ebb_env, *arguments)
        assert result.exit_code == 1
        assert "is not there; create it with: ebb topics create" in result.stderr


@pytest.mark.parametrize("name", ["list", "show", "redrive"])
def test_the_help_shows_an_example(name: str) -> None:
    assert f"Example: ebb dlq {name}" in run({}, name, "--help").stdout
