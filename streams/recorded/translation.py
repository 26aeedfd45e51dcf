"""From the cells of a row to an event, or to the reason why it is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from features import InvalidEvent, Millis, decode_event, from_datetime
from streams.recorded.mapping import Mapping, TimeColumn, Word
from streams.recorded.sources import Cells

#: Mapping key to field of the event, where they differ.
_IDS: Final = {
    "item": "item_id",
    "category": "category",
    "order": "order_id",
    "query": "query",
    "text": "text",
    "campaign": "campaign",
    "session": "session_id",
}
_NUMBERS: Final = ("amount", "quantity", "price", "rating")
#: Stands in for an id that is derived later, from these very bytes.
NO_ID: Final = "?"
_encode = msgspec.json.Encoder(order="deterministic").encode


class Rejected(ValueError):
    """The row is no event: why, and the same without the value."""

    def __init__(self, kind: str, value: object = None) -> None:
        shown = "" if value is None else f": {_short(value)}"
        super().__init__(f"{kind}{shown}")
        self.kind = kind


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Translator:
    """Turns rows into events as a mapping says.

    Parameters
    ----------
    mapping
        Which column says what.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._time = time_reader(mapping.time)
        self._texts = [
            (field, column) for key, field in _IDS.items() if (column := getattr(mapping, key))
        ]
        self._numbers = [(key, column) for key in _NUMBERS if (column := getattr(mapping, key))]
        self._named = frozenset(mapping.named)

    def translate(self, cells: Cells) -> tuple[Millis, bool, bytes]:
        """Return a row's event: its time, whether it has an id of its own, and its JSON.

        The JSON is canonical: the same event gives the same bytes, whatever the order of the
        columns or the format of the file. It has passed the checks of the wire.

        Raises
        ------
        Rejected
            With the reason.

        Examples
        --------
        >>> from streams.recorded import load_mapping
        >>> translator = Translator(load_mapping("cdnow"))
        >>> at, own_id, event = translator.translate({"customer_id": "00001", "date": "19970101",
        ...     "number_of_cds": "1", "dollar_value": "11.77"})
        >>> event.decode()
        '{"amount":11.77,"event_id":"?","quantity":1.0,"time":852076800000,"type":"purchase",\
"user_id":"00001"}'
        """
        mapping = self._mapping
        customer = _text(mapping.customer, cells.get(mapping.customer))
        if not customer:
            raise Rejected("no customer")
        at = self._at(cells)
        event: dict[str, Any] = {
            "event_id": self._own_id(cells) or NO_ID,
            "user_id": customer,
            "type": _word(mapping.type, cells),
            "time": at,
        }
        if not event["type"]:
            raise Rejected("no type")
        for field, column in self._numbers:
            if (number := _number(field, cells.get(column))) is not None:
                event[field] = number
        for field, column in self._texts:
            if text := _text(column, cells.get(column)):
                event[field] = text
        if mapping.currency is not None and (currency := _word(mapping.currency, cells)):
            event["currency"] = currency
        if traits := _scalars((column, cells.get(column)) for column in mapping.traits):
            event["traits"] = traits
        rest = cells.keys() - self._named
        if rest and (properties := _scalars((column, cells[column]) for column in rest)):
            event["properties"] = properties
        return at, event["event_id"] != NO_ID, _checked(event)

    def _own_id(self, cells: Cells) -> str:
        column = self._mapping.event_id
        return _text(column, cells.get(column)) if column else ""

    def _at(self, cells: Cells) -> Millis:
        value = cells.get(self._mapping.time.column)
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            raise Rejected("no time")
        try:
            return self._time(value)
        except (ValueError, TypeError, ArithmeticError, OSError):
            raise Rejected(f"time does not read as {self._mapping.time.format}", value) from None


def time_reader(column: TimeColumn) -> Callable[[Any], Millis]:
    """Return what reads a time written as the mapping says, as milliseconds.

    Examples
    --------
    >>> time_reader(TimeColumn(column="t", zone="Europe/Berlin"))("2026-01-01 01:00")
    1767225600000
    >>> time_reader(TimeColumn(column="t", format="epoch_s"))("1767225600.5")
    1767225600500
    """
    zone = UTC if column.zone == "UTC" else ZoneInfo(column.zone)
    pattern = column.format

    def moment(value: datetime) -> Millis:
        return from_datetime(value if value.tzinfo else value.replace(tzinfo=zone))

    def read(value: Any) -> Millis:
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(value, date):
            return moment(datetime(value.year, value.month, value.day))
        if pattern in ("epoch_s", "epoch_ms"):
            seconds = Decimal(str(value))
            if seconds.adjusted() > 15:  # int() of 1e999999999 would fill memory
                raise ValueError
            return int(seconds * 1000 if pattern == "epoch_s" else seconds)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value)
        if pattern == "iso":
            return moment(datetime.fromisoformat(text))
        return moment(datetime.strptime(text, pattern))

    # Days repeat in files of orders; strptime is the slowest step of an import.
    return lru_cache(maxsize=16_384)(read)


def _number(field: str, value: Any) -> float | None:
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    try:
        # float() takes 1_000, which no shop means.
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise ValueError
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise Rejected(f"{field} is not a number", value) from None
    if not math.isfinite(number):
        raise Rejected(f"{field} is not a finite number", value)
    return number


def _text(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int | Decimal | date) and not isinstance(value, bool):
        return str(value)
    raise Rejected(f"{column} is no text", value)


def _word(word: Word, cells: Cells) -> str:
    if word.constant is not None:
        return word.constant
    assert word.column is not None
    text = _text(word.column, cells.get(word.column))
    return word.values.get(text, text)


def _scalars(cells: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found = {}
    for column, cell in cells:
        value = cell.strip() if isinstance(cell, str) else _scalar(column, cell)
        if value is not None and value != "":
            found[column] = value
    return found


def _scalar(column: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise Rejected(f"{column} is not a finite number", value)
        return None if math.isnan(value) else value  # Parquet's way to leave a cell empty
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return _encode(value).decode()
    raise Rejected(f"{column} is neither a word nor a number", value)


def _checked(event: dict[str, Any]) -> bytes:
    try:
        raw = _encode(event)
    except UnicodeEncodeError:
        raise Rejected("bytes that are not text; set file.encoding in the mapping") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise Rejected(f"cannot be written as JSON: {error}") from None
    try:
        decode_event(raw)
    except InvalidEvent as error:
        raise Rejected(str(error)) from None
    return raw
