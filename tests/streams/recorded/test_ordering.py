from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import Event
from streams.recorded.mapping_files import parse_mapping
from streams.recorded.ordering import Placed, TimeOrder
from streams.recorded.reading import read_events
from streams.recorded.sources import RejectedRow
from tests.streams.recorded.cdnow import CUSTOMERS, EVENTS
from tests.streams.recorded.conftest import SHOP, Read

#: Few customers, times and amounts: ties and identical rows are the rule.
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(1, 2)), max_size=40
)
CUTS = st.fixed_dictionaries(
    {"run_rows": st.integers(1, 12), "run_bytes": st.integers(1, 500), "fan_in": st.integers(2, 4)}
)


def _events(folder: Path, rows: list[tuple[str, int, int]], **bounds: Any) -> list[Event]:
    path = folder / "rows.csv"
    lines = [f"{customer},2026-01-0{day + 1},{amount}" for customer, day, amount in rows]
    path.write_text("\n".join(["customer,time,amount", *lines]))
    found = list(read_events(path, parse_mapping(SHOP, "test"), **bounds))
    assert not any(isinstance(one, RejectedRow) for one in found)
    return [one for one in found if isinstance(one, Event)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@given(rows=ROWS, cuts=CUTS)
def test_order_and_ids_do_not_depend_on_how_the_runs_are_cut(
    folder: Path, rows: list[tuple[str, int, int]], cuts: dict[str, int]
) -> None:
    whole = _events(folder, rows)
    assert _events(folder, rows, **cuts) == whole
    # Python's own stable sort is the oracle.
    expected = [(customer, amount) for customer, _, amount in sorted(rows, key=lambda row: row[1])]
    assert [(event.user_id, event.amount) for event in whole] == expected


@given(rows=ROWS, seed=st.integers())
def test_rows_in_another_order_get_the_same_ids(
    folder: Path, rows: list[tuple[str, int, int]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    ids = {event.event_id for event in _events(folder, rows)}
    assert {event.event_id for event in _events(folder, shuffled)} == ids
    assert len(ids) == len(rows), "identical rows are events of their own"


@given(
    times=st.lists(st.integers(0, 5), max_size=60),
    run_rows=st.integers(1, 4),
    fan=st.integers(2, 3),
)
def test_a_merge_of_many_levels_is_still_a_stable_sort(
    times: list[int], run_rows: int, fan: int
) -> None:
    with TimeOrder(run_rows=run_rows, fan_in=fan) as order:
        for place, at in enumerate(times):
            order.add(Placed(at, place, True, b""))
        got = [(row.at, row.place) for row in order.rows()]
    assert got == sorted((at, place) for place, at in enumerate(times))


def test_an_id_of_the_file_is_kept_and_an_empty_one_derived(read: Read) -> None:
    content = "customer,time,amount,id\nada,2026-01-01,1,e1\nada,2026-01-01,1,\n"
    events, _ = read(content, SHOP + 'event_id = "id"')
    assert events[0].event_id == "e1"
    assert len(events[1].event_id) == 32


def test_ids_stay_the_same_from_version_to_version(read: Read) -> None:
    content = "zip,customer,shop,amount,time,brand\n1,ada,west,2.50,2026-01-01,acme\n"
    (event,), _ = read(content)
    assert event.event_id == "7173d39c98b859f67713087c8540968b"


def test_another_type_is_another_event(read: Read) -> None:
    content = "customer,time,amount\nada,2026-01-01,1\n"
    (bought,), _ = read(content)
    (returned,), _ = read(content, SHOP.replace("purchase", "refund"))
    assert bought.event_id != returned.event_id


def test_runs_leave_no_files_behind(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    content = "customer,time,amount\n" + "ada,2026-01-01,1\n" * 50
    path = tmp_path / "rows.csv"
    path.write_text(content)
    events = read_events(path, parse_mapping(SHOP, "test"), run_rows=7)
    next(events)
    assert [len(list(folder.iterdir())) for folder in spill.iterdir()] == [7]
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert not list(spill.iterdir())


def test_cdnow_comes_whole_in_the_order_of_time_however_it_is_cut(read: Read, cdnow: Path) -> None:
    mapping = (Path(__file__).parents[3] / "streams/recorded/mappings/cdnow.toml").read_text()
    events, rejected = read(cdnow, mapping)
    assert (len(events), len(rejected)) == (EVENTS, 0)
    assert len({event.user_id for event in events}) == CUSTOMERS
    assert len({event.event_id for event in events}) == EVENTS
    assert [event.at for event in events] == sorted(event.at for event in events)
    again, _ = read(cdnow, mapping, run_rows=9_000, fan_in=3)
    assert again == events
