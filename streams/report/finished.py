"""Backtests that are done, read again: what each model said, where it is known what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from features import parse_duration
from models.judging import Offer
from streams.report.folder import DECISIONS, FORMAT, PREDICTIONS, REPORT, arrow

Texts = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
_DECISIONS: Final = ("customer", "at", "cause", "alert", "arm")
#: The arm of those who are never sent anything.
_HELD_OUT: Final = "holdout"
_COLUMNS: Final = ("model", "customer", "at", "cause", "risk", "label")


class NotComparable(ValueError):
    """What was named is no backtest, or cannot be compared; says why."""


class Decided(NamedTuple):
    """Of each prediction, whether there was an alert, and whether one went out to the customer."""

    alerted: Bools
    sent: Bools

    def at(self, places: npt.NDArray[np.int64]) -> Decided:
        """Return the same of some of the predictions."""
        return Decided(self.alerted[places], self.sent[places])


@dataclass(frozen=True)
class Run:
    """One model's predictions in a backtest, of those whose label is known.

    Parameters
    ----------
    name
        What it is called: the model, with its folder if several folders are compared, and with
        the threshold if one was named.
    model, folder
        Which model, and where.
    customers, causes
        Of each prediction.
    at
        When, in milliseconds.
    risks, labels
        What was said, and what came of it: 1 churned, 0 came back.
    horizon
        For how long nothing that counts must come for a customer to have churned.
    threshold
        The risk from which on customers are alerted; None where alerts are not compared.
    offer
        What an alert costs and saves, if the backtest was told.
    decided
        Of each prediction, what the policy made of it; None where alerts go by a threshold, or
        are not compared.
    pause
        In milliseconds, for how long a customer who was made an offer is made no other; 0 if
        every alert is an offer.
    """

    name: str
    model: str
    folder: Path
    customers: Texts
    causes: Texts
    at: npt.NDArray[np.int64]
    risks: npt.NDArray[np.float64]
    labels: npt.NDArray[np.float64]
    horizon: str = ""
    threshold: float | None = None
    offer: Offer | None = None
    pause: int = 0
    decided: Decided | None = None

    @property
    def alerts(self) -> bool:
        """Whether it is compared who is alerted, too."""
        return self.threshold is not None or self.decided is not None


def read_report(folder: Path) -> dict[str, Any]:
    """Read ``report.json`` of a finished backtest.

    Raises
    ------
    NotComparable
        If the folder is not one of a finished backtest of this version.
    """
    for name in (REPORT, PREDICTIONS):
        if not (folder / name).is_file():
            raise NotComparable(
                f"{folder} has no {name}; name the output folder of a finished ebb backtest"
            )
    report = decoded(folder / REPORT)
    if report.get("format") != FORMAT:
        raise NotComparable(f"{folder / REPORT} is not the report of a backtest of this version")
    return report


def decoded(path: Path) -> dict[str, Any]:
    """Return what a file of JSON holds; nothing if that is no object."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise NotComparable(f"{path}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def read_run(folder: Path, model: str, report: dict[str, Any]) -> Run:
    """Read what a model said in a finished backtest.

    Parameters
    ----------
    folder, model
        Where it is, and which of the models there.
    report
        The backtest's report.

    Raises
    ------
    NotComparable
        If the predictions cannot be read.
    """
    pa, parquet = arrow()
    import pyarrow.compute as pc

    path = folder / PREDICTIONS
    wanted = (pc.field("model") == model) & pc.field("label").is_valid()
    try:
        table = parquet.read_table(path, columns=list(_COLUMNS), filters=wanted)
        at_ms = table["at"].cast(pa.int64()).to_numpy()
        return Run(
            name=model,
            model=model,
            folder=folder,
            customers=_texts(table["customer"]),
            causes=_texts(table["cause"]),
            at=at_ms.astype(np.int64),
            risks=table["risk"].to_numpy().astype(np.float64),
            labels=table["label"].to_numpy().astype(np.float64),
            horizon=str(report["configuration"]["horizon"]),
            offer=_offer(report, folder),
            pause=_pause(report["configuration"]),
        )
    except (OSError, pa.ArrowException, KeyError) as error:
        why = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise NotComparable(f"{path} is not the predictions of a backtest: {why}") from None


def read_decided(run: Run) -> Decided:
    """Read what the policy made of the predictions of the model that decided.

    Raises
    ------
    NotComparable
        If the decisions cannot be read, or there is none of a prediction.
    """
    pa, parquet = arrow()
    path = run.folder / DECISIONS
    try:
        table = parquet.read_table(path, columns=list(_DECISIONS))
        keys = zip(
            table["customer"].to_pylist(),
            table["at"].cast(pa.int64()).to_pylist(),
            table["cause"].to_pylist(),
            strict=True,
        )
        arms = table["arm"].to_pylist()
        found = dict(zip(keys, zip(table["alert"].to_pylist(), arms, strict=True), strict=True))
        of = [found[key] for key in zip(run.customers, run.at.tolist(), run.causes, strict=True)]
    except (OSError, pa.ArrowException, KeyError) as error:
        why = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise NotComparable(f"{path} is not the decisions of its backtest: {why}") from None
    alerted = np.array([alert for alert, _ in of], dtype=bool)
    return Decided(alerted, alerted & np.array([arm != _HELD_OUT for _, arm in of], dtype=bool))


def _pause(configuration: dict[str, Any]) -> int:
    """Return the cooldown or the horizon, whichever is longer: in it nobody is lost twice."""
    return max(parse_duration(configuration[name]) for name in ("cooldown", "horizon"))


def _offer(report: dict[str, Any], folder: Path) -> Offer | None:
    told = report.get("offer")
    if told is None:
        return None
    try:
        return Offer(
            cost=float(told["cost"]),
            margin=float(told["margin"]),
            saved=float(told["saved"]),
            capacity=told.get("capacity"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotComparable(f"{folder}: the offer of its report is none: {error}") from None


def _texts(column: Any) -> Texts:
    """Return texts of which each is held once, however often it comes."""
    coded = column.combine_chunks().dictionary_encode()
    names = np.array([*coded.dictionary.to_pylist(), None], dtype=object)[:-1]
    found: Texts = names[coded.indices.to_numpy()]
    return found
