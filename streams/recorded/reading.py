"""Read a recorded file as events in the order of their time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from features import Event
from streams.recorded.mapping import Mapping, MappingError
from streams.recorded.ordering import FAN_IN, RUN_BYTES, RUN_ROWS, Placed, TimeOrder, with_ids
from streams.recorded.sources import RejectedRow, Row, open_source
from streams.recorded.translation import Rejected, Translator

#: When most of the first rows are no events, the mapping is wrong, not the rows.
TRIAL_ROWS: Final = 1_000
_PROGRESS_ROWS: Final = 2_000


class WrongMapping(MappingError):
    """Most of the first rows are no events by this mapping."""


def read_events(
    path: str | Path,
    mapping: Mapping,
    *,
    run_rows: int = RUN_ROWS,
    run_bytes: int = RUN_BYTES,
    fan_in: int = FAN_IN,
    on_rows: Callable[[int, int], None] | None = None,
) -> Iterator[Event | RejectedRow]:
    r"""Read a file as events in the order of their time, ties in the order of the file.

    The whole file is read before the first event comes: rejected rows come first, as they are
    met. Memory stays bounded, the rest waits in temporary files.

    Parameters
    ----------
    path
        CSV, JSON lines or Parquet, compressed or not.
    mapping
        Which column says what.
    run_rows, run_bytes, fan_in
        Bounds of the sort, see `TimeOrder`.
    on_rows
        Called now and then with the rows and the bytes of the file read so far.

    Raises
    ------
    SourceError
        If the file cannot be read.
    MappingError
        If the mapping names a column that the file does not have.
    WrongMapping
        If more than half of the first 1,000 rows are rejected; no event has come then.

    Examples
    --------
    >>> import tempfile
    >>> from features import to_iso
    >>> from streams.recorded import load_mapping
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("customer_id date number_of_cds dollar_value\n"
    ...                    "00002 19970112 1 12.00\n00001 19970101 1 11.77\n")
    ...     file.flush()
    ...     for event in read_events(file.name, load_mapping("cdnow")):
    ...         print(event.user_id, to_iso(event.at), event.value)
    00001 1997-01-01T00:00:00Z 11.77
    00002 1997-01-12T00:00:00Z 12.0
    """
    translate = Translator(mapping).translate
    with (
        open_source(Path(path), mapping.file) as source,
        TimeOrder(run_rows, run_bytes, fan_in) as order,
    ):
        if source.columns:
            mapping.check_columns(source.columns, str(path))
        rows = 0
        kinds: Counter[str] = Counter()
        for rows, row in enumerate(source.rows, start=1):
            rejected = row if isinstance(row, RejectedRow) else None
            if isinstance(row, Row):
                try:
                    at, own_id, event = translate(row.cells)
                    order.add(Placed(at, rows, own_id, event))
                except Rejected as error:
                    rejected = RejectedRow(row.line, str(error), error.kind)
            if rejected is not None:
                yield rejected
                if rows <= TRIAL_ROWS:
                    kinds[rejected.kind] += 1
            if rows == TRIAL_ROWS:
                _refuse_wrong_mapping(kinds, rows, path)
            if on_rows is not None and rows % _PROGRESS_ROWS == 0:
                on_rows(rows, source.position())
        _refuse_wrong_mapping(kinds, min(rows, TRIAL_ROWS), path)
        if on_rows is not None:
            on_rows(rows, source.position())
        yield from with_ids(order.rows())


def _refuse_wrong_mapping(kinds: Counter[str], rows: int, path: str | Path) -> None:
    if kinds.total() * 2 > rows:
        kind, count = kinds.most_common(1)[0]
        raise WrongMapping(
            f"{path}: {kinds.total():,} of the first {rows:,} rows are no events "
            f"({count:,}: {kind}); nothing was sent. Is the mapping right? "
            f"ebb import --dry-run {path} proposes one"
        )
