"""The servers of the tests are what the last line of a run says they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from kafka.admin import KafkaAdminClient, NewTopic

from tests.conftest import Kafka, Redis, gather
from tests.nested import run_pytest
from tests.servers import (
    ROOT,
    Processes,
    Server,
    ServerError,
    Source,
    clean_environment,
    first_that_answers,
    kafka_sources,
    redis_sources,
    required,
    wait_for,
)


def source(name: str, *, real: bool = True, absent: str = "") -> Source:
    def start(folder: Path) -> Server:
        if absent:
            raise ServerError(absent)
        return Server("address", name, real=real)

    return Source(name, start)


def test_the_first_source_that_has_a_server_is_used(tmp_path: Path) -> None:
    sources = [source("docker", absent="no engine"), source("maven"), source("embedded")]
    assert first_that_answers("Kafka", sources, tmp_path).backend == "maven"


def test_a_server_that_is_not_real_will_do_unless_a_real_one_is_required(tmp_path: Path) -> None:
    sources = [source("maven", absent="no java"), source("embedded", real=False)]
    assert first_that_answers("Kafka", sources, tmp_path).backend == "embedded"
    with pytest.raises(ServerError) as refused:
        first_that_answers("Kafka", sources, tmp_path, require_real="EBB_TEST_REQUIRE_KAFKA")
    assert str(refused.value).splitlines() == [
        "a real Kafka is required (EBB_TEST_REQUIRE_KAFKA=1), and there is none to be had:",
        "  maven: no java",
        "  embedded: embedded is not a real Kafka",
    ]


def test_a_server_that_is_refused_is_stopped(tmp_path: Path) -> None:
    stopped: list[str] = []
    unreal = Server("address", "embedded", real=False, stop=lambda: stopped.append("embedded"))
    with pytest.raises(ServerError):
        first_that_answers("K", [Source("e", lambda _: unreal)], tmp_path, require_real="R")
    assert stopped == ["embedded"]


@pytest.mark.parametrize(("value", "asked"), [("1", True), ("0", False), ("", False)])
def test_one_requires_a_real_server_and_nought_does_not(value: str, asked: bool) -> None:
    assert (
        required("EBB_TEST_REQUIRE_KAFKA", {"EBB_TEST_REQUIRE_KAFKA": value}) is not None
    ) is asked


def test_a_named_server_is_the_only_source() -> None:
    assert [s.name for s in kafka_sources({"EBB_TEST_KAFKA": "a:1"})] == ["EBB_TEST_KAFKA"]
    assert [s.name for s in redis_sources({"EBB_TEST_REDIS": "redis://a"})] == ["EBB_TEST_REDIS"]
    assert [s.name for s in kafka_sources({})] == [
        "testcontainers",
        "Maven artifacts",
        "embedded broker",
    ]
    assert [s.name for s in redis_sources({})] == [
        "testcontainers",
        "redis-server",
        "embedded Valkey",
    ]


def test_settings_of_the_user_do_not_reach_the_commands_under_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EBB_HORIZON", "1d")
    environment = clean_environment({"EBB_KAFKA": "here:1"})
    assert {k: v for k, v in environment.items() if k.startswith("EBB_")} == {"EBB_KAFKA": "here:1"}


@pytest.mark.e2e
def test_kafka_creates_no_topic_by_itself(kafka: Kafka, topic_prefix: str) -> None:
    if not kafka.real:
        pytest.skip(f"{kafka.backend} does")
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        admin.create_topics([NewTopic(f"{topic_prefix}wanted", 3, 1)])
        admin.describe_topics([f"{topic_prefix}unwanted"])
        names = [name for name in admin.list_topics() if name.startswith(topic_prefix)]
    finally:
        admin.close()
    assert names == [f"{topic_prefix}wanted"]


@pytest.mark.e2e
def test_a_test_finds_its_redis_empty(redis_url: str, redis_server: Redis) -> None:
    assert redis_url.rpartition("/")[0] == redis_server.url.rpartition("/")[0]
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


@pytest.mark.e2e
def test_what_another_test_left_behind_is_not_there(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.e2e
def test_a_command_finds_its_way_to_the_servers_of_its_test(
    ebb_env: dict[str, str], kafka: Kafka, redis_url: str, namespace: str, topic_prefix: str
) -> None:
    assert ebb_env == {
        "EBB_KAFKA": kafka.bootstrap,
        "EBB_REDIS": redis_url,
        "EBB_REDIS_NAMESPACE": namespace,
        "EBB_TOPICS_PREFIX": topic_prefix,
    }


def test_a_long_process_is_stopped_at_the_end_and_keeps_its_log(tmp_path: Path) -> None:
    started = Processes(tmp_path, {"EBB_HORIZON": "9d"})
    program = "import os, signal; print(os.environ['EBB_HORIZON'], flush=True); signal.pause()"
    child = started.python("-c", program)
    wait_for("it has spoken", lambda: "9d" in child.tail())

    started.stop()

    assert child.exit_code == -15
    assert list(started.tails().values()) == ["9d"]


def test_a_run_that_needs_no_server_starts_none_and_says_so(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "def test_nothing(): pass\n")
    *_, backends, counts = ended.stdout.splitlines()
    unused = "not needed by the tests that ran"
    told = "   ".join(f"{each} = {unused}" for each in ("Kafka", "Redis", "Browser", "SDKs"))
    assert backends == f"backends: {told}"
    assert "1 passed" in counts
    assert ended.returncode == 0


@pytest.mark.e2e
def test_a_run_that_requires_a_real_kafka_fails_without_one(tmp_path: Path) -> None:
    ended = run_pytest(
        tmp_path,
        "def test_kafka(kafka): pass\n",
        EBB_TEST_KAFKA="127.0.0.1:1",
        EBB_TEST_REQUIRE_KAFKA="1",
    )
    assert ended.returncode == 1
    assert "a real Kafka is required (EBB_TEST_REQUIRE_KAFKA=1)" in ended.stdout + ended.stderr
    assert "no Kafka answers at 127.0.0.1:1" in ended.stdout + ended.stderr


@pytest.mark.e2e
def test_the_embedded_valkey_does_not_pass_for_a_real_redis(tmp_path: Path) -> None:
    # A PATH without redis-server and no engine: nothing else is left.
    (tmp_path / "bin").mkdir()
    ended = run_pytest(
        tmp_path,
        "def test_redis(redis_url): print(redis_url)\n",
        PATH=str(tmp_path / "bin"),
        DOCKER_HOST="tcp://127.0.0.1:1",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Redis = valkey" in ended.stdout.splitlines()[-2]
    assert "THE TESTS RUN ON THE EMBEDDED VALKEY" in ended.stdout

    ended = run_pytest(
        tmp_path,
        "def test_redis(redis_url): print(redis_url)\n",
        PATH=str(tmp_path / "bin"),
        DOCKER_HOST="tcp://127.0.0.1:1",
        EBB_TEST_REQUIRE_REDIS="1",
    )
    assert ended.returncode == 1
    assert "is not a real Redis" in ended.stdout + ended.stderr


def test_the_last_line_tells_of_every_server_that_a_process_has_used() -> None:
    unused = "not needed by the tests that ran"
    backends = {"Kafka": unused, "Redis": unused}
    gather(backends, {"Kafka": unused, "Redis": "redis-server 7"})
    gather(backends, {"Kafka": "Apache Kafka 4", "Redis": "redis-server 7"})
    assert backends == {"Kafka": "Apache Kafka 4", "Redis": "redis-server 7"}
    gather(backends, {"Kafka": "NONE", "Redis": unused})
    assert backends == {"Kafka": "Apache Kafka 4 and NONE", "Redis": "redis-server 7"}


def test_processes_that_share_a_run_end_it_when_a_required_server_is_missing(
    tmp_path: Path,
) -> None:
    away = {"EBB_TEST_REDIS": "redis://127.0.0.1:1/0", "EBB_TEST_REQUIRE_REDIS": "1"}
    ended = run_pytest(tmp_path, "def test_redis(redis_url): pass\n", "-n1", **away)
    assert ended.returncode != 0
    assert "a real Redis is required (EBB_TEST_REQUIRE_REDIS=1)" in ended.stdout
    assert "backends: Kafka = not needed by the tests that ran   Redis = NONE" in ended.stdout


def test_the_log_of_a_process_is_shown_when_its_test_fails(tmp_path: Path) -> None:
    ended = run_pytest(
        tmp_path,
        "from tests.servers import wait_for\n"
        "def test_it(processes):\n"
        "    child = processes.python('-c', 'print(6 * 7, \"sheep\", flush=True); input()')\n"
        "    wait_for('it speaks', lambda: 'sheep' in child.tail())\n"
        "    assert False\n",
    )
    assert ended.returncode == 1
    assert "42 sheep" in ended.stdout


def test_the_tree_under_test_is_this_one() -> None:
    assert (ROOT / "pyproject.toml").is_file()
