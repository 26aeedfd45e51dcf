"""The folder of a backtest: which files are in it, and that nothing else is written over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

PREDICTIONS: Final = "predictions.parquet"
DECISIONS: Final = "decisions.parquet"
CUSTOMERS: Final = "customers.parquet"
STORIES: Final = "stories.parquet"
REPORT: Final = "report.json"
#: What the report says it is.
FORMAT: Final = "ebbtide backtest 2"
#: How the reports of all versions begin: a folder of an older one may be written over, too.
_FORMATS: Final = "ebbtide backtest "
#: The report as a page, which is made of the other files.
PAGE: Final = "report.html"
#: What is made of the other files; what an earlier backtest left of it is thrown away with them.
_BESIDE: Final = frozenset({PAGE})
#: How a file is called until it is whole.
PART: Final = ".part"


class OutputRefused(RuntimeError):
    """The folder cannot be written to, or holds what is not ours; says what to do."""


def arrow() -> tuple[ModuleType, ModuleType]:
    """Return pyarrow and its Parquet part; raises `OutputRefused` without them."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise OutputRefused(
            'a backtest writes Parquet files, which needs pyarrow: pip install "ebbtide[parquet]"'
        ) from None
    return pyarrow, pyarrow.parquet


class Folder:
    """The folder of a backtest; what an earlier one left stays until the new files are whole.

    Parameters
    ----------
    path
        Created if it is not there.

    Raises
    ------
    OutputRefused
        If the folder holds anything but an earlier backtest, or cannot be written to.
    """

    _NAMES = (PREDICTIONS, DECISIONS, CUSTOMERS, STORIES, REPORT)

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            found = sorted(each.name for each in path.iterdir())
        except OSError as error:
            raise OutputRefused(f"{path}: {error.strerror or error}; name another folder") from None
        known = {*self._NAMES, *_BESIDE}
        ours = known | {name + PART for name in known}
        foreign = [name for name in found if name not in ours]
        if foreign or (REPORT in found and not _is_ours(path / REPORT)):
            raise OutputRefused(
                f"{path} is not empty, and {(foreign or [REPORT])[0]} is not of a backtest; "
                "name another folder"
            )

    def part(self, name: str) -> Path:
        """Return where a file is written until it is whole."""
        return self.path / (name + PART)

    def write_report(self, report: dict[str, Any]) -> None:
        """Write ``report.json``."""
        text = msgspec.json.format(msgspec.json.encode(report), indent=2)
        with writing(self.part(REPORT)) as path:
            path.write_bytes(text + b"\n")

    def remove(self) -> None:
        """Throw the backtest away, with its folder."""
        with writing(self.path):
            for each in self.path.iterdir():
                each.unlink()
            self.path.rmdir()

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Put all files in their places when they are whole, or throw away what is not."""
        try:
            yield
            for name in _BESIDE:
                # It tells of the files that go now.
                with writing(self.path / name) as path:
                    path.unlink(missing_ok=True)
            for name in self._NAMES:
                with writing(self.part(name)) as path:
                    os.replace(path, self.path / name)
        except BaseException:
            for name in self._NAMES:
                self.part(name).unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Say in one line that a file cannot be written."""
    try:
        yield path
    except OSError as error:
        raise OutputRefused(f"{path}: {error.strerror or error}; nothing was written") from None


def _is_ours(path: Path) -> bool:
    try:
        report = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(report, dict) and str(report.get("format")).startswith(_FORMATS)
