"""``ebb doctor``: each ill is named, with the cure, and the exit code says how bad it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from features import SECOND
from streams.cli import ebb
from streams.cli.context import Context
from streams.cli.trying import checkup
from streams.cli.trying.checkup import Finding, check_python, check_settings
from streams.cli.trying.doctor import settings_page
from streams.settings import load_settings
from streams.topics import create_topics
from tests.conftest import Redis

ROOT = Path(__file__).resolve().parents[4]


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(ebb, ["doctor", *arguments], obj=Context(environ=environ))


def findings(result: Result) -> list[Finding]:
    return [Finding(**one) for one in json.loads(result.stdout)]


def checked(**options: str) -> list[Finding]:
    return list(check_settings(load_settings(environ={}, options=options).settings))


def test_the_page_of_settings_is_current() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: ebb doctor --markdown > docs/settings.md"


def test_the_defaults_fit_together() -> None:
    assert [finding.level for finding in checked()] == ["ok"]


@pytest.mark.parametrize(
    ("options", "level", "about"),
    [
        ({"policy.file": "/nowhere/policy.toml"}, "problem", "policy.file: there is no file"),
        ({"policy.file": __file__}, "problem", "line 1, the file: not valid TOML"),
        ({"kafka.ca_file": "/nowhere/ca.pem"}, "problem", "kafka.ca_file: there is no file"),
        ({"churn.active": "20d"}, "warning", "churn.active = 20d is shorter than churn.horizon"),
        ({"silence.waits": "7d,100d"}, "warning", "silence.waits names 100d, beyond churn.active"),
        ({"time.lateness": "3d"}, "warning", "time.lateness = 3d"),
        ({"time.clock": "events"}, "warning", "no silence is noticed"),
        ({"policy.holdout": "0"}, "warning", "cannot be measured"),
        ({"policy.cooldown": "1h"}, "warning", "several alerts in a day"),
        ({"kafka.username": "ada"}, "warning", "sends no name"),
        (
            {"kafka.username": "ada", "kafka.security": "SASL_PLAINTEXT"},
            "warning",
            "crosses the network readable",
        ),
    ],
)
def test_settings_that_make_no_sense_together_are_told_with_the_cure(
    options: dict[str, str], level: str, about: str
) -> None:
    (finding,) = checked(**options)
    assert finding.level == level
    assert about in finding.text
    assert finding.mend


def test_an_extra_that_is_missing_is_told_with_how_to_install_it() -> None:
    told = {finding.text: finding.level for finding in check_python(lambda _: None)}
    assert any("pip install 'ebbtide[parquet]'" in text for text in told)
    assert set(told.values()) == {"ok"}


def test_a_wrong_setting_ends_the_examination_with_2() -> None:
    result = run({"EBB_HORIZON": "soon"})
    assert result.exit_code == 2
    assert "churn.horizon = 'soon' (environment EBB_HORIZON)" in result.output


def test_servers_that_are_away_are_all_told_and_end_with_3(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How long a command waits for a broker is told elsewhere.
    soon = partial(checkup.open_admin, wait=SECOND)
    monkeypatch.setattr(checkup, "open_admin", soon)
    environ = {"EBB_KAFKA": "localhost:1", "EBB_REDIS": "redis://:hunter2@localhost:1/0"}
    result = run(environ)
    assert result.exit_code == 3
    assert "away     kafka     Kafka is away: no broker answers at localhost:1." in result.stdout
    assert "away     redis     Redis is away: nothing answers at redis://:***@" in result.stdout
    assert result.stdout.count("mend: The address comes from") == 2
    assert "hunter2" not in result.output


def test_settings_are_listed_with_their_source_and_without_secrets() -> None:
    environ = {
        "EBB_KAFKA_PASSWORD": "hunter2",
        "EBB_REDIS": "redis://:hunter2@h:1/0",
        "EBB_HORIZON": "12w",
    }
    for arguments in (("--settings",), ("--settings", "--json")):
        result = run(environ, *arguments)
        assert result.exit_code == 0
        assert "hunter2" not in result.output
    listed = {row["key"]: row for row in json.loads(result.stdout)}
    assert listed["churn.horizon"]["value"] == "84d"
    assert listed["churn.horizon"]["source"] == "environment EBB_HORIZON"
    assert listed["churn.active"]["source"] == "default"
    assert listed["kafka.password"]["value"] == "***"
    assert listed["redis.url"]["value"] == "redis://:***@h:1/0"


@pytest.mark.e2e
def test_missing_topics_are_a_problem_until_they_are_created(ebb_env: dict[str, str]) -> None:
    before = run(ebb_env, "--json")
    assert before.exit_code == 1
    (missing,) = (one for one in findings(before) if one.area == "topics")
    assert missing.level == "problem"
    assert missing.mend == "create them: ebb topics create"

    create_topics(Context(environ=ebb_env).settings)
    after = run(ebb_env, "--json")
    assert after.exit_code == 0, after.output
    levels = {one.area: one.level for one in findings(after) if one.level == "ok"}
    assert set(levels) == {"python", "settings", "kafka", "topics", "redis"}


@pytest.mark.e2e
def test_topics_of_another_size_are_a_problem(ebb_env: dict[str, str]) -> None:
    create_topics(Context(environ={**ebb_env, "EBB_TOPICS_PARTITIONS": "2"}).settings)
    result = run({**ebb_env, "EBB_TOPICS_PARTITIONS": "4"})
    assert result.exit_code == 1
    assert f"{ebb_env['EBB_TOPICS_PREFIX']}clickstream: partitions = 2, planned 4" in result.stdout


@pytest.fixture
def set_up(redis_server: Redis) -> Iterator[redis.Redis]:
    """A client whose CONFIG SETs are undone."""
    keys = ("maxmemory-policy", "appendonly", "appendfsync")
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        before = {key: client.config_get(key)[key] for key in keys}
        yield client
        for key, value in before.items():
            client.config_set(key, value)


def redis_findings(environ: dict[str, str]) -> dict[str, Finding]:
    found = findings(run(environ, "--json"))
    return {one.text: one for one in found if one.area == "redis"}


@pytest.mark.e2e
def test_a_redis_that_would_throw_customers_away_is_a_problem(
    ebb_env: dict[str, str], set_up: redis.Redis
) -> None:
    set_up.config_set("maxmemory-policy", "allkeys-lru")
    (finding,) = (one for one in redis_findings(ebb_env).values() if one.level == "problem")
    assert finding.text.startswith("maxmemory-policy = allkeys-lru")
    assert finding.mend == "set maxmemory-policy noeviction"


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("appendonly", "fsync", "level", "about"),
    [
        ("no", "everysec", "warning", "the append-only file is off"),
        ("yes", "no", "warning", "appendfsync = no"),
        ("yes", "everysec", "ok", "the append-only file is on, fsync everysec"),
    ],
)
def test_what_a_crash_of_redis_would_lose_is_told(
    ebb_env: dict[str, str],
    set_up: redis.Redis,
    appendonly: str,
    fsync: str,
    level: str,
    about: str,
) -> None:
    set_up.config_set("appendonly", appendonly)
    set_up.config_set("appendfsync", fsync)
    (finding,) = (one for text, one in redis_findings(ebb_env).items() if about in text)
    assert finding.level == level
