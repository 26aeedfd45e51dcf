"""What was tried on customers: alerts as a CRM saw them, or the log of any shop.

Whether a customer was treated or held out was drawn, with a chance that is known; so what became
of both says what treating does. A log is read line by line, and a line that makes no sense is
named.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UnsetType

from features import Millis, from_datetime
from models.deciding import Alert
from streams.report import arrow

#: What a log of a shop's own has; the reward may be left out, or empty.
COLUMNS: Final = ("customer", "at", "arm", "propensity", "reward")
_NEEDED: Final = COLUMNS[:-1]
_ARMS: Final = {"treated": True, "holdout": False, "1": True, "0": False}
_NAN: Final = float("nan")


class WrongLog(ValueError):
    """A log of what was tried that cannot be used; says where and why."""


class Trial(NamedTuple):
    """What was tried on a customer, once.

    Parameters
    ----------
    customer, at
        On whom and when, in milliseconds.
    cause
        Why then; empty where the log does not say.
    treated
        False for held out.
    propensity
        The chance with which just that was drawn; above 0.
    reward
        What came of it; not a number where the labels of the backtest shall say.
    """

    customer: str
    at: Millis
    cause: str
    treated: bool
    propensity: float
    reward: float


@dataclass(frozen=True)
class Trials:
    """A log of what was tried.

    Parameters
    ----------
    source
        What it is called.
    rows
        What was tried, each once.
    repeated
        Rows that told the same again.
    """

    source: str
    rows: tuple[Trial, ...]
    repeated: int = 0


class _Line(msgspec.Struct):
    data: Alert


_line = msgspec.json.Decoder(_Line)
_object = msgspec.json.Decoder(dict[str, Any])


def trials_of(source: str, alerts: Iterable[Alert], holdout: float) -> Trials:
    """Return what alerts tried.

    Parameters
    ----------
    source
        Where they come from, for people.
    alerts
        As they were published; one that came twice counts once.
    holdout
        The share of customers who were held out, of alerts that do not tell it.

    Raises
    ------
    WrongLog
        If an alert was held out, or was not, though that share says that it cannot be.
    """
    found: dict[str, Trial] = {}
    count = 0
    for alert in alerts:
        count += 1
        treated = alert.arm == "treated"
        told = alert.holdout_share
        share = holdout if isinstance(told, UnsetType) else told
        propensity = 1 - share if treated else share
        if propensity <= 0:
            raise WrongLog(
                f"{source}: {alert.alert_id} was held out, though the holdout share is "
                f"{share:g}; say which it was with --logged-holdout"
            )
        found[alert.alert_id] = Trial(
            alert.user_id, from_datetime(alert.decided_at), alert.cause, treated, propensity, _NAN
        )
    return Trials(source, tuple(found.values()), count - len(found))


def read_trials(path: Path, holdout: float) -> Trials:
    """Read a log of what was tried.

    Parameters
    ----------
    path
        JSON lines as ``ebb alerts --json`` prints them; or CSV, JSON lines or Parquet with the
        columns customer, at, arm (treated or holdout), propensity, and reward (of which what is
        empty is taken from the labels of the backtest).
    holdout
        Of alerts, the share of customers who were held out.

    Raises
    ------
    WrongLog
        If there is no such file, or a row of it makes no sense.
    OutputRefused
        If it is a Parquet file and pyarrow is missing.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise WrongLog(f"{path}: {error.strerror or error}") from None
    if head.startswith(b"PAR1"):
        return _of_rows(path, _parquet(path))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        first = head.splitlines()[0]
        if (b'"data"' in first and b'"alert_id"' in first) or b'"specversion"' in first:
            return trials_of(str(path), _alerts(path), holdout)
        return _of_rows(path, _json_lines(path))
    return _of_rows(path, _csv(path))


def _alerts(path: Path) -> Iterator[Alert]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            yield _line.decode(line).data
        except msgspec.DecodeError as error:
            raise WrongLog(f"{path}, line {number}: not an alert: {error}") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from enumerate(file, start=1)
    except UnicodeDecodeError:
        raise WrongLog(f"{path}: neither text in UTF-8 nor Parquet") from None


_Row = tuple[int, dict[str, Any]]


def _json_lines(path: Path) -> Iterator[_Row]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            yield number, _object.decode(line)
        except msgspec.DecodeError as error:
            raise WrongLog(f"{path}, line {number}: not a JSON object: {error}") from None


def _csv(path: Path) -> Iterator[_Row]:
    reader = csv.DictReader(line for _, line in _lines(path))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise WrongLog(f"{path}, line {reader.line_num}: not readable as CSV: {error}") from None


def _parquet(path: Path) -> Iterator[_Row]:
    pa, parquet = arrow()
    try:
        table = parquet.read_table(path)
        table = table.select([name for name in COLUMNS if name in table.column_names])
        yield from enumerate(table.to_pylist(), start=1)
    except (OSError, pa.ArrowException) as error:
        raise WrongLog(f"{path}: not readable as Parquet: {str(error).splitlines()[0]}") from None


def _of_rows(path: Path, rows: Iterable[_Row]) -> Trials:
    found: list[Trial] = []
    for number, row in rows:
        missing = [name for name in _NEEDED if row.get(name) in (None, "")]
        if missing:
            raise WrongLog(
                f"{path}, line {number}: no {missing[0]}; a log has the columns "
                f"{', '.join(COLUMNS)}"
            )
        try:
            found.append(
                Trial(
                    customer=str(row["customer"]),
                    at=_moment(row["at"]),
                    cause=str(row.get("cause") or ""),
                    treated=_arm(row["arm"]),
                    propensity=_number("propensity", row["propensity"], above=0, most=1),
                    reward=_NAN
                    if row.get("reward") in (None, "")
                    else _number("reward", row["reward"]),
                )
            )
        except ValueError as error:
            raise WrongLog(f"{path}, line {number}: {error}") from None
    unique = tuple(dict.fromkeys(found))
    return Trials(str(path), unique, len(found) - len(unique))


def _moment(value: Any) -> Millis:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"at is not a time in ISO 8601: {value!r}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"at is not a time: {value!r}")
    return from_datetime(value if value.tzinfo else value.replace(tzinfo=UTC))


def _arm(value: Any) -> bool:
    word = str(int(value)) if isinstance(value, bool | int) else str(value).strip().lower()
    if word not in _ARMS:
        raise ValueError(f"arm is treated or holdout, not {value!r}")
    return _ARMS[word]


def _number(name: str, value: Any, above: float = -math.inf, most: float = math.inf) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = _NAN
    if not (math.isfinite(number) and above < number <= most):
        bounds = "" if above == -math.inf else f" above {above:g} and at most {most:g}"
        raise ValueError(f"{name} is not a number{bounds}: {value!r}")
    return number
