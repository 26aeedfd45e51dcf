"""Events in the order of their time, whatever the order of the file, in bounded memory.

Runs of rows are sorted in memory and spilled to temporary files, which are then merged
(an external merge sort). What is spilled is msgpack of numbers and bytes. The order is by
time, then by place in the file; it does not depend on how the runs were cut.
"""

from __future__ import annotations

import heapq
import struct
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

import msgspec

from features import Event, Millis, decode_event
from streams.recorded.translation import NO_ID

RUN_ROWS: Final = 200_000
RUN_BYTES: Final = 128 * 1024 * 1024
#: Runs merged at once: the files open at one time.
FAN_IN: Final = 64
_LENGTH: Final = struct.Struct("<I")


class Placed(NamedTuple):
    """An event with its time, its place in the file, its JSON, and whether its id is its own."""

    at: Millis
    place: int
    own_id: bool
    event: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Placed).decode


class TimeOrder:
    """Takes rows in the order of the file, gives them back in the order of time.

    Used in a ``with`` statement, since runs may lie in a temporary folder. Ties keep the order
    of the file.

    Parameters
    ----------
    run_rows, run_bytes
        A run is cut when it has as many rows, or as many bytes of events; one run is what
        memory holds.
    fan_in
        Most runs merged at once, at least 2.

    Examples
    --------
    >>> with TimeOrder(run_rows=2) as order:
    ...     for place, at in enumerate([30, 10, 20, 10]):
    ...         order.add(Placed(at, place, True, b""))
    ...     [(row.at, row.place) for row in order.rows()]
    [(10, 1), (10, 3), (20, 2), (30, 0)]
    """

    def __init__(
        self, run_rows: int = RUN_ROWS, run_bytes: int = RUN_BYTES, fan_in: int = FAN_IN
    ) -> None:
        self._bounds = (run_rows, run_bytes)
        self._folder = tempfile.TemporaryDirectory(prefix="ebb-import-")
        self._spilled = _Spilled(Path(self._folder.name), fan_in)
        self._run: list[Placed] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def add(self, row: Placed) -> None:
        """Take a row."""
        run_rows, run_bytes = self._bounds
        if len(self._run) >= run_rows or self._size >= run_bytes:
            self._run.sort()
            self._spilled.add(self._run)
            self._run, self._size = [], 0
        self._run.append(row)
        self._size += len(row.event)

    def rows(self) -> Iterator[Placed]:
        """Give all rows back, by time and then by place."""
        self._run.sort()
        yield from heapq.merge(*self._spilled.runs(), self._run)


class _Spilled:
    """Sorted runs on disk; levels of them, so that no row is rewritten more than log times."""

    def __init__(self, folder: Path, fan_in: int) -> None:
        self._folder = folder
        self._fan_in = fan_in
        self._levels: list[list[Path]] = [[]]
        self._files = 0

    def add(self, run: Iterable[Placed], level: int = 0) -> None:
        path = self._folder / f"run-{self._files}"
        self._files += 1
        with path.open("wb") as file:
            for row in run:
                raw = _encode(row)
                file.write(_LENGTH.pack(len(raw)))
                file.write(raw)
        while len(self._levels) <= level:
            self._levels.append([])
        self._levels[level].append(path)
        if len(self._levels[level]) >= self._fan_in:
            merged, self._levels[level] = self._levels[level], []
            self.add(heapq.merge(*map(_read_run, merged)), level + 1)
            for path in merged:
                path.unlink()

    def runs(self) -> list[Iterator[Placed]]:
        return [_read_run(path) for level in self._levels for path in level]


def _read_run(path: Path) -> Iterator[Placed]:
    with path.open("rb") as file:
        while length := _read_length(file):
            yield _decode(file.read(length))


def _read_length(file: BinaryIO) -> int:
    raw = file.read(_LENGTH.size)
    return int(_LENGTH.unpack(raw)[0]) if raw else 0


def with_ids(rows: Iterable[Placed]) -> Iterator[Event]:
    """Give each event that has no id one that the same row gets again, every time it is read.

    The id is a hash of the event; among identical ones, which are separate events, also the
    number of the occurrence. Identical events have the same time, so counting starts anew
    with each time, and memory holds the hashes of one moment only.

    Parameters
    ----------
    rows
        Events in the order of time.

    Examples
    --------
    >>> row = Placed(0, 0, False, b'{"event_id":"?","user_id":"a","type":"visit","time":0}')
    >>> [event.event_id for event in with_ids([row, row._replace(place=1)])]
    ['161d07dccf157c795d1f4e356c42b61b', '161d07dccf157c795d1f4e356c42b61b-2']
    """
    seen: dict[bytes, int] = {}
    moment: Millis | None = None
    for row in rows:
        event = decode_event(row.event)
        if row.own_id:
            yield event
            continue
        if row.at != moment:
            seen.clear()
            moment = row.at
        assert event.event_id == NO_ID
        digest = blake2b(row.event, digest_size=16).digest()
        occurrence = seen[digest] = seen.get(digest, 0) + 1
        event_id = digest.hex() if occurrence == 1 else f"{digest.hex()}-{occurrence}"
        yield msgspec.structs.replace(event, event_id=event_id)
