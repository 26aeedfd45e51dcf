"""Which runs are meant by the words of a command: folders, models in them, thresholds, grids."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

from streams.report.finished import NotComparable, Run, decoded, read_decided, read_report, read_run
from streams.report.folder import arrow
from streams.report.grid import GRID, GRID_FORMAT

#: Instead of a threshold: as the policy decided.
POLICY: Final = "policy"


@dataclass(frozen=True)
class Named:
    """A run that was named.

    Parameters
    ----------
    folder, model
        Where it is, and which of the models there.
    at
        The risk from which on customers are alerted, or `POLICY`, if one was named.
    """

    folder: Path
    model: str
    at: float | str | None = None

    @property
    def word(self) -> str:
        """What to type for it."""
        return f"{self.folder}:{self.model}{_behind(self.at)}"


def _behind(at: float | str | None) -> str:
    """Return how it is written behind a run who is alerted."""
    if at is None:
        return ""
    return f"@{at}" if isinstance(at, str) else f"@{at:g}"


def read_runs(named: Sequence[str]) -> list[Run]:
    """Read the runs to compare.

    Parameters
    ----------
    named
        Output folders of backtests, or ``FOLDER:MODEL``, either with ``@THRESHOLD`` or, for what
        was decided, ``@policy``; a folder stands for all its models, and a grid's for all its
        folders. If one has either, those without are taken at the threshold of their replay.

    Raises
    ------
    NotComparable
        If a folder is not of a finished backtest or has no such model, there are fewer than two
        runs or one of them twice, or they are of other events or count other activity.
    OutputRefused
        If pyarrow is missing.
    """
    arrow()
    chosen, reports = find_named(named)
    _check_same(reports)
    alone = len(reports) == 1
    with_alerts = any(each.at is not None for each in chosen)
    read: dict[tuple[Path, str], Run] = {}
    runs: list[Run] = []
    for each in chosen:
        key = (each.folder, each.model)
        if key not in read:
            read[key] = read_run(each.folder, each.model, reports[each.folder])
        run, at = read[key], each.at
        if with_alerts and at is None:
            at = float(reports[each.folder]["configuration"]["threshold"])
        name = (each.model if alone else f"{each.folder}:{each.model}") + _behind(at)
        if isinstance(at, str):
            runs.append(replace(run, name=name, decided=read_decided(run)))
        else:
            runs.append(replace(run, name=name, threshold=at))
        if [run.name for run in runs].count(runs[-1].name) > 1:
            raise NotComparable(f"{name} is named twice: its replay was at that threshold")
    return runs


def find_named(words: Sequence[str]) -> tuple[list[Named], dict[Path, dict[str, Any]]]:
    """Return the runs that are named, and the reports of their folders.

    Parameters
    ----------
    words
        Each ``FOLDER``, ``FOLDER:MODEL``, ``FOLDER@THRESHOLD`` or ``FOLDER:MODEL@THRESHOLD``. A
        folder stands for all its models, and a grid's for all its folders. With ``@policy`` it
        stands for the model that decided.

    Raises
    ------
    NotComparable
        If a folder is not of a finished backtest or has no such model, a threshold is none, or
        there are fewer than two runs or one of them twice.
    """
    reports: dict[Path, dict[str, Any]] = {}
    named: list[Named] = []
    for word in words:
        whole, model, at = _split(word)
        for folder in _folders(whole):
            if folder not in reports:
                reports[folder] = read_report(folder)
            models = _models(reports[folder])
            if at == POLICY:
                models = _deciding(folder, reports[folder], model)
            if model and model not in models:
                raise NotComparable(f"{folder} has no model {model!r}; it has {', '.join(models)}")
            named += [Named(folder, each, at) for each in ([model] if model else models)]
    for each in named:
        if named.count(each) > 1:
            raise NotComparable(f"{each.word} is named twice")
    if len(named) < 2:
        ((folder, report),) = reports.items()
        if len(_models(report)) > 1:
            raise NotComparable(f"name another model of {folder}, or another backtest")
        raise NotComparable(f"{folder} has one model, {named[0].model}; name another backtest")
    return named, reports


def _deciding(folder: Path, report: dict[str, Any], model: str) -> list[str]:
    """Return the model that decided, alone."""
    first = _models(report)[0]
    if report.get("mode") == "landmarks":
        raise NotComparable(f"{folder} is of landmarks, where nothing is decided: no @{POLICY}")
    if model and model != first:
        raise NotComparable(f"in {folder}, {first} decided, and not {model}: no @{POLICY}")
    return [first]


def _split(word: str) -> tuple[Path, str, float | str | None]:
    """Return folder, model, and who is alerted; a folder may have a colon or an @ in its name."""
    if Path(word).is_dir():
        return Path(word), "", None
    rest, sign, said = word.rpartition("@")
    at: float | str | None = None
    # Before a colon or a slash it is of a folder's name.
    if sign and rest and not {":", "/", os.sep} & set(said):
        at = said if said == POLICY else _threshold(said)
        if at is None:
            raise NotComparable(
                f"{word}: behind @ comes a risk between 0 and 1, as {rest}@0.6, or policy, "
                f"not {said!r}"
            )
        word = rest
    if Path(word).is_dir():
        return Path(word), "", at
    folder, colon, model = word.rpartition(":")
    if colon and folder:
        return Path(folder), model, at
    return Path(word), "", at


def _threshold(said: str) -> float | None:
    try:
        threshold = float(said)
    except ValueError:
        return None
    return threshold if 0 < threshold < 1 else None


def _models(report: dict[str, Any]) -> list[str]:
    return [str(each["model"]) for each in report["models"]]


def _folders(folder: Path) -> list[Path]:
    """Return the folders of a grid, or the folder itself."""
    path = folder / GRID
    if not path.is_file():
        return [folder]
    grid = decoded(path)
    folders = grid.get("folders")
    if grid.get("format") != GRID_FORMAT or not isinstance(folders, list) or not folders:
        raise NotComparable(f"{path} is not the grid of a backtest of this version")
    for each in folders:
        # A grid that was handed on leads nowhere but into its own folder.
        if (
            not isinstance(each, str)
            or PurePath(each).is_absolute()
            or ".." in PurePath(each).parts
        ):
            raise NotComparable(f"{path} names {each!r}, which is not within {folder}")
    return [folder / each for each in folders]


def _check_same(reports: dict[Path, dict[str, Any]]) -> None:
    (first, held), *others = reports.items()
    for folder, report in others:
        mine, theirs = held["data"], report["data"]
        if mine["fingerprint"] != theirs["fingerprint"]:
            raise NotComparable(
                f"{first} and {folder} are of different events: {_span(mine)}, and {_span(theirs)}"
            )
        was, now = (each["configuration"]["activity"] for each in (held, report))
        if was != now:
            raise NotComparable(
                f"{first} and {folder} ask different questions: "
                f"the activity that counts is {_text(was)}, and {_text(now)}"
            )
        horizons = [each["configuration"]["horizon"] for each in (held, report)]
        if horizons[0] != horizons[1] and held["mode"] != report["mode"]:
            raise NotComparable(
                f"{first} and {folder} have another horizon and looked at other times (one at "
                "landmarks, one at decision points): nothing is left to compare"
            )


def _span(data: dict[str, Any]) -> str:
    return f"{data['events']:,} from {data['first']} to {data['last']}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
