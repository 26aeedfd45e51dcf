"""``ebb events``: what arrived and what was refused, once each and in order."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from features import Event, encode_event
from streams.cli import ebb as command
from streams.cli.context import Context
from streams.cli.watching.events import Arrived, Wanted, _arrived, newest
from streams.deadletters import HEADER, REDRIVEN, DeadLetter
from streams.reading import Message
from streams.topics import create_topics, open_producer
from tests.servers.commands import Processes, wait_for

NOW = 1_767_225_600_000
ALL = Wanted(None, None, None, False)
LETTERS = "dead-letters"


def an_event(number: int, user: str = "ada", **fields: Any) -> Event:
    return Event(event_id=f"e{number}", user_id=user, type="visit", time=NOW, **fields)


def message(number: int, event: Event | bytes, *, source: str = "", partition: int = 0) -> Message:
    value = encode_event(event) if isinstance(event, Event) else event
    key = event.user_id.encode() if isinstance(event, Event) else None
    headers = {"ebb_source": source.encode()} if source else {}
    return Message("clickstream", partition, number, NOW + number, key, value, headers)


def a_letter(number: int, of: Message, *, reason: str = "no", at: int | None = None) -> Message:
    why = DeadLetter(
        reason=reason,
        field="time",
        topic=of.topic,
        partition=of.partition,
        offset=of.offset,
        timestamp=of.timestamp,
    )
    headers = {**of.headers, HEADER: msgspec.json.encode(why)}
    when = NOW + (number if at is None else at)
    return Message(LETTERS, 0, number, when, of.key, of.value, headers)


def found(messages: Iterable[Message], wanted: Wanted = ALL, few: int = 20) -> list[Arrived]:
    return newest(_arrived(messages, LETTERS), wanted, few)


def test_the_newest_of_all_partitions_come_in_the_order_of_their_arrival() -> None:
    log = [message(n, an_event(n), partition=n % 3) for n in range(30)]
    by_partition = sorted(log, key=lambda one: (one.partition, one.offset))
    assert [one.message for one in found(by_partition)] == log[-20:]
    assert [one.message for one in found(by_partition, few=1)] == log[-1:]


@pytest.mark.parametrize("letter_first", [True, False])
def test_what_a_worker_refused_is_told_once_where_it_arrived(letter_first: bool) -> None:
    log = [message(n, an_event(n), source="web") for n in range(3)]
    letter = a_letter(0, log[1], reason="after its arrival", at=9)
    one, two, three = found([letter, *log] if letter_first else [*log, letter])
    assert (one.refused, three.refused) == (None, None)
    assert (two.message, two.refused) == (log[1], ("after its arrival", "time"))


def test_what_was_refused_at_the_door_is_told_with_its_reason() -> None:
    at_door = Message("door:web", 0, 77, NOW, None, b'{"type": "track"}', {"ebb_source": b"web"})
    log = [message(1, an_event(1)), a_letter(2, at_door, reason="there must be a userId")]
    event, refused = found(log)
    assert event.refused is None
    assert refused.refused == ("there must be a userId", "time")
    assert (refused.event, refused.source) == (None, "web")


def test_only_what_is_asked_for_is_told() -> None:
    log = [
        message(1, an_event(1), source="web"),
        message(2, an_event(2, user="grace"), source="app"),
        message(3, b"junk", source="web"),
        message(4, an_event(4), source="app"),
    ]
    letter = a_letter(5, log[1])

    def numbers(**asked: Any) -> list[int]:
        wanted = Wanted(**{"source": None, "user": None, "type": None, "refused": False, **asked})
        return [one.message.offset for one in found([*log, letter], wanted)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(source="web") == [1, 3]
    assert numbers(user="ada") == [1, 4]
    assert numbers(type="visit", source="app") == [2, 4]
    assert numbers(type="purchase") == []
    assert numbers(refused=True) == [3, 5]


def test_markers_of_what_was_sent_again_are_no_arrivals() -> None:
    marker = Message(LETTERS, 0, 1, NOW, None, None, {REDRIVEN: b"{}"})
    assert found([marker]) == []


def test_of_many_letters_only_what_is_told_stays_in_memory() -> None:
    first = message(0, an_event(0))
    log = [first] + [a_letter(n, message(n, b"x" * 1_000)) for n in range(1, 500)]
    told = found(log, few=5)
    assert [one.message.offset for one in told] == [495, 496, 497, 498, 499]


# -- on a real topic -----------------------------------------------------------------------------


def publish(environ: dict[str, str], messages: Iterable[Message]) -> None:
    settings = Context(environ=environ).settings
    with open_producer(settings) as producer:
        for one in messages:
            name = "dead_letters" if one.topic == LETTERS else "clickstream"
            # One at a time: the order in which they arrived is what is asked for.
            producer.send(
                settings.topic(name),
                key=one.key or b"",
                value=one.value,
                headers=list(one.headers.items()),
            ).get(timeout=10)


@pytest.fixture
def environ(ebb_env: dict[str, str]) -> dict[str, str]:
    environ = {**ebb_env, "EBB_TOPICS_PARTITIONS": "3"}
    create_topics(Context(environ=environ).settings)
    return environ


def run(environ: dict[str, str], *arguments: str) -> Result:
    result = CliRunner().invoke(command, ["events", *arguments], obj=Context(environ=environ))
    assert result.exit_code == 0
    return result


AT_DOOR = Message("door:web", 0, 77, NOW, None, b"\x1b[2J{}", {"ebb_source": b"web"})
SHOWN = an_event(
    2, "grace", item_id="a\x1b]0;owned\x07", price=39.9, text="t" * 99, properties={"gift": True}
)


@pytest.mark.e2e
def test_people_see_what_arrived_and_why_some_was_refused(environ: dict[str, str]) -> None:
    refused = a_letter(3, AT_DOOR, reason="there must be a userId")
    publish(environ, [message(1, an_event(1)), message(2, SHOWN, source="web"), refused])
    lines = [line.split("  ") for line in run(environ).stdout.splitlines()]
    assert [line[1:] for line in lines] == [
        ["-", "ada", "visit"],
        [
            *("web", "grace", "visit", "item_id=a\\x1b]0;owned\\x07", "price=39.9"),
            *("text=" + "t" * 60 + "…", "1 property"),
        ],
        ["web", "-"],
        ["", "refused: time: there must be a userId", "(ebb dlq show door:web-0-77)"],
    ]


@pytest.mark.e2e
def test_a_machine_reads_the_event_and_the_reason(environ: dict[str, str]) -> None:
    publish(environ, [message(1, an_event(1), source="app"), a_letter(2, AT_DOOR)])
    event, refused = map(json.loads, run(environ, "--json").stdout.splitlines())
    assert (event["source"], event["event"]["user_id"], event["refused"]) == ("app", "ada", None)
    assert (refused["event"], refused["value"]) == (None, "\x1b[2J{}")
    assert refused["refused"] == {
        "reason": "no",
        "field": "time",
        "letter_id": "door:web-0-77",
    }
    assert len(run(environ, "--json", "--limit", "1").stdout.splitlines()) == 1
    assert len(run(environ, "--json", "--refused", "--from-beginning").stdout.splitlines()) == 1
    some = run(environ, "--json", "--from-beginning", "--limit", "1")
    assert (len(some.stdout.splitlines()), some.stderr) == (
        1,
        "The newest 1; there are more: --limit N\n",
    )
    assert run(environ, "--json", "--from-beginning", "--limit", "2").stderr == ""


@pytest.mark.e2e
def test_nothing_is_no_error(environ: dict[str, str]) -> None:
    nothing = run(environ)
    assert nothing.stdout == ""
    assert nothing.stderr == (
        "Nothing has arrived among the newest 10,000 messages of each partition.\n"
    )
    assert run(environ, "--source", "web", "--from-beginning").stderr == (
        "Nothing like that has arrived.\n"
    )


@pytest.mark.e2e
def test_following_shows_both_topics_as_they_come(
    environ: dict[str, str], processes: Processes
) -> None:
    publish(environ, [message(1, an_event(1), source="web")])
    child = processes.ebb("events", "--follow", "--source", "web", "--json", env=environ)
    wait_for("the event that is there", lambda: '"e1"' in child.tail(40))
    publish(environ, [message(2, an_event(2), source="app"), message(3, an_event(3), source="web")])
    publish(environ, [a_letter(4, AT_DOOR, reason="refused at the door")])
    wait_for("the event that came", lambda: '"e3"' in child.tail(40))
    wait_for("the letter that came", lambda: "refused at the door" in child.tail(40))
    assert '"e2"' not in child.tail(40)
    child.send_signal(signal.SIGINT)
    assert child.wait(15) == 130
    assert "Traceback" not in child.tail(40)
