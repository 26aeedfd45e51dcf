from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import to_iso
from streams.recorded.mapping_files import load_mapping, parse_mapping
from streams.recorded.proposal import propose_mapping
from tests.streams.recorded.conftest import Read


def _propose(tmp_path: Path, content: str) -> str:
    path = tmp_path / "shop.csv"
    path.write_text(content)
    return propose_mapping(path)


def test_the_proposal_for_cdnow_is_the_mapping_that_comes_along(cdnow: Path) -> None:
    assert parse_mapping(propose_mapping(cdnow), "proposal") == load_mapping("cdnow")


def test_a_proposal_can_be_used_as_it_is(tmp_path: Path, read: Read) -> None:
    content = (
        "Event_Time;User ID;event_type;product_id;price;brand\n"
        "2019-10-01 00:00:00 UTC;541312140;view;44600062;35.79;acme\n"
        "2019-10-01 00:00:01 UTC;541312141;cart;44600063;10;\n"
        "2019-10-01 00:00:04 UTC;541312140;gift_wrapped;44600062;1;\n"
    )
    toml = _propose(tmp_path, content)
    assert "# Types without a meaning here, counted as other: gift_wrapped" in toml
    events, rejected = read(content, toml)
    assert not rejected
    assert [(event.user_id, event.type, event.item_id, event.price) for event in events] == [
        ("541312140", "product_viewed", "44600062", 35.79),
        ("541312141", "product_added", "44600063", 10.0),
        ("541312140", "gift_wrapped", "44600062", 1.0),
    ]
    assert to_iso(events[1].at) == "2019-10-01T00:00:01Z"
    assert events[0].properties == {"brand": "acme"}


def test_a_file_without_a_header_gets_names_for_its_columns(
    tmp_path: Path, cdnow: Path, read: Read
) -> None:
    rows = "\n".join(cdnow.read_text().splitlines()[1:300])
    toml = _propose(tmp_path, rows)
    mapping = parse_mapping(toml, "proposal")
    assert mapping.file.columns == ("column_1", "column_2", "column_3", "column_4")
    assert (mapping.quantity, mapping.amount) == ("column_3", "column_4")
    events, rejected = read(rows, toml)
    assert (len(events), len(rejected)) == (299, 0)


@pytest.mark.parametrize(
    ("times", "form"),
    [
        (["1767225600", "1767225601"], "epoch_s"),
        (["1767225600000", "1767225600001"], "epoch_ms"),
        (["20260101", "20260131"], "%Y%m%d"),
        (["2026-01-01T00:00:00Z", "2026-01-02"], "iso"),
        (["31.01.2026 10:00", "01.02.2026 11:00"], "%d.%m.%Y %H:%M"),
        (["12/1/2010 8:26", "12/31/2010 8:26"], "%m/%d/%Y %H:%M"),
    ],
)
def test_the_format_of_the_time_is_recognised(tmp_path: Path, times: list[str], form: str) -> None:
    content = "\n".join(["customer,when_it_was,total", *(f"ada,{time},1.5" for time in times)])
    mapping = parse_mapping(_propose(tmp_path, content), "proposal")
    assert (mapping.time.column, mapping.time.format) == ("when_it_was", form)


def test_a_doubtful_format_is_said_to_be_doubtful(tmp_path: Path) -> None:
    toml = _propose(tmp_path, "customer,date\nada,01/02/2026\n")
    assert '# The times also read as "%m/%d/%Y": which one is it?' in toml


def test_what_cannot_be_guessed_says_change_me(tmp_path: Path) -> None:
    mapping = parse_mapping(_propose(tmp_path, "colour,shape\nred,round\n"), "proposal")
    assert (mapping.customer, mapping.time.column) == ("CHANGE ME", "CHANGE ME")


def test_json_lines_are_proposed_from_their_fields(tmp_path: Path) -> None:
    line = {"user": {"id": 7}, "ts": 1767225600000, "action": "buy"}
    mapping = parse_mapping(_propose(tmp_path, msgspec.json.encode(line).decode()), "proposal")
    assert (mapping.customer, mapping.time.format) == ("user.id", "epoch_ms")
    assert mapping.type.values == {"buy": "purchase"}


@given(names=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
def test_a_proposal_is_valid_whatever_the_columns_are_called(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("names") / "shop.jsonl"
    path.write_bytes(msgspec.json.encode(dict.fromkeys(names, "user_id")))
    parse_mapping(propose_mapping(path), "proposal")
