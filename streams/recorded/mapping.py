"""Which column of a file says what: the mapping that people write, and the two that come along.

A mapping is a small TOML file. It names the column of the customer, of the time and of the
type, and whatever else the shop has; `docs/import.md` shows every key. A column that no key
names is not lost: it goes into the event's free properties.
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

#: Time formats that are words; any other is a strptime format.
TIME_WORDS: Final = ("iso", "epoch_s", "epoch_ms")


class MappingError(ValueError):
    """The mapping cannot be used; says which file and key, and what would be right."""


def _format(value: str) -> str:
    if value in TIME_WORDS or "%" in value:
        return value
    raise ValueError(
        f"{value!r} is no time format; write iso, epoch_s, epoch_ms, or a strptime format "
        'such as "%d.%m.%Y %H:%M"'
    )


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin") from None
    return value


def _delimiter(value: str) -> str:
    if value == "blanks" or (len(value) == 1 and value not in '\r\n"'):
        return value
    raise ValueError(f'{value!r} is no delimiter; write one character, or "blanks" for any run')


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f"{value!r} is no encoding; write one such as utf-8 or latin-1") from None


def _from_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


Column = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(_Part):
    """How the file is laid out; what is left out is recognised from its content.

    Parameters
    ----------
    format
        ``csv`` (any delimiter), ``jsonl`` or ``parquet``.
    delimiter
        One character, or ``blanks`` for any run of blanks and tabs.
    header
        Whether the first line names the columns; by default it does unless ``columns`` does.
    columns
        Names of the columns, in order, of a file without a header.
    encoding
        Of text files.
    """

    format: Literal["csv", "jsonl", "parquet"] | None = None
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    header: bool | None = None
    columns: tuple[Column, ...] = ()
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"

    @model_validator(mode="after")
    def _header_or_names(self) -> Self:
        if self.header and self.columns:
            raise ValueError("columns are for a file without a header; drop one of header, columns")
        if self.header is False and not self.columns:
            raise ValueError("a file without a header needs columns = [...] with their names")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names one of them twice")
        return self


class TimeColumn(_Part):
    """Where the event time stands and how it is written.

    Parameters
    ----------
    column
        Its name.
    format
        ``iso`` (ISO 8601), ``epoch_s``, ``epoch_ms``, or a strptime format.
    zone
        Zone of times that carry none.
    """

    column: Column
    format: Annotated[str, AfterValidator(_format)] = "iso"
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class Word(_Part):
    """A word that a column carries, or the same one for every row.

    Parameters
    ----------
    column
        Name of the column.
    constant
        The word itself; ``column`` is then left out.
    values
        What the column's words are called here; a word that is not listed stays as it is.
    """

    column: Column | None = None
    constant: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    values: dict[str, Annotated[str, Field(min_length=1, max_length=100)]] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError('write either { column = "..." } or { constant = "..." }')
        if self.constant is not None and self.values:
            raise ValueError("values are for a column, not for a constant")
        return self


class Mapping(_Part):
    """Which column of a file says what about an event.

    Parameters
    ----------
    customer, time, type
        Every event has these. ``time`` and ``type`` may be just a column's name.
    amount, quantity, price, currency, item, category, order, query, rating, text, campaign, \
session, event_id
        Columns of what else an event carries, where the file has it.
    traits
        Columns of what the shop knows about the customer (tier, age band, ...).
    ignore
        Columns that are left out altogether, such as e-mail addresses.
    file
        How the file is laid out.

    Examples
    --------
    >>> from streams.recorded import load_mapping
    >>> cdnow = load_mapping("cdnow")
    >>> cdnow.customer, cdnow.time.format, cdnow.type.constant
    ('customer_id', '%Y%m%d', 'purchase')
    """

    customer: Column
    time: Annotated[TimeColumn, BeforeValidator(_from_column)]
    type: Annotated[Word, BeforeValidator(_from_column)]
    amount: Column | None = None
    quantity: Column | None = None
    price: Column | None = None
    currency: Annotated[Word, BeforeValidator(_from_column)] | None = None
    item: Column | None = None
    category: Column | None = None
    order: Column | None = None
    query: Column | None = None
    rating: Column | None = None
    text: Column | None = None
    campaign: Column | None = None
    session: Column | None = None
    event_id: Column | None = None
    traits: tuple[Column, ...] = ()
    ignore: tuple[Column, ...] = ()
    file: Layout = Layout()

    @cached_property
    def named(self) -> dict[str, str]:
        """Every column that a key names, and the key."""
        return dict(reversed([(column, key) for key, column in _named(self)]))

    def check_columns(self, columns: tuple[str, ...], where: str) -> None:
        """Refuse a file that lacks a column which the mapping names.

        Parameters
        ----------
        columns
            The columns that the file has.
        where
            The file, for the message.

        Raises
        ------
        MappingError
            With the key, the column, and what the file has instead.
        """
        for column, key in self.named.items():
            if column not in columns and key != "ignore":
                close = difflib.get_close_matches(column, columns, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                if key in ("type", "currency"):
                    hint += f'For the same {key} everywhere: {key} = {{ constant = "{column}" }}. '
                shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
                raise MappingError(
                    f"{where}: no column {column!r}, which the mapping names as {key}; {hint}"
                    f"The file has: {shown}"
                )


def _named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    for key in Mapping.model_fields:
        value = getattr(mapping, key)
        if isinstance(value, TimeColumn | Word):
            value = value.column
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, tuple):
            yield from ((key, column) for column in value)
