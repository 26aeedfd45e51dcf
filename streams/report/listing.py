"""Which finished backtests lie below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from features import SECOND, Millis
from streams.report.folder import FORMAT, PAGE, REPORT


@dataclass(frozen=True)
class Listed:
    """A finished backtest, in short.

    Parameters
    ----------
    folder
        Where it lies.
    finished_at
        When its report was written, in milliseconds.
    source
        Which events it took.
    mode
        ``events`` or ``landmarks``.
    models
        Who was in it; the first one decided.
    auc
        ROC AUC of the first one; None where there is none.
    alerts
        How many there were; None where nothing was decided.
    page
        Whether it has a page to be opened.
    """

    folder: Path
    finished_at: Millis
    source: str
    mode: str
    models: tuple[str, ...]
    auc: float | None
    alerts: int | None
    page: bool


class _Model(msgspec.Struct):
    model: str
    auc: float | None


class _Configuration(msgspec.Struct):
    source: str


class _Decisions(msgspec.Struct):
    alerts: int


class _Report(msgspec.Struct):
    format: str
    mode: str
    configuration: _Configuration
    decisions: _Decisions
    models: list[_Model]


_decode = msgspec.json.Decoder(_Report).decode


def finished_below(top: Path) -> list[Listed]:
    """Return the finished backtests in a folder and below it, oldest first.

    What cannot be read, or is of another version, is left out; links are not followed.

    Parameters
    ----------
    top
        Where to look.
    """
    return sorted(_found(top), key=lambda each: (each.finished_at, str(each.folder)))


def _found(top: Path) -> Iterator[Listed]:
    for place, folders, files in os.walk(top):
        # A hidden folder, such as an environment full of libraries, is nobody's output.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if REPORT not in files:
            continue
        path = Path(place, REPORT)
        try:
            written = path.stat().st_mtime
            report = _decode(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if report.format != FORMAT or not report.models:
            continue
        yield Listed(
            folder=Path(place),
            finished_at=int(written * SECOND),
            source=report.configuration.source,
            mode=report.mode,
            models=tuple(each.model for each in report.models),
            auc=report.models[0].auc,
            alerts=report.decisions.alerts if report.mode == "events" else None,
            page=PAGE in files,
        )
