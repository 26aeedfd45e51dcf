"""When two runs of the pipeline are the same: to the byte, and numbers to the last bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from models.deciding import Alert, Ledger
from models.learning import TrainingExample
from tests.streams.pipeline.miniature import Run


def by_customer(items: Sequence[Alert] | Sequence[TrainingExample]) -> list[Any]:
    """Order by customer; of one customer the order in which they came stays."""
    return sorted((msgspec.to_builtins(item) for item in items), key=lambda item: item["user_id"])


def assert_close(one: Any, other: Any, path: str = "") -> None:
    """Compare nested plain data; floats within 1e-12, or 1e-9 of what a reason contributes."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_close(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for place, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{path}[{place}]")
    elif isinstance(one, float):
        tolerance = 1e-9 if "reasons" in path else 1e-12
        assert one == pytest.approx(other, rel=tolerance, abs=tolerance), path
    else:
        assert one == other, path


def assert_same(one: Run, other: Run) -> None:
    assert one.watermark == other.watermark
    assert +one.counts == +other.counts
    assert one.refused == other.refused
    assert_close(by_customer(one.alerts), by_customer(other.alerts), "alerts")
    assert_close(by_customer(one.examples), by_customer(other.examples), "examples")
    assert one.records.keys() == other.records.keys()
    for user, record in one.records.items():
        assert record.state == other.records[user].state
        # Matrix products may round the last bit by the number of rows; all else is exact.
        assert_close(
            ledger_as_data(one.ledger(user)), ledger_as_data(other.ledger(user)), f"{user}.reasons"
        )


def ledger_as_data(ledger: Ledger) -> Any:
    return msgspec.to_builtins(
        [
            [each.as_tuple() for each in ledger.pending],
            ledger.decisions,
            ledger.standing.raised,
            ledger.standing.alerted_at,
        ]
    )
