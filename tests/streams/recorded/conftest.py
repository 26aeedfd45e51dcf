from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from features import Event
from streams.recorded.mapping_files import parse_mapping
from streams.recorded.reading import read_events
from streams.recorded.sources import RejectedRow
from tests.streams.recorded.cdnow import cdnow_file

SHOP = """
customer = "customer"
time = "time"
type = { constant = "purchase" }
amount = "amount"
"""

Read = Callable[..., tuple[list[Event], list[RejectedRow]]]


@pytest.fixture(scope="session")
def cdnow() -> Path:
    return cdnow_file()


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file of this content, with a mapping, into its events and its rejected rows."""

    def reading(
        content: str | bytes | Path, mapping: str = SHOP, **bounds: Any
    ) -> tuple[list[Event], list[RejectedRow]]:
        path = content if isinstance(content, Path) else tmp_path / "events"
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        events: list[Event] = []
        rejected: list[RejectedRow] = []
        for found in read_events(path, parse_mapping(mapping, "test"), **bounds):
            if isinstance(found, Event):
                events.append(found)
            else:
                assert not events, "rejected rows come before the first event"
                rejected.append(found)
        return events, rejected

    return reading
