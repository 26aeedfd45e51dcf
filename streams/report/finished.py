"""Backtests that are done, read again: what each model said, where it is known what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from streams.report.folder import FORMAT, PREDICTIONS, REPORT, arrow

Texts = npt.NDArray[np.object_]
_COLUMNS: Final = ("model", "customer", "at", "cause", "risk", "label")


class NotComparable(ValueError):
    """What was named is no backtest, or cannot be compared; says why."""


@dataclass(frozen=True)
class Run:
    """One model's predictions in a backtest, of those whose label is known.

    Parameters
    ----------
    name
        What it is called: the model, with its folder if several folders are compared.
    model, folder
        Which model, and where.
    customers, causes
        Of each prediction.
    at
        When, in milliseconds.
    risks, labels
        What was said, and what came of it: 1 churned, 0 came back.
    """

    name: str
    model: str
    folder: Path
    customers: Texts
    causes: Texts
    at: npt.NDArray[np.int64]
    risks: npt.NDArray[np.float64]
    labels: npt.NDArray[np.float64]


def read_runs(named: Sequence[str]) -> list[Run]:
    """Read the runs to compare.

    Parameters
    ----------
    named
        Output folders of backtests, or ``FOLDER:MODEL``; a folder stands for all its models.

    Raises
    ------
    NotComparable
        If a folder is not of a finished backtest or has no such model, there are fewer than two
        runs or one of them twice, or they are of other events or ask another question.
    OutputRefused
        If pyarrow is missing.
    """
    arrow()
    reports: dict[Path, dict[str, Any]] = {}
    chosen: list[tuple[Path, str]] = []
    for word in named:
        folder, model = _split(word)
        if folder not in reports:
            reports[folder] = read_report(folder)
        models = [str(each["model"]) for each in reports[folder]["models"]]
        if model and model not in models:
            raise NotComparable(f"{folder} has no model {model!r}; it has {', '.join(models)}")
        chosen += [(folder, each) for each in ([model] if model else models)]
    for each in chosen:
        if chosen.count(each) > 1:
            raise NotComparable(f"{each[0]}:{each[1]} is named twice")
    if len(chosen) < 2:
        ((folder, report),) = reports.items()
        if len(report["models"]) > 1:
            raise NotComparable(f"name another model of {folder}, or another backtest")
        raise NotComparable(f"{folder} has one model, {chosen[0][1]}; name another backtest")
    _check_same(reports)
    alone = len(reports) == 1
    return [
        _run(model if alone else f"{folder}:{model}", folder, model) for folder, model in chosen
    ]


def _split(word: str) -> tuple[Path, str]:
    folder, colon, model = word.rpartition(":")
    if colon and folder and not Path(word).is_dir():
        return Path(folder), model
    return Path(word), ""


def read_report(folder: Path) -> dict[str, Any]:
    """Return the report of a finished backtest; raises `NotComparable` if it is none."""
    for name in (REPORT, PREDICTIONS):
        if not (folder / name).is_file():
            raise NotComparable(
                f"{folder} has no {name}; name the output folder of a finished ebb backtest"
            )
    path = folder / REPORT
    try:
        report = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise NotComparable(f"{path}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        report = {}
    if report.get("format") != FORMAT:
        raise NotComparable(f"{path} is not the report of a backtest of this version")
    return report


def _check_same(reports: dict[Path, dict[str, Any]]) -> None:
    (first, held), *others = reports.items()
    for folder, report in others:
        mine, theirs = held["data"], report["data"]
        if mine["fingerprint"] != theirs["fingerprint"]:
            raise NotComparable(
                f"{first} and {folder} are of different events: {_span(mine)}, and {_span(theirs)}"
            )
        for setting, called in (("horizon", "horizon"), ("activity", "activity that counts")):
            was, now = held["configuration"][setting], report["configuration"][setting]
            if was != now:
                raise NotComparable(
                    f"{first} and {folder} ask different questions: "
                    f"the {called} is {_text(was)}, and {_text(now)}"
                )


def _span(data: dict[str, Any]) -> str:
    return f"{data['events']:,} from {data['first']} to {data['last']}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _run(name: str, folder: Path, model: str) -> Run:
    pa, parquet = arrow()
    import pyarrow.compute as pc

    path = folder / PREDICTIONS
    wanted = (pc.field("model") == model) & pc.field("label").is_valid()
    try:
        table = parquet.read_table(path, columns=list(_COLUMNS), filters=wanted)
        at = table["at"].cast(pa.int64()).to_numpy()
        return Run(
            name=name,
            model=model,
            folder=folder,
            customers=_texts(table["customer"]),
            causes=_texts(table["cause"]),
            at=at.astype(np.int64),
            risks=table["risk"].to_numpy().astype(np.float64),
            labels=table["label"].to_numpy().astype(np.float64),
        )
    except (OSError, pa.ArrowException, KeyError) as error:
        why = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise NotComparable(f"{path} is not the predictions of a backtest: {why}") from None


def _texts(column: Any) -> Texts:
    """Return texts of which each is held once, however often it comes."""
    coded = column.combine_chunks().dictionary_encode()
    names = np.array([*coded.dictionary.to_pylist(), None], dtype=object)[:-1]
    found: Texts = names[coded.indices.to_numpy()]
    return found
