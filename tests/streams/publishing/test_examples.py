"""The examples of docs/publishing.md, as somebody who copies them runs them."""

from __future__ import annotations

import re
from pathlib import Path

from features import decode_event
from streams.topics import create_topics
from tests.conftest import Kafka
from tests.servers import ROOT, Processes
from tests.streams.publishing.test_publisher import configured, everything


def test_the_examples_run_and_their_events_arrive(
    kafka: Kafka, topic_prefix: str, processes: Processes, tmp_path: Path
) -> None:
    settings = configured(kafka.bootstrap, topic_prefix)
    create_topics(settings)
    text = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    program = tmp_path / "examples.py"
    program.write_text("\n".join(examples), encoding="utf-8")

    environment = {"EBB_KAFKA": kafka.bootstrap, "EBB_TOPICS_PREFIX": topic_prefix}
    child = processes.python(str(program), env=environment)

    assert child.wait(60) == 0, child.tail()
    events = [decode_event(v) for lying in everything(settings).values() for _, v in lying]
    assert sorted((event.user_id, event.type) for event in events) == [
        ("ada", "purchase"),
        ("ada", "refund"),
        ("grace", "product_viewed"),
    ]
