"""What the report says of the backtest itself: the configuration, and the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.report.evidence import Evidence
from streams.report.tables.table import Columns, of_rows


def configuration(evidence: Evidence) -> Columns:
    """Return all that the result depends on."""
    return _told(evidence.report["configuration"])


def data(evidence: Evidence) -> Columns:
    """Return what is known of the events, with their fingerprint."""
    return _told(evidence.report["data"])


def _told(held: Mapping[str, Any]) -> Columns:
    return of_rows([{"key": key, "value": value} for key, value in _flat(held, "")])


def _flat(held: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, value in held.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, list):
            yield f"{above}{key}", ", ".join(map(str, value))
        else:
            yield f"{above}{key}", "" if value is None else str(value)
