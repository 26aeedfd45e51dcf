"""``ebb alerts``, against alerts that a plain producer wrote."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner, Result

from models.deciding import Alert, Reason, cloud_event_headers
from streams.cli import ebb as command
from streams.cli.context import Context
from streams.schemas import json_schema
from streams.topics import create_topics, open_producer
from tests.servers.commands import Processes, wait_for

pytestmark = pytest.mark.e2e
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def an_alert(number: int, *, user: str, text: str = "silent for 31 days") -> Alert:
    at = START + timedelta(hours=number)
    return Alert(
        alert_id=f"a{number}",
        user_id=user,
        decided_at=at,
        valid_until=at + timedelta(days=7),
        cause="silence",
        risk=0.83,
        band="high",
        reasons=[Reason("silence", text, 1.2)],
        silence_days=31.0,
        action="none" if user == "held" else "offer",
        arm="holdout" if user == "held" else "treated",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector={"recency": 31.0},
    )


def publish(environ: dict[str, str], alerts: Iterable[Alert | bytes]) -> None:
    settings = Context(environ=environ).settings
    with open_producer(settings) as producer:
        for alert in alerts:
            known = isinstance(alert, Alert)
            # One at a time: the order in which they were published is what is asked for.
            producer.send(
                settings.topic("interventions"),
                key=alert.user_id.encode() if isinstance(alert, Alert) else b"x",
                value=msgspec.json.encode(alert) if known else alert,
                headers=cloud_event_headers(alert) if isinstance(alert, Alert) else [],
            ).get(timeout=10)


@pytest.fixture
def environ(ebb_env: dict[str, str]) -> dict[str, str]:
    environ = {**ebb_env, "EBB_TOPICS_PARTITIONS": "3"}
    create_topics(Context(environ=environ).settings)
    return environ


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(command, ["alerts", *arguments], obj=Context(environ=environ))


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0
    return [json.loads(line)["id"] for line in result.stdout.splitlines()]


def test_the_newest_are_shown_in_the_order_of_publication_whatever_their_partition(
    environ: dict[str, str],
) -> None:
    publish(environ, (an_alert(n, user=f"user-{n % 8}") for n in range(30)))
    everything = [f"a{n}" for n in range(30)]
    assert ids(run(environ, "--json")) == everything[-20:]
    assert ids(run(environ, "--json", "--limit", "3")) == everything[-3:]
    assert sorted(ids(run(environ, "--json", "--from-beginning"))) == sorted(everything)
    assert len(ids(run(environ, "--json", "--from-beginning", "--limit", "25"))) == 25
    assert ids(run(environ, "--json", "--user", "user-5")) == ["a5", "a13", "a21", "a29"]
    assert ids(run(environ, "--json", "--user", "user-5", "--limit", "2")) == ["a21", "a29"]


def test_a_line_of_json_is_a_cloud_event_whose_data_validates(environ: dict[str, str]) -> None:
    publish(environ, [an_alert(1, user="ada")])
    (line,) = run(environ, "--json").stdout.splitlines()
    event = json.loads(line)
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "type": "ebbtide.alert.v1",
        "source": "/ebbtide",
        "id": "a1",
        "time": "2026-01-01T13:00:00.000Z",
        "subject": "ada",
        "datacontenttype": "application/json",
    }
    jsonschema.Draft202012Validator(json_schema("alert")).validate(data)


def test_people_see_who_how_sure_what_to_do_and_why(environ: dict[str, str]) -> None:
    publish(environ, [an_alert(0, user="ada"), an_alert(1, user="held")])
    assert run(environ).stdout.splitlines() == [
        "2026-01-01T12:00:00Z  ada  risk 0.83 high  offer  (silence, silent 31 days)",
        "    silent for 31 days",
        "2026-01-01T13:00:00Z  held  risk 0.83 high  nothing: held out  (silence, silent 31 days)",
        "    silent for 31 days",
    ]


def test_a_customer_cannot_command_the_terminal(environ: dict[str, str]) -> None:
    publish(environ, [an_alert(0, user="a\x1b[2Jda", text="\x1b]0;owned\x07")])
    assert not {"\x1b", "\x07"} & set(run(environ).stdout)


def test_what_is_no_alert_is_skipped_and_said(environ: dict[str, str]) -> None:
    publish(environ, [b"{}", b"\xff", an_alert(0, user="ada")])
    result = run(environ, "--json")
    assert ids(result) == ["a0"]
    assert result.stderr.count("not an alert") == 2


def test_no_alerts_yet_is_not_an_error(environ: dict[str, str]) -> None:
    result = run(environ)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No alerts yet.\n")


def test_a_missing_topic_is_told_with_how_to_create_it(ebb_env: dict[str, str]) -> None:
    result = run(ebb_env)
    assert result.exit_code == 1
    assert "is not there; create it with: ebb topics create" in result.stderr


def test_following_shows_what_comes_until_ctrl_c(
    environ: dict[str, str], processes: Processes
) -> None:
    publish(environ, [an_alert(0, user="ada")])
    child = processes.ebb("alerts", "--json", "--follow", env=environ)
    wait_for("the alert that is there", lambda: '"a0"' in child.tail(40))
    publish(environ, [an_alert(1, user="grace")])
    wait_for("the alert that came", lambda: '"a1"' in child.tail(40))
    assert child.running
    child.send_signal(signal.SIGINT)
    assert child.wait(15) == 130
    assert "Traceback" not in child.tail(40)
