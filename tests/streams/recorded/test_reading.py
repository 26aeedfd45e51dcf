from __future__ import annotations

from pathlib import Path

import pytest

from features import Event
from streams.recorded.mapping_files import parse_mapping
from streams.recorded.reading import WrongMapping, read_events
from streams.recorded.sources import RejectedRow
from tests.streams.recorded.conftest import SHOP, Read

HEADER = "customer,time,amount\n"
GOOD, BAD = "ada,2026-01-01,1\n", ",2026-01-01,1\n"


def test_half_of_the_rows_may_be_rejected(read: Read) -> None:
    events, rejected = read(HEADER + (BAD + GOOD) * 20)
    assert (len(events), len(rejected)) == (20, 20)


def test_most_rows_rejected_is_a_wrong_mapping(read: Read) -> None:
    with pytest.raises(WrongMapping) as error:
        read(HEADER + (BAD + GOOD) * 20 + BAD)
    assert "21 of the first 41 rows are no events (21: no customer)" in str(error.value)


def test_a_wrong_mapping_stops_after_a_thousand_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + BAD * 501 + GOOD * 499 + BAD * 10 + GOOD * 5_000)
    found: list[Event | RejectedRow] = []
    with pytest.raises(WrongMapping):
        found.extend(read_events(path, parse_mapping(SHOP, "test")))
    assert len(found) == 501
    assert not any(isinstance(one, Event) for one in found)


def test_many_bad_rows_after_the_first_thousand_do_not_stop_the_import(read: Read) -> None:
    events, rejected = read(HEADER + GOOD * 1_000 + BAD * 3_000)
    assert (len(events), len(rejected)) == (1_000, 3_000)


def test_a_header_and_nothing_else_is_no_event_and_no_error(read: Read) -> None:
    assert read(HEADER) == ([], [])


def test_progress_ends_with_all_rows_and_all_bytes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + GOOD * 4_500)
    told: list[tuple[int, int]] = []
    for _ in read_events(
        path, parse_mapping(SHOP, "test"), on_rows=lambda rows, read: told.append((rows, read))
    ):
        pass
    assert [rows for rows, _ in told] == [2_000, 4_000, 4_500]
    assert told[-1][1] == path.stat().st_size
