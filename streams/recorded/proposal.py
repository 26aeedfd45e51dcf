"""Propose a mapping for a file that nobody has described yet, from its columns and contents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from features import KINDS
from streams.recorded.mapping import Layout, TimeColumn
from streams.recorded.sources import Cells, Row, open_source
from streams.recorded.translation import time_reader

#: Rows that are looked at.
SAMPLE_ROWS: Final = 500
#: What stands where nothing could be guessed; a file has no such column, so import says so.
UNKNOWN: Final = "CHANGE ME"

#: Names that columns have in shops' files, the likeliest first; compared without case and signs.
_NAMES: Final = {
    "customer": (
        "userid customerid customer user visitorid shopperid clientid memberid householdid "
        "accountid uid custid customerno customernumber useremail email"
    ),
    "time": (
        "eventtime timestamp time datetime eventtimestamp createdat occurredat orderdate "
        "invoicedate purchasedate transactiondate date day at ts created"
    ),
    "type": "eventtype event type action eventname behavior behaviour activity",
    "event_id": "eventid messageid uuid",
    "amount": (
        "amount total totalamount revenue value salesvalue dollarvalue orderamount ordertotal "
        "paymentvalue sales spend"
    ),
    "quantity": "quantity qty units numberofcds numitems count itemcount",
    "price": "price unitprice itemprice",
    "currency": "currency currencycode",
    "item": "itemid productid sku item product stockcode articleid asin",
    "category": "category categorycode categoryid productcategory department",
    "order": "orderid order invoice invoiceno transactionid basketid",
    "query": "query searchquery searchterm search",
    "rating": "rating stars score overall",
    "text": "text reviewtext comment description message title",
    "campaign": "campaign campaignid utmcampaign couponid",
    "session": "sessionid session usersession visitid",
}
#: What public data sets and common trackers call the event types known here.
_TYPES: Final = {
    "view": "product_viewed",
    "pv": "product_viewed",
    "product_view": "product_viewed",
    "view_item": "product_viewed",
    "page_view": "page_viewed",
    "pageview": "page_viewed",
    "cart": "product_added",
    "addtocart": "product_added",
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "begin_checkout": "checkout_started",
    "buy": "purchase",
    "order": "purchase",
    "transaction": "purchase",
    "search": "searched",
    "fav": "wishlist_added",
    "add_to_wishlist": "wishlist_added",
}
_TIME_FORMATS: Final = (
    "%Y%m%d",
    "epoch_s",
    "epoch_ms",
    "iso",
    *(
        f"{day}{clock}"
        for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m/%d/%y")
        for clock in ("", " %H:%M", " %H:%M:%S")
    ),
    "%Y-%m-%d %H:%M:%S %Z",
)
#: Digits that a whole number must have to be read as this kind of time: 1973 and later.
_DIGITS: Final = {"%Y%m%d": (8, 8), "epoch_s": (9, 10), "epoch_ms": (12, 13)}


@dataclass(frozen=True)
class _Guess:
    """What was guessed; `columns` when the file has no header."""

    keys: dict[str, str]
    time_format: str
    also: tuple[str, ...]
    types: dict[str, str]
    unknown_types: tuple[str, ...]
    columns: tuple[str, ...] = ()


def propose_mapping(path: str | Path, layout: Layout | None = None) -> str:
    """Look at the first rows of a file and propose a mapping.

    Parameters
    ----------
    path
        The file.
    layout
        What is known about it already.

    Returns
    -------
    str
        TOML to be looked over, saved, and given to ``--mapping``. It can be loaded as it is;
        what could not be guessed says CHANGE ME.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    path, layout = Path(path), layout or Layout()
    with open_source(path, layout) as source:
        columns = source.columns
        rows = [row.cells for row in islice(source.rows, SAMPLE_ROWS) if isinstance(row, Row)]
    headless = source.format == "csv" and layout.header is None and any(map(_is_value, columns))
    if headless:
        columns = tuple(f"column_{place}" for place in range(1, len(columns) + 1))
        with open_source(path, replace_columns(layout, columns)) as source:
            rows = [row.cells for row in islice(source.rows, SAMPLE_ROWS) if isinstance(row, Row)]
    if not columns:
        columns = tuple(dict.fromkeys(name for cells in rows for name in cells))
    guess = _guess(columns, rows, by_content=headless)
    if headless:
        guess = replace(guess, columns=columns)
    return "".join(f"{line}\n" for line in _written(path, guess, source.format, source.delimiter))


def replace_columns(layout: Layout, columns: tuple[str, ...]) -> Layout:
    """Return the layout of a file without a header, with these names for its columns."""
    return layout.model_copy(update={"header": False, "columns": columns})


def _is_value(name: str) -> bool:
    return bool(re.fullmatch(r"[-+\d.,:/ ]*\d[-+\d.,:/ TZ]*", name))


def _guess(columns: Sequence[str], rows: Sequence[Cells], *, by_content: bool) -> _Guess:
    plain = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in reversed(columns)}
    keys: dict[str, str] = {}
    for key, names in _NAMES.items():
        for name in names.split():
            if name in plain and plain[name] not in keys.values():
                keys[key] = plain[name]
                break
    formats = {column: _time_formats(_values(rows, column)) for column in columns}
    if not formats.get(keys.get("time", "")):
        keys.pop("time", None)
        free = [column for column in columns if column not in keys.values() and formats[column]]
        if free:
            keys["time"] = free[0]
    if by_content:
        keys |= _by_content(columns, rows, keys.get("time"))
    found = formats.get(keys.get("time", ""), ())
    kinds = dict.fromkeys(_values(rows, keys["type"])) if "type" in keys else {}
    words = [str(kind) for kind in kinds][:50]
    types = {word: _TYPES[word.lower()] for word in words if word.lower() in _TYPES}
    return _Guess(
        keys=keys,
        time_format=found[0] if found else "iso",
        also=tuple(found[1:]),
        types=types,
        unknown_types=tuple(w for w in words if w not in types and w not in KINDS),
    )


def _by_content(columns: Sequence[str], rows: Sequence[Cells], time: str | None) -> dict[str, str]:
    """Without names: the first other column is the customer, fractions are money."""
    keys: dict[str, str] = {}
    for column in columns:
        values = [str(value) for value in _values(rows, column)]
        if column == time or not values:
            continue
        if "customer" not in keys:
            keys["customer"] = column
        elif all(re.fullmatch(r"-?\d+", value) for value in values):
            keys.setdefault("quantity", column)
        elif all(re.fullmatch(r"-?\d*\.?\d+", value) for value in values):
            keys.setdefault("amount", column)
    return keys


def _values(rows: Iterable[Cells], column: str) -> list[Any]:
    found = []
    for cells in rows:
        value = cells.get(column)
        value = value.strip() if isinstance(value, str) else value
        if value is not None and value != "":
            found.append(value)
    return found


def _time_formats(values: Sequence[Any]) -> list[str]:
    """Return the formats in which nine in ten of the values are times."""
    if not values:
        return []
    if all(isinstance(value, datetime | date) for value in values):
        return ["iso"]
    return [
        pattern
        for pattern in _TIME_FORMATS
        if sum(_reads(pattern, str(value)) for value in values) >= 0.9 * len(values)
    ][:2]


def _reads(pattern: str, text: str) -> bool:
    shortest, longest = _DIGITS.get(pattern, (0, 0))
    if shortest:
        whole = text.partition(".")[0]
        if not (whole.isdecimal() and shortest <= len(whole) <= longest):
            return False
    elif text.replace(".", "", 1).isdecimal():
        return False  # 19970101 reads as ISO, and so does many an order number
    try:
        return 0 <= time_reader(TimeColumn(column="-", format=pattern))(text) <= 4_102_444_800_000
    except (ValueError, ArithmeticError, OSError):
        return False


def _written(path: Path, guess: _Guess, kind: str, delimiter: str) -> Iterable[str]:
    keys = guess.keys
    yield f"# Guessed from the first rows of {_comment(path.name)}: look it over."
    yield f"customer = {_toml(keys.get('customer', UNKNOWN))}"
    zone = 'zone = "UTC"'
    column = _toml(keys.get("time", UNKNOWN))
    yield f"time = {{ column = {column}, format = {_toml(guess.time_format)}, {zone} }}"
    if guess.also:
        yield f"# The times also read as {_toml(guess.also[0])}: which one is it?"
    if "type" in keys:
        values = "".join(
            f"{', ' if place else ''}{_toml(word)} = {_toml(kind)}"
            for place, (word, kind) in enumerate(guess.types.items())
        )
        values = f", values = {{ {values} }}" if values else ""
        yield f"type = {{ column = {_toml(keys['type'])}{values} }}"
        if guess.unknown_types:
            names = ", ".join(_comment(word) for word in guess.unknown_types[:10])
            yield f"# Types without a meaning here, counted as other: {names}"
    else:
        bought = keys.keys() & {"amount", "price", "quantity", "order"}
        yield f'type = {{ constant = "{"purchase" if bought else "page_viewed"}" }}'
    for key in list(_NAMES)[3:]:
        if key in keys:
            yield f"{key} = {_toml(keys[key])}"
    yield ""
    yield "[file]"
    yield f"format = {_toml(kind)}"
    if kind == "csv":
        yield f"delimiter = {_toml(delimiter)}"
        yield f"header = {'false' if guess.columns else 'true'}"
    if guess.columns:
        yield f"columns = [{', '.join(map(_toml, guess.columns))}]"


def _toml(text: str) -> str:
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007F")


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:80]
