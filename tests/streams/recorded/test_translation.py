from __future__ import annotations

import msgspec
import pytest

from features import decode_event, encode_event, to_iso
from tests.streams.recorded.conftest import SHOP, Read

FULL = """
customer = "customer"
time = { column = "time", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
type = { column = "what", values = { buy = "purchase" } }
amount = "amount"
quantity = "quantity"
price = "price"
currency = { constant = "EUR" }
item = "item"
category = "category"
order = "order"
query = "query"
rating = "rating"
text = "text"
campaign = "campaign"
session = "session"
event_id = "id"
traits = ["tier", "city"]
ignore = ["email"]
"""


def _csv(**cells: str) -> str:
    cells = {"customer": "ada", "time": "2026-01-01", "amount": "1", **cells}
    good = "ada,2026-01-01,1" + "," * (len(cells) - 3)
    return "\n".join([",".join(cells), good, ",".join(f'"{cell}"' for cell in cells.values()), ""])


def test_every_key_of_a_mapping_fills_its_field(read: Read) -> None:
    row = {
        "customer": " ada ",
        "time": "01.07.2026 14:30",
        "what": "buy",
        "amount": "19.90",
        "quantity": "2",
        "price": "9.95",
        "item": "i1",
        "category": "shoes",
        "order": "o1",
        "query": "red",
        "rating": "4.5",
        "text": "nice",
        "campaign": "c1",
        "session": "s1",
        "id": "e1",
        "tier": "gold",
        "city": "",
        "email": "ada@example.org",
        "gift": "yes",
        "empty": "  ",
    }
    (event,), _ = read(msgspec.json.encode(row), FULL)
    assert msgspec.json.decode(encode_event(event)) == {
        "event_id": "e1",
        "user_id": "ada",
        "type": "purchase",
        "time": 1782909000000,
        "session_id": "s1",
        "item_id": "i1",
        "category": "shoes",
        "price": 9.95,
        "quantity": 2.0,
        "amount": 19.9,
        "currency": "EUR",
        "order_id": "o1",
        "query": "red",
        "rating": 4.5,
        "text": "nice",
        "campaign": "c1",
        "traits": {"tier": "gold"},
        "properties": {"gift": "yes"},
    }
    assert to_iso(event.at) == "2026-07-01T12:30:00Z"


def test_a_type_that_the_value_map_does_not_list_stays_as_it_is(read: Read) -> None:
    row = {"customer": "ada", "time": "01.07.2026 14:30", "what": "complaint"}
    (event,), _ = read(msgspec.json.encode(row), FULL)
    assert event.type == "complaint"


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("iso", "2026-01-01", "2026-01-01T00:00:00Z"),
        ("iso", "2026-01-01T01:00:00.250+01:00", "2026-01-01T00:00:00.250Z"),
        ("iso", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00Z"),
        ("epoch_s", "1767225600", "2026-01-01T00:00:00Z"),
        ("epoch_s", "1767225600.25", "2026-01-01T00:00:00.250Z"),
        ("epoch_ms", "1767225600250", "2026-01-01T00:00:00.250Z"),
        ("%Y%m%d", "20260101", "2026-01-01T00:00:00Z"),
        ("%m/%d/%y %I:%M %p", "1/2/26 3:05 PM", "2026-01-02T15:05:00Z"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-01-01T01:00:00+0100", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_read_as_the_mapping_says(read: Read, form: str, text: str, moment: str) -> None:
    mapping = SHOP.replace('"time"', f'{{ column = "time", format = "{form}" }}')
    (event,), _ = read(msgspec.json.encode({"customer": "ada", "time": text}), mapping)
    assert to_iso(event.at) == moment


def test_a_time_with_a_zone_of_its_own_ignores_that_of_the_mapping(read: Read) -> None:
    mapping = SHOP.replace('"time"', '{ column = "time", zone = "Asia/Tokyo" }')
    lines = (
        '{"customer":"a","time":"2026-01-01T00:00Z"}\n{"customer":"b","time":"2026-01-01T08:00"}'
    )
    events, _ = read(lines, mapping)
    assert [(event.user_id, to_iso(event.at)) for event in events] == [
        ("b", "2025-12-31T23:00:00Z"),
        ("a", "2026-01-01T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"customer": " "}, "no customer"),
        ({"customer": "a" * 201}, "user_id: Expected `str` of length <= 200"),
        ({"time": ""}, "no time"),
        ({"time": "yesterday"}, "time does not read as iso: 'yesterday'"),
        ({"time": "1969-12-31"}, "time: Expected `int` >= 0"),
        ({"amount": "1,5"}, "amount is not a number: '1,5'"),
        ({"amount": "1_000"}, "amount is not a number: '1_000'"),
        ({"amount": "nan"}, "amount is not a finite number: 'nan'"),
        ({"amount": "-inf"}, "amount is not a finite number: '-inf'"),
        ({"amount": "1e10"}, "amount: Expected `float` <= 1000000000.0"),
        ({"free": "x" * 1_001}, "properties[...]: Expected `str` of length <= 1000"),
        ({f"c{number}": "x" for number in range(65)}, "properties: Expected `object` of length"),
    ],
)
def test_a_row_that_is_no_event_is_rejected_with_its_line_and_reason(
    read: Read, cells: dict[str, str], reason: str
) -> None:
    events, rejected = read(_csv(**cells))
    assert len(events) == 1
    assert [row.line for row in rejected] == [3]
    assert rejected[0].reason.startswith(reason)


@pytest.mark.parametrize("form", ["epoch_s", "epoch_ms"])
@pytest.mark.parametrize("text", ["1e999999999", "abc", "", "NaN", "-Infinity", "9e15"])
def test_an_absurd_epoch_is_rejected_at_once(read: Read, text: str, form: str) -> None:
    mapping = SHOP.replace('"time"', f'{{ column = "time", format = "{form}" }}')
    content = f"customer,time,amount\nada,1767225600,1\nada,{text},1\n"
    events, rejected = read(content, mapping)
    assert (len(events), len(rejected)) == (1, 1)


@pytest.mark.parametrize(
    "cell",
    ['"customer": true', '"amount": "x"', '"amount": [1]', '"customer": ["ada"]', '"time": 7'],
)
def test_json_of_the_wrong_kind_is_rejected(read: Read, cell: str) -> None:
    good = '{"customer": "ada", "time": "2026-01-01", "amount": 1}'
    name = cell.partition(":")[0]
    rest = [part for part in good.strip("{}").split(", ") if not part.startswith(name)]
    events, rejected = read(good + "\n{" + ", ".join([*rest, cell]) + "}\n")
    assert (len(events), [row.line for row in rejected]) == (1, [2])


def test_events_are_as_the_wire_would_give_them(read: Read) -> None:
    events, _ = read(_csv(gift="yes"))
    assert [decode_event(encode_event(event)) for event in events] == events
