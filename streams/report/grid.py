"""The folder of a grid: one backtest for each of several horizons, made in one pass of the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from features import format_duration, parse_duration
from streams.report.folder import PART, Folder, OutputRefused, writing

GRID: Final = "grid.json"
#: What the file says it is.
GRID_FORMAT: Final = "ebbtide grid 1"


class GridFolder:
    """A folder with a backtest's folder for each horizon, which is called like the horizon.

    Parameters
    ----------
    path
        Created if it is not there.
    horizons
        As people write them: ``14d``.

    Raises
    ------
    OutputRefused
        If the folder holds anything but an earlier grid, or cannot be written to.
    """

    def __init__(self, path: Path, horizons: Sequence[str]) -> None:
        self.path = path
        self.horizons = tuple(horizons)
        try:
            path.mkdir(parents=True, exist_ok=True)
            found = sorted(path.iterdir())
        except OSError as error:
            raise OutputRefused(f"{path}: {error.strerror or error}; name another folder") from None
        foreign = [each.name for each in found if not _is_ours(each)]
        if foreign:
            raise OutputRefused(
                f"{path} is not empty, and {foreign[0]} is not of a grid of backtests; "
                "name another folder"
            )
        #: The folders of an earlier grid.
        self._earlier = [each for each in found if each.is_dir() and each.name not in horizons]
        for each in self._earlier:
            Folder(each)

    @property
    def folders(self) -> list[Path]:
        """The folder of each horizon."""
        return [self.path / horizon for horizon in self.horizons]

    def write(self) -> dict[str, Any]:
        """Write ``grid.json``, and throw away what an earlier grid left; return what it says."""
        told = {
            "format": GRID_FORMAT,
            "horizons": list(self.horizons),
            "folders": list(self.horizons),
        }
        for each in self._earlier:
            Folder(each).remove()
        text = msgspec.json.format(msgspec.json.encode(told), indent=2)
        with writing(self.path / (GRID + PART)) as part:
            part.write_bytes(text + b"\n")
            os.replace(part, self.path / GRID)
        return told


def read_grid(path: Path) -> dict[str, Path]:
    """Return the folder of each horizon of a finished grid; empty if the folder is of none.

    Examples
    --------
    >>> read_grid(Path("nowhere"))
    {}
    """
    try:
        told = msgspec.json.decode((path / GRID).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if told.get("format") != GRID_FORMAT:
        return {}
    return {
        horizon: path / folder
        for horizon, folder in zip(told["horizons"], told["folders"], strict=True)
    }


def _is_ours(path: Path) -> bool:
    if path.name == GRID:
        return bool(read_grid(path.parent))
    if path.is_dir():
        try:
            return format_duration(parse_duration(path.name)) == path.name
        except ValueError:
            return False
    return path.name == GRID + PART
