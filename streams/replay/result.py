"""What a backtest found, in hand: the report, and its tables and figures, made when asked for."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import altair
    import pandas

    from streams.report import Findings

Made = TypeVar("Made")


class TemporaryFolder:
    """A folder that is there for as long as this object is.

    Examples
    --------
    >>> folder = TemporaryFolder()
    >>> path = folder.path
    >>> path.is_dir()
    True
    >>> del folder
    >>> path.exists()
    False
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="ebb-backtest-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class _Lasting(Mapping[str, Made]):
    """What is made of a folder when asked for; as long as it can be asked, the folder stays."""

    def __init__(self, made: Mapping[str, Made], kept: object) -> None:
        self._made, self._kept = made, kept

    def __getitem__(self, name: str) -> Made:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Parameters
    ----------
    output
        The folder with the files, as docs/backtest.md describes them.
    report
        The report, as it was written.
    events
        Events taken.
    seconds
        How long it took; not in the files, which are the same for the same backtest.
    kept
        Whatever must live as long as the result, such as a temporary folder.
    """

    output: Path
    report: dict[str, Any]
    events: int
    seconds: float
    kept: object = field(default=None, repr=False, compare=False)

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds else 0.0

    @cached_property
    def findings(self) -> Findings:
        """The backtest read again, of the first model; raises `OutputRefused` without pandas."""
        from streams.report import read_findings

        return read_findings(self.output)

    @property
    def tables(self) -> Mapping[str, pandas.DataFrame]:
        """Everything that there is to tell, as data frames by name: ``tables["calibration"]``."""
        return _Lasting(self.findings.tables, self.kept)

    @cached_property
    def figures(self) -> Mapping[str, altair.TopLevelMixin]:
        """The figures of the report by name; a notebook draws what it is given."""
        # Drawing takes a second to import, and a library that not everybody has.
        figures = import_module("streams.report").figures
        return _Lasting(figures(self.findings), self.kept)


class GridResult(Mapping[str, BacktestResult]):
    """What backtests of several horizons found, by the horizon.

    Parameters
    ----------
    output
        The folder with a folder for each of them, and ``grid.json``.
    results
        By horizon: ``14d``.
    """

    def __init__(self, output: Path, results: Mapping[str, BacktestResult]) -> None:
        self.output = output
        self._results = results

    def __getitem__(self, horizon: str) -> BacktestResult:
        return self._results[horizon]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)
