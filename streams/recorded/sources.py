"""The rows of a file: CSV, JSON lines or Parquet, compressed or not, never all in memory.

What the file is, its content says (magic numbers, the first character); the extension is not
trusted. A line that cannot be read is a `RejectedRow`; a file that cannot be read is a
`SourceError`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import msgspec

from streams.recorded.compression import SourceError, damage_as_source_error, open_decompressed
from streams.recorded.mapping import Layout

#: A longer line is cut, and then fails as a row: a file without line ends must not fill memory.
MAX_LINE: Final = 1024 * 1024
_SNIFFED: Final = 64 * 1024
_PARQUET_BATCH: Final = 2_000
_DELIMITERS: Final = ",;\t|"

Cells: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One row of a file: the line it starts on, and its cells by column."""

    line: int
    cells: Cells


@dataclass(frozen=True)
class RejectedRow:
    """A row that is no event.

    Parameters
    ----------
    line
        Line of the file (in Parquet: number of the row), from 1.
    reason
        What is wrong, in words, with the offending value.
    kind
        The same without the value, for counting.
    """

    line: int
    reason: str
    kind: str


@dataclass(frozen=True)
class Source:
    """An opened file.

    Parameters
    ----------
    format
        ``csv``, ``jsonl`` or ``parquet``.
    delimiter
        Of a CSV file, ``blanks`` for runs of blanks; empty otherwise.
    columns
        Names of the columns, where the file or its layout says them; empty for JSON lines.
    rows
        The rows, to be read once.
    position
        How many bytes of the file on disk have been read.
    """

    format: str
    delimiter: str
    columns: tuple[str, ...]
    rows: Iterator[Row | RejectedRow]
    position: Callable[[], int]


@contextmanager
def open_source(path: Path, layout: Layout) -> Iterator[Source]:
    """Open a file and recognise what it is.

    Parameters
    ----------
    path
        The file.
    layout
        What is known about it; the rest is recognised.

    Raises
    ------
    SourceError
        If the file cannot be read, is empty, or is of no known kind.
    """
    with ExitStack() as opened:
        with damage_as_source_error(path):
            raw, stream = open_decompressed(path)
            opened.callback(raw.close)
            opened.callback(stream.close)
            source = _source(stream, layout, path, raw.tell)
        yield replace(source, rows=_guarded(source.rows, path))


def _guarded(rows: Iterator[Row | RejectedRow], path: Path) -> Iterator[Row | RejectedRow]:
    with damage_as_source_error(path):
        yield from rows


def _source(
    stream: io.BufferedReader, layout: Layout, path: Path, position: Callable[[], int]
) -> Source:
    head = stream.peek(_SNIFFED)[:_SNIFFED]
    if not head:
        raise SourceError(f"{path}: the file is empty")
    kind = layout.format or _recognise(head, layout.encoding, path)
    if kind == "parquet":
        columns, rows = _parquet(stream, path)
        return Source(kind, "", columns, rows, position)
    lines = _lines(stream, "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding)
    if kind == "jsonl":
        return Source(kind, "", (), _jsonl(lines), position)
    delimiter = layout.delimiter or _sniff_delimiter(head, layout.encoding)
    records = _blanks(lines) if delimiter == "blanks" else _delimited(lines, delimiter)
    columns = layout.columns or _header(records, path)
    return Source(kind, delimiter, columns, _named(records, columns), position)


def _recognise(head: bytes, encoding: str, path: Path) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if b"\0" in head and not encoding.startswith(("utf-16", "utf-32")):
        raise SourceError(f"{path}: neither text nor Parquet; import reads CSV, JSONL and Parquet")
    text = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("["):
        raise SourceError(
            f"{path}: a JSON array; import reads JSON lines, one object a line "
            "(jq -c '.[]' turns one into the other)"
        )
    return "jsonl" if text.startswith("{") else "csv"


def _sniff_delimiter(head: bytes, encoding: str) -> str:
    lines = head.decode(encoding, "replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    outside_quotes = "".join(first.split('"')[::2])
    best = max(_DELIMITERS, key=outside_quotes.count)
    if best in outside_quotes:
        return best
    return "blanks" if len(first.split()) > 1 else ","


def _lines(stream: IO[bytes], encoding: str) -> Iterator[str]:
    # Bytes that are no text become lone surrogates; the row that has them is refused later,
    # with its line, and the others go on.
    text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
    try:
        while line := text.readline(MAX_LINE):
            yield line
            while len(line) >= MAX_LINE and not line.endswith("\n"):
                line = text.readline(MAX_LINE)
    finally:
        # Or it would close the file, which is still asked for its position, unless it is closed.
        with suppress(ValueError):
            text.detach()


_Record: TypeAlias = tuple[int, list[str]] | RejectedRow


def _delimited(lines: Iterator[str], delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RejectedRow(line, f"not readable as CSV: {error}", "not readable as CSV")
            continue
        if cells:
            yield line, cells


def _blanks(lines: Iterator[str]) -> Iterator[_Record]:
    for line, text in enumerate(lines, start=1):
        if cells := text.split():
            yield line, cells


def _header(records: Iterator[_Record], path: Path) -> tuple[str, ...]:
    first = next(records, None)
    if first is None:
        raise SourceError(f"{path}: the file has no lines")
    if isinstance(first, RejectedRow):
        raise SourceError(f"{path}: the header (line {first.line}) is {first.reason}")
    names = [name.strip() or f"column_{place}" for place, name in enumerate(first[1], start=1)]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{path}: the header names the column {name!r} twice")
    return tuple(names)


def _named(records: Iterator[_Record], columns: tuple[str, ...]) -> Iterator[Row | RejectedRow]:
    width = len(columns)
    for record in records:
        if isinstance(record, RejectedRow):
            yield record
            continue
        line, cells = record
        if len(cells) == width:
            yield Row(line, dict(zip(columns, cells, strict=True)))
        else:
            yield RejectedRow(
                line, f"{len(cells)} cells for {width} columns", "wrong number of cells"
            )


def _jsonl(lines: Iterator[str]) -> Iterator[Row | RejectedRow]:
    decode = msgspec.json.Decoder(Cells).decode
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            yield Row(line, _flat(decode(text)))
        except UnicodeEncodeError:
            yield RejectedRow(line, "bytes that are not text", "bytes that are not text")
        except (msgspec.DecodeError, RecursionError) as error:
            yield RejectedRow(line, f"not a JSON object: {error}", "not a JSON object")


def _flat(cells: Cells) -> Cells:
    """Name the fields of an object inside an object ``outer.inner``."""
    if not any(isinstance(value, dict) for value in cells.values()):
        return cells
    flat: Cells = {}
    for name, value in cells.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": cell for inner, cell in _flat(value).items()})
        else:
            flat[name] = value
    return flat


def _parquet(stream: IO[bytes], path: Path) -> tuple[tuple[str, ...], Iterator[Row | RejectedRow]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise SourceError(
            f'{path}: reading Parquet needs an extra: pip install "ebbtide[parquet]"'
        ) from None
    try:
        file = parquet.ParquetFile(stream)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path}: not readable as Parquet: {error}") from None

    def rows() -> Iterator[Row | RejectedRow]:
        line = 0
        try:
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                for cells in _without_nanoseconds(pa, batch).to_pylist():
                    line += 1
                    yield Row(line, _flat(cells))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path}: damaged after row {line}: {error}") from None

    names = file.schema_arrow.names
    nested = any(pa.types.is_struct(file.schema_arrow.field(name).type) for name in names)
    return () if nested else tuple(names), rows()


def _without_nanoseconds(pa: Any, batch: Any) -> Any:
    # Python's datetime has microseconds; the event has milliseconds.
    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = batch.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(place, field.name, column)
    return batch
