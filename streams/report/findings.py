"""A finished backtest, read again: everything that there is to tell of it, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.report.evidence import Evidence
from streams.report.finished import NotComparable, read_report
from streams.report.folder import OutputRefused

if TYPE_CHECKING:
    from pandas import DataFrame


class Findings:
    """What a finished backtest found, of one of its models.

    Nothing is read before it is asked for, and nothing twice.

    Parameters
    ----------
    folder
        The backtest's output.
    report
        Its ``report.json``.
    model
        Of whom the tables tell; those that compare models tell of all.
    """

    def __init__(self, folder: Path, report: dict[str, Any], model: str) -> None:
        self.folder = folder
        self.report = report
        self.model = model
        self._tables = Tables(Evidence(folder, report, model))

    @property
    def tables(self) -> Mapping[str, DataFrame]:
        """The tables by name, each computed when it is first asked for."""
        return self._tables

    def table(self, name: str) -> DataFrame:
        """Return a table; one without data has its columns and no row.

        Parameters
        ----------
        name
            One of `tables`; docs/backtest.md says what is in each.

        Raises
        ------
        KeyError
            If there is no such table.
        NotComparable
            If a file of the backtest is missing or damaged.
        """
        return self._tables[name]


class Tables(Mapping[str, "DataFrame"]):
    """Tables by name, computed when they are first asked for.

    Parameters
    ----------
    evidence
        The files that they are made of.
    """

    def __init__(self, evidence: Evidence) -> None:
        try:
            from streams.report.tables import TABLES
        except ImportError:
            raise OutputRefused('tables need pandas: pip install "ebbtide[report]"') from None
        self._all = TABLES
        self._evidence = evidence
        self._made: dict[str, DataFrame] = {}

    def __getitem__(self, name: str) -> DataFrame:
        if name not in self._all:
            raise KeyError(f"there is no table {name!r}; there are {', '.join(self._all)}")
        if name not in self._made:
            self._made[name] = self._all[name].of(self._evidence)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def read_findings(folder: Path | str, model: str | None = None) -> Findings:
    """Read a finished backtest again.

    Parameters
    ----------
    folder
        The backtest's output.
    model
        Of whom to tell; without it, of the first, who decided.

    Raises
    ------
    NotComparable
        If the folder is not of a finished backtest, or has no such model.
    OutputRefused
        If pandas or pyarrow is missing.
    """
    place = Path(folder)
    report = read_report(place)
    models = [str(each["model"]) for each in report["models"]]
    if model is not None and model not in models:
        raise NotComparable(f"{place} has no model {model!r}; it has {', '.join(models)}")
    return Findings(place, report, models[0] if model is None else model)
