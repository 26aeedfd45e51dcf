"""Whoever subscribes to alerts: by the document of the topics, or by an example that they copy."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.deciding import Alert, Outcome, Reason, cloud_event_headers
from streams.brokers import open_producer
from streams.topics import partition_of
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.e2e.examples import Crm, lines_of, with_packages_of_node
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

PARSER = """
import { Parser } from '@asyncapi/parser'
import { readFileSync } from 'node:fs'
for (const text of JSON.parse(readFileSync(0, 'utf8'))) {
  const { document, diagnostics } = await new Parser().parse(text)
  console.log(JSON.stringify({
    found: diagnostics.map(({ severity, message, path }) => [severity, message, path.join('.')]),
    channels: document?.channels().all().map(each => each.address()) ?? []
  }))
}
"""
#: Of the parser's findings: 0 an error, 1 a warning.
WARNING = 1


def parsed(folder: Path, *documents: str) -> list[dict[str, Any]]:
    """Return what the official parser says of documents."""
    (folder / "parse.mjs").write_text(PARSER)
    done = subprocess.run(
        ["node", "parse.mjs"],
        cwd=folder,
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_official_parser_finds_no_fault_with_the_document(
    new_corner: NewCorner, tmp_path: Path
) -> None:
    corner = new_corner()
    folder = with_packages_of_node(tmp_path)
    document = corner.run("schema", "--asyncapi")
    good, bad = parsed(folder, document, document.replace('"address"', '"adress"'))
    assert [each for each in good["found"] if each[0] <= WARNING] == []
    topics = [corner.settings.topic(key) for key in ("clickstream", "outcomes", "interventions")]
    assert good["channels"][:3] == topics
    assert any(severity == 0 for severity, *_ in bad["found"])  # it does find faults


def alert(number: int, **changes: Any) -> Alert:
    now = datetime.now(UTC).replace(microsecond=0)
    told = {
        "alert_id": f"alert-{number}",
        "user_id": f"shopper-{number % 3}",
        "decided_at": now,
        "valid_until": now + timedelta(days=3),
        "cause": "silence",
        "risk": 0.8,
        "band": "high",
        "reasons": [Reason("silence", "usually comes every 9 days, silent for 31", 1.2)],
        "silence_days": 31.0,
        "action": "offer",
        "arm": "treated",
        "horizon_days": 30.0,
        "model_version": "prior",
        "catalogue": "c",
        "vector": {"recency": 31.0},
    }
    return Alert(**{**told, **changes})


def publish(corner: Corner, alerts: list[Alert], type_: str | None = None) -> None:
    with open_producer(corner.settings) as producer:
        for each in alerts:
            headers = dict(cloud_event_headers(each))
            if type_ is not None:
                headers["ce_type"] = type_.encode()
            producer.send(
                corner.settings.topic("interventions"),
                key=each.user_id.encode(),
                value=msgspec.json.encode(each),
                headers=list(headers.items()),
            )


@pytest.mark.parametrize("language", ["python", "node"])
def test_an_example_acts_once_on_each_alert_that_is_to_be_acted_on_and_reports_it(
    language: str, new_corner: NewCorner, tmp_path: Path
) -> None:
    corner = new_corner()
    corner.create_topics()
    crm = Crm(language, tmp_path)
    good = [alert(number) for number in range(6)]
    past = datetime(2020, 1, 1, tzinfo=UTC)
    publish(corner, [alert(90, arm="holdout", action="none"), alert(91, valid_until=past)])
    publish(corner, [alert(92)], type_="ebbtide.alert.v9")
    publish(corner, [*good, *good[:3]])
    names = [corner.settings.topic(key) for key in ("interventions", "outcomes")]
    arguments = ["--kafka", corner.settings.kafka.bootstrap, "--alerts", names[0]]
    arguments += ["--outcomes", names[1]]

    running = crm.start(*arguments)
    try:
        # Repeats are reported again, which does no harm; wherever they lie, they are not acted on.
        wait_for("all is reported", partial(_reported, corner, 6), 60, 0.2)
    finally:
        running.kill()
        said, _ = running.communicate(timeout=10)
    assert Counter(line.split(":")[0].split()[-1] for line in said.splitlines()) == Counter(
        each.user_id for each in good
    )
    # Killed and started again it knows what was done, and takes what is new.
    publish(corner, [*good, alert(7)])
    [line] = lines_of(crm.start(*arguments, "--limit", "1"), 60)
    assert line == "offer     shopper-1: usually comes every 9 days, silent for 31 (risk 0.80)"

    outcomes = [
        (record, msgspec.json.decode(record.value, type=Outcome))
        for record in corner.read("outcomes")
    ]
    assert {(each.alert_id, each.type) for _, each in outcomes} == {
        (f"alert-{number}", "delivered") for number in (*range(6), 7)
    }
    assert len({each.outcome_id for _, each in outcomes}) == 7
    for record, each in outcomes:
        key = each.user_id.encode()
        assert record.key == key
        assert record.partition == partition_of(key, corner.settings.topics.partitions)


def _reported(corner: Corner, number: int) -> bool:
    records = corner.read("outcomes")
    return len({json.loads(record.value)["alert_id"] for record in records}) == number
