"""The decisions of a finished backtest, read again so that another policy can take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from features import Millis, from_datetime, parse_duration
from models.deciding import Cause, Point, Policy
from models.judging import Offer, Silences, silences
from streams.report import CUSTOMERS, DECISIONS, PREDICTIONS, NotComparable, arrow, read_report

_DECIDED: Final = ("customer", "at", "cause", "silence_days", "risk", "alert", "arm")
_PREDICTED: Final = ("customer", "at", "cause", "risk", "label")
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided in a backtest, in the order of time, and what each model had said.

    Parameters
    ----------
    folder, report
        Where it lies, and its ``report.json``.
    model
        Whose risks these are.
    policy
        The one that decided.
    names
        The customers.
    customers
        Of each decision, the place of its customer in the names.
    at
        When, in milliseconds.
    causes
        Why then.
    risks, labels
        What the model said, and what came of it: 1 churned, 0 came back, not a number where that
        is not known.
    silence_days
        How long the customer had been silent.
    last_at
        The customer's last activity in all of the data, in milliseconds.
    alerts, arms
        What was decided; by the risks of the first model, whichever is asked for.
    """

    folder: Path
    report: dict[str, Any]
    model: str
    policy: Policy
    names: tuple[str, ...]
    customers: Indices
    at: Indices
    causes: tuple[Cause, ...]
    risks: Floats
    labels: Floats
    silence_days: Floats
    last_at: Indices
    alerts: npt.NDArray[np.bool_]
    arms: tuple[str, ...]

    @property
    def decides(self) -> bool:
        """Whether the model is the one that decided."""
        return bool(self.model == self.report["models"][0]["model"])

    @property
    def offer(self) -> Offer | None:
        """What the backtest was told of the costs."""
        told = self.report.get("offer")
        return None if told is None else Offer(**told)

    @cached_property
    def silences(self) -> Silences:
        """The silences in which there were decisions, and which went on until A."""
        return silences(
            *(self.customers, self.at, self.silence_days),
            *(self.active, self.end, self.last_at),
        )

    @property
    def active(self) -> Millis:
        """A: who is silent for that long is gone."""
        return parse_duration(self.report["configuration"]["active"])

    @property
    def end(self) -> Millis:
        """The time of the last event."""
        last = self.report["data"]["last"]
        return from_datetime(datetime.fromisoformat(last)) if last else 0

    def points(self) -> Iterator[Point]:
        """Yield the decision points."""
        names = self.names
        for who, at, cause, risk in zip(
            self.customers.tolist(),
            self.at.tolist(),
            self.causes,
            self.risks.tolist(),
            strict=True,
        ):
            yield Point(names[who], at, cause, risk)


def read_decided(folder: Path, model: str | None = None) -> Decided:
    """Read the decisions of a finished backtest.

    Parameters
    ----------
    folder
        Of the backtest, in event mode.
    model
        Whose risks; of the one that decided, if none is named.

    Raises
    ------
    NotComparable
        If it is not the folder of a finished backtest, nothing was decided in it, it has no such
        model, or its files do not go together.
    OutputRefused
        If pyarrow is missing.
    """
    arrow()
    report = read_report(folder)
    if report["mode"] != "events":
        raise NotComparable(
            f"{folder} was scored at landmarks, where nothing is decided; "
            "run the backtest without --landmarks, and name its folder"
        )
    if "policy" in report["configuration"]:
        raise NotComparable(
            f"{folder} was decided by a policy file, and other thresholds would ask its playbooks "
            "at other moments; run the backtest without policy.file (or EBB_POLICY), and name its "
            "folder"
        )
    models = [str(each["model"]) for each in report["models"]]
    if model is not None and model not in models:
        raise NotComparable(f"{folder} has no model {model!r}; it has {', '.join(models)}")
    chosen = model or models[0]
    decided = read_columns(folder / DECISIONS, _DECIDED, None)
    predicted = read_columns(folder / PREDICTIONS, _PREDICTED, chosen)
    names, customers, others = _numbered(decided, predicted)
    causes, cause, other_cause = _numbered(decided, predicted, "cause")
    at, other_at = millis(decided), millis(predicted)
    # Decisions were written as they were made, predictions as their labels came.
    mine = np.lexsort((cause, at, customers))
    theirs = np.lexsort((other_cause, other_at, others))
    if len(mine) != len(theirs) or not (
        (customers[mine] == others[theirs]).all()
        and (at[mine] == other_at[theirs]).all()
        and (cause[mine] == other_cause[theirs]).all()
    ):
        raise NotComparable(f"{folder / PREDICTIONS} does not go with {DECISIONS}; run it again")
    row = np.empty(len(mine), dtype=np.int64)
    row[mine] = theirs
    order = np.argsort(at, kind="stable")
    row = row[order]
    label = predicted["label"].to_numpy(zero_copy_only=False)
    return Decided(
        folder=folder,
        report=report,
        model=chosen,
        policy=_policy(report["configuration"]),
        names=names,
        customers=customers[order],
        at=at[order],
        causes=tuple(cast(Cause, causes[each]) for each in cause[order]),
        risks=predicted["risk"].to_numpy().astype(np.float64)[row],
        labels=label.astype(np.float64)[row],
        silence_days=decided["silence_days"].to_numpy().astype(np.float64)[order],
        last_at=_last_at(folder / CUSTOMERS, names)[customers[order]],
        alerts=decided["alert"].to_numpy(zero_copy_only=False).astype(bool)[order],
        arms=tuple(decided["arm"].take(order).to_pylist()),
    )


def read_columns(path: Path, columns: tuple[str, ...], model: str | None) -> Any:
    """Return columns of a file of a backtest, and of one model if it has rows of several.

    Raises
    ------
    NotComparable
        If it is no such file, or has no such column.
    """
    pa, parquet = arrow()
    import pyarrow.compute as pc

    wanted = None if model is None else pc.field("model") == model
    try:
        table = parquet.read_table(path, columns=list(columns), filters=wanted)
        missing = [name for name in columns if name not in table.column_names]
    except (OSError, pa.ArrowException) as error:
        why = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise NotComparable(f"{path} is not of a backtest: {why}") from None
    if missing:
        raise NotComparable(f"{path} has no column {missing[0]}; run the backtest again")
    return table.combine_chunks()


def _last_at(path: Path, names: tuple[str, ...]) -> Indices:
    """Return the last activity of each customer; long ago where there was none."""
    pa, _ = arrow()
    table = read_columns(path, ("customer", "last_activity_at"), None)
    at = table["last_activity_at"].cast(pa.int64()).fill_null(-1).to_pylist()
    known = dict(zip(table["customer"].to_pylist(), at, strict=True))
    return np.array([known.get(name, -1) for name in names], dtype=np.int64)


def _numbered(
    decided: Any, predicted: Any, column: str = "customer"
) -> tuple[tuple[str, ...], Indices, Indices]:
    """Return the texts of a column, and for both tables which of them each row has."""
    pa, _ = arrow()
    both = pa.chunked_array([*decided[column].chunks, *predicted[column].chunks], pa.string())
    coded = both.combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    cut = decided.num_rows
    return tuple(coded.dictionary.to_pylist()), codes[:cut], codes[cut:]


def millis(table: Any) -> Indices:
    """Return when each row was, in milliseconds."""
    pa, _ = arrow()
    found: Indices = table["at"].cast(pa.int64()).to_numpy().astype(np.int64)
    return found


def _policy(asked: dict[str, Any]) -> Policy:
    return Policy(
        threshold=asked["threshold"],
        hysteresis=asked["hysteresis"],
        cooldown=parse_duration(asked["cooldown"]),
        holdout=asked["holdout"],
        salt=asked.get("salt", Policy.salt),
    )
