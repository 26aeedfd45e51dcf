"""What a finished backtest's files hold, read once and only as far as somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from features import Millis, from_datetime, parse_duration
from models.judging import Offer
from streams.report.finished import NotComparable
from streams.report.folder import CUSTOMERS, DECISIONS, PREDICTIONS, arrow

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class Coded:
    """Texts that come again and again: each held once, and a number for each row.

    Parameters
    ----------
    names
        The texts, in the order of the alphabet.
    codes
        Of each row, the place of its text among the names.
    """

    names: list[str]
    codes: Ints


@dataclass(frozen=True, eq=False)
class Known:
    """What one model said, where it is known what came of it; a row for every prediction.

    Parameters
    ----------
    customers, segments
        Whom it is about, and what kind of customer that was by then.
    at, matured_at
        When it was made, and when it was known what came of it, in milliseconds.
    risks, labels
        What was said, and what came of it: 1 churned, 0 came back.
    tenure
        Days since the customer's first event.
    """

    customers: Coded
    segments: Coded
    at: Ints
    matured_at: Ints
    risks: Floats
    labels: Floats
    tenure: Floats

    @cached_property
    def days(self) -> Ints:
        """Of each prediction the day (UTC), counted since 1970."""
        return self.at // 86_400_000

    @cached_property
    def months(self) -> Ints:
        """Of each prediction the month (UTC), counted since 1970."""
        return months_of(self.at)


@dataclass(frozen=True, eq=False)
class Decided:
    """What the first model led to; a row for every decision, by customer and time.

    Parameters
    ----------
    customers
        Who.
    at
        When, in milliseconds.
    silence
        Days since the customer had last done something that counts.
    alert
        Whether an alert was raised.
    """

    customers: Coded
    at: Ints
    silence: Floats
    alert: Flags


@dataclass(frozen=True, eq=False)
class People:
    """Everybody who came; a row a customer.

    Parameters
    ----------
    names
        Who, in the order of the alphabet.
    first_at, last_activity_at
        When they were first seen, and when they last did something that counts, in milliseconds;
        -1 for never.
    active_months
        Of each, the months since the first one in which they did something that counts.
    orders
        How many.
    """

    names: list[str]
    first_at: Ints
    last_activity_at: Ints
    active_months: list[list[int]]
    orders: Ints

    @cached_property
    def cohorts(self) -> Ints:
        """Of each the month in which they were first seen, counted since 1970."""
        return months_of(self.first_at)


class Evidence:
    """The files of a finished backtest.

    Parameters
    ----------
    folder
        Where they are.
    report
        Its ``report.json``.
    model
        Whose predictions are looked at.
    """

    def __init__(self, folder: Path, report: Mapping[str, Any], model: str) -> None:
        self.folder = folder
        self.report = report
        self.model = model
        self.models = [str(each["model"]) for each in report["models"]]
        configuration = report["configuration"]
        self.landmarks = report["mode"] == "landmarks"
        self.threshold = float(configuration["threshold"])
        self.horizon: Millis = parse_duration(configuration["horizon"])
        self.active: Millis = parse_duration(configuration["active"])
        self.cooldown: Millis = parse_duration(configuration["cooldown"])
        last = report["data"]["last"]
        #: When the last event was; -1 if there was none.
        self.end: Millis = from_datetime(datetime.fromisoformat(last)) if last else -1
        #: What an alert costs and brings; None if that is not known.
        self.offer = _offer(report.get("offer"))
        self._said: dict[str, tuple[Ints, Floats, Floats]] = {}
        self._kept: dict[str, Any] = {}

    @property
    def decides(self) -> bool:
        """Whether the decisions are of this model: the first one decides."""
        return self.model == self.models[0]

    def kept(self, name: str, make: Callable[[Evidence], Kept]) -> Kept:
        """Return what several tables are made of, made once."""
        if name not in self._kept:
            self._kept[name] = make(self)
        found: Kept = self._kept[name]
        return found

    @cached_property
    def known(self) -> Known:
        """What the model said, where it is known what came of it."""
        texts = ("customer", "segment")
        numbers = ("at", "matured_at", "risk", "label", "tenure_days")
        table = self._predictions(self.model, [*texts, *numbers])
        return Known(
            customers=coded(table["customer"]),
            segments=coded(table["segment"]),
            at=moments_of(table["at"]),
            matured_at=moments_of(table["matured_at"]),
            risks=numbers_of(table["risk"]),
            labels=numbers_of(table["label"]),
            tenure=numbers_of(table["tenure_days"]),
        )

    def said_by(self, model: str) -> tuple[Ints, Floats, Floats]:
        """Return when any model said what, and what came of it: times, risks, labels."""
        if model == self.model:
            return self.known.at, self.known.risks, self.known.labels
        if model not in self._said:
            table = self._predictions(model, ["at", "risk", "label"])
            self._said[model] = (
                moments_of(table["at"]),
                numbers_of(table["risk"]),
                numbers_of(table["label"]),
            )
        return self._said[model]

    @cached_property
    def people(self) -> People:
        """Everybody who came."""
        table = self.read(
            CUSTOMERS, ["customer", "first_at", "last_activity_at", "orders", "active_months"]
        ).sort_by("customer")
        return People(
            names=table["customer"].to_pylist(),
            first_at=moments_of(table["first_at"]),
            last_activity_at=moments_of(table["last_activity_at"]),
            active_months=table["active_months"].to_pylist(),
            orders=numbers_of(table["orders"]).astype(np.int64),
        )

    @cached_property
    def decided(self) -> Decided:
        """What the first model led to."""
        table = self.read(DECISIONS, ["customer", "at", "silence_days", "alert"])
        customers, at = coded(table["customer"]), moments_of(table["at"])
        order = np.lexsort((at, customers.codes))
        return Decided(
            customers=Coded(customers.names, customers.codes[order]),
            at=at[order],
            silence=numbers_of(table["silence_days"])[order],
            alert=table["alert"].to_numpy()[order].astype(np.bool_),
        )

    def read(self, name: str, columns: Sequence[str], filters: Any = None) -> Any:
        """Return some columns of a file, as an Arrow table; raises `NotComparable`."""
        pa, parquet = arrow()
        path = self.folder / name
        try:
            if filters is None:
                # Reads parts of a nested column, too.
                with parquet.ParquetFile(path) as file:
                    return file.read(columns=list(columns))
            return parquet.read_table(path, columns=list(columns), filters=filters)
        except (OSError, pa.ArrowException, KeyError) as error:
            why = str(error).splitlines()[0] if str(error) else "it cannot be read"
            raise NotComparable(f"{path} is not of a finished backtest: {why}") from None

    def _predictions(self, model: str, columns: Sequence[str]) -> Any:
        import pyarrow.compute as pc

        wanted = (pc.field("model") == model) & pc.field("label").is_valid()
        return self.read(PREDICTIONS, columns, wanted)


def _offer(told: Mapping[str, Any] | None) -> Offer | None:
    if told is None or told.get("cost") is None or told.get("margin") is None:
        return None
    return Offer(told["cost"], told["margin"], told["saved"], told.get("capacity"))


def coded(column: Any) -> Coded:
    """Return texts of which each is held once, in the order of the alphabet."""
    pa, _ = arrow()
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    held = whole.dictionary_encode()
    names = held.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return Coded([names[each] for each in order], place[held.indices.to_numpy()])


def months_of(at: Ints) -> Ints:
    """Return the calendar months (UTC) of times in milliseconds, counted since 1970.

    Examples
    --------
    >>> months_of(np.array([0, 2_678_399_999, 2_678_400_000])).tolist()
    [0, 0, 1]
    """
    return at.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)


def month_names(months: Ints) -> list[str]:
    """Return months counted since 1970 as one writes them.

    Examples
    --------
    >>> month_names(np.array([0, 671]))
    ['1970-01', '2025-12']
    """
    return [str(month) for month in months.astype("datetime64[M]")]


def moments_of(column: Any) -> Ints:
    """Return a column of moments in milliseconds; -1 for none."""
    pa, _ = arrow()
    found: Ints = column.cast(pa.int64()).fill_null(-1).to_numpy().astype(np.int64)
    return found


def numbers_of(column: Any) -> Floats:
    """Return a column of numbers; what is missing is not a number."""
    found: Floats = column.to_numpy().astype(np.float64)
    return found
