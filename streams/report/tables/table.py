"""What a table is: its columns, and how it is made of the files of a backtest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from streams.report.evidence import Evidence

#: A table's columns by name.
Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """How one table is made.

    Parameters
    ----------
    columns
        Their names, in order, parted by blanks.
    make
        Returns the columns by name, or none where there is nothing to tell.
    """

    columns: str
    make: Callable[[Evidence], Columns]

    def of(self, evidence: Evidence) -> pd.DataFrame:
        """Return the table of a backtest."""
        found = self.make(evidence)
        return pd.DataFrame(dict(found), columns=self.columns.split())


def moments(at: npt.ArrayLike) -> pd.Series:
    """Return times in milliseconds as moments in UTC; what is below zero is none."""
    times = np.asarray(at, dtype=np.int64)
    found = pd.Series(times.astype("datetime64[ms]")).dt.tz_localize("UTC")
    return found.where(times >= 0)


def month_starts(months: npt.ArrayLike) -> pd.Series:
    """Return months counted since 1970 as their first day; a month is of no time zone."""
    return pd.Series(np.asarray(months).astype("datetime64[M]").astype("datetime64[ms]"))


def of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns.

    Examples
    --------
    >>> of_rows([{"tenth": 1, "lift": 2.0}, {"tenth": 2, "lift": 1.5}])
    {'tenth': [1, 2], 'lift': [2.0, 1.5]}
    """
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
