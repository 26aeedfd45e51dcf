from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from features import decode_event
from streams.topics import partition_of
from tests.conftest import Kafka
from tests.e2e.cdnow import first_customers, purchases_in
from tests.servers import Ebb

MAPPING = 'customer = "who"\ntime = "at"\ntype = { constant = "purchase" }\namount = "paid"\n'
ROWS = "who,at,paid\nada,2026-01-02,2.5\n,2026-01-01,1\ngrace,2026-01-01,[red]\nzoe,2026-01-01,1\n"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "shop.csv").write_text(ROWS + "ada,2026-01-03,1\n")
    (tmp_path / "shop.toml").write_text(MAPPING)
    yield


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody answers, for as long as the test lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.usefixtures("shop")
def test_a_dry_run_reports_and_needs_no_server(ebb: Ebb, nowhere: str) -> None:
    said = ebb("import", "--dry-run", "shop.csv", "-m", "shop.toml", env={"EBB_KAFKA": nowhere})
    assert said.returncode == 0
    assert said.stdout.splitlines()[:6] == [
        "rows       5",
        "events     3",
        "rejected   2",
        "customers  2",
        "time       2026-01-01T00:00:00Z to 2026-01-03T00:00:00Z",
        "types      purchase 3",
    ]
    first = decode_event(said.stdout.splitlines()[6].encode())
    assert (first.user_id, first.amount) == ("zoe", 1.0)
    assert said.stderr.splitlines() == [
        "line 3: no customer",
        "line 4: amount is not a number: '[red]'",
    ]


@pytest.mark.usefixtures("shop")
def test_a_dry_run_can_be_read_by_a_machine(ebb: Ebb) -> None:
    said = ebb("import", "--dry-run", "--json", "shop.csv", "-m", "shop.toml")
    report = json.loads(said.stdout)
    assert (report["rows"], report["events"], report["customers"]) == (5, 3, 2)
    assert report["rejected_by_reason"] == {"no customer": 1, "amount is not a number": 1}
    assert len(report["first_events"]) == 3


@pytest.mark.usefixtures("shop")
def test_without_a_mapping_a_dry_run_proposes_one_that_works(ebb: Ebb, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("customer_id,order_date,total\nada,2026-01-02,2.5\n")
    proposed = ebb("import", "--dry-run", "sales.csv")
    assert proposed.returncode == 0
    assert "look it over" in proposed.stderr
    (tmp_path / "mine.toml").write_text(proposed.stdout)
    said = ebb("import", "--dry-run", "--json", "sales.csv", "-m", "mine.toml")
    assert json.loads(said.stdout)["first_events"][0]["amount"] == 2.5


def _told(said: Any, code: int, *words: str) -> None:
    assert said.returncode == code, said.stderr
    assert "Traceback" not in said.stderr
    for word in words:
        assert word in said.stderr


@pytest.mark.usefixtures("shop")
def test_without_a_mapping_nothing_is_sent_but_said_what_to_do(ebb: Ebb) -> None:
    _told(ebb("import", "shop.csv"), 2, "cdnow, completejourney", "ebb import --dry-run shop.csv")


@pytest.mark.usefixtures("shop")
def test_wrong_usage_is_exit_2(ebb: Ebb, tmp_path: Path) -> None:
    _told(ebb("import", "absent.csv", "-m", "cdnow"), 2, "'absent.csv' does not exist")
    _told(ebb("import", "shop.csv", "-m", "cdnov"), 2, "did you mean cdnow?")
    _told(ebb("import", "shop.csv", "-m", "cdnow", "--rate", "0"), 2, "--rate")
    (tmp_path / "shop.toml").write_text(MAPPING + 'prise = "paid"\n')
    said = ebb("import", "shop.csv", "-m", "shop.toml")
    _told(said, 2, "shop.toml: prise: not a key of a mapping; did you mean price?")


@pytest.mark.usefixtures("shop")
def test_a_mapping_that_does_not_fit_is_exit_1(ebb: Ebb, tmp_path: Path) -> None:
    said = ebb("import", "--dry-run", "shop.csv", "-m", "completejourney")
    _told(said, 1, "no column 'text', which the mapping names as text", "who, at, paid")
    (tmp_path / "bad.csv").write_text("who,at,paid\nada,soon,1\ngrace,later,1\n")
    said = ebb("import", "--dry-run", "bad.csv", "-m", "shop.toml")
    _told(
        said, 1, "line 2: time does not read as iso: 'soon'", "2 of the first 2 rows are no event"
    )


def test_a_file_that_cannot_be_read_is_exit_1(ebb: Ebb, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    _told(ebb("import", "--dry-run", "empty.csv"), 1, "empty.csv: the file is empty")


@pytest.mark.usefixtures("shop")
def test_an_absent_broker_is_exit_3_within_ten_seconds_or_so(ebb: Ebb, nowhere: str) -> None:
    began = time.monotonic()
    said = ebb("import", "shop.csv", "-m", "shop.toml", env={"EBB_KAFKA": nowhere})
    _told(said, 3, f"no broker answers at {nowhere}")
    assert time.monotonic() - began < 20


@pytest.mark.e2e
@pytest.mark.usefixtures("shop")
def test_a_topic_that_is_not_there_is_not_created(
    ebb: Ebb, kafka: Kafka, topic_prefix: str
) -> None:
    env = {"EBB_KAFKA": kafka.bootstrap, "EBB_TOPICS_PREFIX": topic_prefix}
    for _ in range(2):
        said = ebb("import", "shop.csv", "-m", "shop.toml", env=env)
        _told(said, 1, f"topic {topic_prefix}clickstream is not there", "ebb topics create")


def _records(bootstrap: str, topic: str) -> dict[int, list[Any]]:
    """Return everything in a topic by partition."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    missing = sum(consumer.end_offsets(places).values())
    found: dict[int, list[Any]] = {place.partition: [] for place in places}
    deadline = time.monotonic() + 60
    while missing:
        assert time.monotonic() < deadline, f"{missing} records did not come"
        for place, records in consumer.poll(timeout_ms=500).items():
            found[place.partition].extend(records)
            missing -= len(records)
    consumer.close()
    return found


@pytest.mark.e2e
def test_cdnow_through_kafka_arrives_whole_in_order_and_under_the_same_ids_again(
    ebb: Ebb, kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    env = {
        "EBB_KAFKA": kafka.bootstrap,
        "EBB_TOPICS_PREFIX": topic_prefix,
        "EBB_TOPICS_PARTITIONS": "4",
    }
    created = ebb("topics", "create", env=env)
    assert created.returncode == 0, created.stderr
    # A part of it: that all of it arrives is seen where all of it is applied.
    file = first_customers(tmp_path / "some.txt")
    bought = purchases_in(file)
    command = ("import", str(file), "--mapping", "cdnow", "--json")
    said = ebb(*command, env=env, timeout=120)
    assert said.returncode == 0, said.stderr
    assert said.stderr == "", "no progress in a pipe"
    summary = json.loads(said.stdout)
    count = sum(map(len, bought.values()))
    assert (summary["sent"], summary["rejected"]) == (count, 0)

    topic = f"{topic_prefix}clickstream"
    first = _records(kafka.bootstrap, topic)
    ids = set()
    customers = set()
    for partition, records in first.items():
        events = [decode_event(record.value) for record in records]
        assert [event.at for event in events] == sorted(event.at for event in events)
        for record, event in zip(records, events, strict=True):
            assert record.key == event.user_id.encode()
            assert partition_of(record.key, 4) == partition
        ids |= {event.event_id for event in events}
        customers |= {event.user_id for event in events}
    assert len(ids) == count
    assert customers == bought.keys()

    again = ebb(*command, env=env, timeout=120)
    assert again.returncode == 0, again.stderr
    for partition, records in _records(kafka.bootstrap, topic).items():
        half = len(records) // 2
        values = [record.value for record in records]
        assert values[:half] == values[half:] == [record.value for record in first[partition]]


@pytest.mark.e2e
@pytest.mark.usefixtures("shop")
def test_a_full_topic_name_is_taken_as_it_is_and_the_summary_is_one_line(
    ebb: Ebb, kafka: Kafka, topic_prefix: str
) -> None:
    env = {
        "EBB_KAFKA": kafka.bootstrap,
        "EBB_TOPICS_PREFIX": topic_prefix,
        "EBB_TOPICS_PARTITIONS": "1",
    }
    assert ebb("topics", "create", env=env).returncode == 0
    topic = f"{topic_prefix}outcomes"
    said = ebb("import", "shop.csv", "-m", "shop.toml", "--topic", topic, env=env)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"sent 3 events to {topic}, rejected 2 rows, in ")
    assert said.stderr.splitlines()[0] == "line 3: no customer"
    (records,) = _records(kafka.bootstrap, topic).values()
    assert [record.key for record in records] == [b"zoe", b"ada", b"ada"]
