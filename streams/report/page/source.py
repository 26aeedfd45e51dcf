"""What the page is made of: a report, and tables by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

#: A row that can be read by the names of its columns.
Row = Mapping[str, Any]


class Source(Protocol):
    """A finished backtest, as far as the page wants to know it."""

    @property
    def report(self) -> dict[str, Any]:
        """What ``report.json`` says."""

    @property
    def model(self) -> str:
        """The model that is told of."""

    def table(self, name: str) -> pd.DataFrame:
        """Return a table; without data, an empty one with its columns."""


def first_row(findings: Source, name: str) -> Row | None:
    """Return the first row of a table, or None where there is none."""
    table = findings.table(name)
    if not len(table):
        return None
    return {str(column): value for column, value in table.iloc[0].to_dict().items()}


def summary(findings: Source) -> dict[str, Row]:
    """Return the rows of the summary by metric."""
    return {
        str(row["metric"]): {str(key): value for key, value in row.items()}
        for row in findings.table("summary").to_dict("records")
    }


def is_landmarks(findings: Source) -> bool:
    """Tell whether everybody was scored on set days, so that nothing was decided."""
    return bool(findings.report.get("mode") == "landmarks")


def number(row: Row | None, key: str) -> float | None:
    """Return a number of a row, or None where it is missing."""
    value = None if row is None else row.get(key)
    if value is None or value != value:
        return None
    return float(value)
