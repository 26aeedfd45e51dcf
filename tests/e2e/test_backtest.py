"""A replay of a topic is the replay of the file whose events were sent to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from features import DAY, HOUR, Event, to_datetime
from streams.topics import partition_of
from tests.e2e.cdnow import SHOP, purchases_in
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.streams.recorded.cdnow import cdnow_file

pytestmark = pytest.mark.e2e

CUSTOMERS = 300
#: The prior judges to the end: no score depends on what other customers did.
PRIOR = ("--model", "logistic", "--set", "model.warmup=1000000")
#: The same for file and topic.
ALIKE = ("--vectors", "--set", "model.weight_treated=1")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("few") / "few.txt"
    header, *rows = cdnow_file().read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if int(row.split()[0]) <= CUSTOMERS]
    file.write_text("".join([header, *kept]), encoding="utf-8")
    return file


def imported(new_corner: NewCorner, few: Path, partitions: int) -> Corner:
    corner = new_corner(**SHOP, EBB_TOPICS_PARTITIONS=str(partitions))
    corner.create_topics()
    corner.import_cdnow(few)
    return corner


def replayed(corner: Corner, *words: str, to: str) -> tuple[dict[str, Any], Path]:
    """Run a backtest; return its report, and where its files are."""
    said = corner.run("backtest", *words, "-o", to, "--no-report", "--json", timeout=120)
    return dict(json.loads(said)), corner.folder / to


def test_a_topic_of_one_partition_gives_the_very_bytes_that_the_file_gives(
    new_corner: NewCorner, few: Path
) -> None:
    corner = imported(new_corner, few, 1)
    of_file, file = replayed(corner, str(few), "-m", "cdnow", *ALIKE, to="file")
    of_topic, topic = replayed(corner, "kafka://clickstream", *ALIKE, to="topic")

    assert of_topic["data"] == of_file["data"]
    assert of_topic["models"] == of_file["models"]
    assert of_topic["decisions"]["matured"] > 1_000
    for name in ("predictions.parquet", "decisions.parquet"):
        assert (topic / name).read_bytes() == (file / name).read_bytes()
    assert of_topic["source"] == {"events": of_file["data"]["events"], "begins_late": False}


def test_a_topic_of_many_partitions_gives_what_the_file_gives(
    new_corner: NewCorner, few: Path
) -> None:
    corner = imported(new_corner, few, 4)
    of_file, file = replayed(corner, str(few), "-m", "cdnow", *ALIKE, *PRIOR, to="file")
    of_topic, topic = replayed(corner, "kafka://clickstream", *ALIKE, *PRIOR, to="topic")

    assert of_topic["data"]["events"] == of_file["data"]["events"]
    assert of_topic["data"]["customers"] == CUSTOMERS
    # At the end, the time of each partition stops with its own last event.
    lasts: dict[int, int] = {}
    for customer, events in purchases_in(few).items():
        partition = partition_of(customer.encode(), 4)
        lasts[partition] = max(lasts.get(partition, 0), events[-1].at)
    until = to_datetime(min(lasts.values()) - HOUR)
    expected, found = (
        {key: row for key, row in rows(out).items() if row["at"] <= until} for out in (file, topic)
    )
    assert len(expected) > 1_000
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key]["vector"] == row["vector"]
        assert found[key]["risk"] == pytest.approx(row["risk"], abs=1e-12)


def rows(out: Path) -> dict[tuple[str, Any, str], dict[str, Any]]:
    table: pa.Table = parquet.read_table(out / "predictions.parquet")
    return {(row["customer"], row["at"], row["cause"]): row for row in table.to_pylist()}


def test_a_stretch_goes_by_the_time_of_arrival(corner: Corner) -> None:
    corner.publish(
        Event(event_id=f"e{day}", user_id="ada", type="visit", time=1_700_000_000_000 + day * DAY)
        for day in range(40)
    )
    found, _ = replayed(corner, "kafka://clickstream?from=2020-01-01", to="all")
    assert found["data"]["events"] == 40
    assert found["source"]["begins_late"] is False
    full = corner.settings.topic("clickstream")
    found, _ = replayed(corner, f"kafka://{full}", "--limit", "9", to="nine")
    assert found["data"]["events"] == 9

    said = corner.ebb("backtest", "kafka://clickstream?to=2023-12-01", "-o", "none")
    assert said.returncode == 1
    assert "nothing arrived in that time" in said.stderr
    assert "holds 40 records, the first of which arrived at 20" in said.stderr
    assert not (corner.folder / "none").exists()

    said = corner.ebb("backtest", "kafka://outcomes", "-o", "none")
    assert said.returncode == 1
    assert "topic outcomes is not there" in said.stderr
    empty = corner.settings.topic("outcomes")
    said = corner.ebb("backtest", f"kafka://{empty}", "-o", "none")
    assert said.returncode == 1
    assert f"the topic {empty} is empty" in said.stderr
