"""What a shop may say of an event, what is refused, and the id that it gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import Event, InvalidEvent, decode_event, encode_event
from streams.publishing import EventFields
from streams.publishing.wording import checked, own_id, worded

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDER: dict[str, Any] = {"user_id": "ada", "type": "purchase", "time": NOON, "order_id": "o-12"}


def test_every_field_of_an_event_can_be_said() -> None:
    assert EventFields.__annotations__.keys() == set(Event.__struct_fields__)
    assert EventFields.__required_keys__ == {"user_id", "type", "time"}


def test_what_is_sent_is_what_the_workers_read() -> None:
    event, message = worded({**ORDER, "amount": Decimal("39.90"), "properties": {"gift": True}})
    assert decode_event(message) == event
    assert (event.amount, event.properties, event.at) == (39.9, {"gift": True}, 1772452800000)


def test_a_field_that_nobody_has_heard_of_is_kept() -> None:
    assert worded({**ORDER, "gift": True})[0].properties == {"gift": True}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"user_id": ""}, "user_id: Expected `str` of length >= 1"),
        ({"user_id": None}, "user_id: Expected `str`, got `null`"),
        ({"user_id": "a\nb"}, "user_id: must hold no control characters"),
        (
            {"time": NOON.replace(tzinfo=None)},
            "time: Expected `datetime` with a timezone component",
        ),
        ({"time": -1}, "time: Expected `int` >= 0"),
        ({"amount": float("nan")}, "amount: must be a number, not nan"),
        ({"price": Decimal("Infinity")}, "price: must be a number, not Infinity"),
        ({"properties": {"x": float("inf")}}, "x: must be a number, not inf"),
        ({"amount": "12,50"}, "amount: Expected `float | null`, got `str`"),
        ({"text": "x" * 5000}, "text: Expected `str` of length <= 4000"),
        ({"currency": "EURO"}, "currency: Expected `str` of length <= 3"),
        ({"v": 9}, "v: Expected `int` <= 1"),
        ({"properties": {"list": [1]}}, "properties"),
        ({"item_id": object()}, "Encoding objects of type object is unsupported"),
        (
            {"traits": {str(number): "x" * 1000 for number in range(31)}, "text": "x" * 4000},
            "are more than the 32768 of an event",
        ),
    ],
)
def test_what_the_workers_would_refuse_is_refused_with_its_field(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        worded({**ORDER, **wrong})
    assert said in str(refused.value)


def test_an_event_that_was_made_elsewhere_is_checked_too() -> None:
    good = Event(event_id="e-1", user_id="ada", type="visit", time=0)
    assert checked(good) == encode_event(good)
    for wrong in (
        Event(event_id="e-1", user_id="", type="visit", time=0),
        Event(event_id="e-1", user_id="ada", type="purchase", time=0, amount=float("nan")),
        Event(event_id="e-1", user_id="ada", type="visit", time=0, category=object()),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidEvent):
            checked(wrong)


@pytest.mark.parametrize(
    ("more", "event_id"),
    [
        ({}, "purchase:o-12"),
        ({"type": "order_completed"}, "purchase:o-12"),
        ({"item_id": "sku/7"}, "purchase:o-12:sku%2F7"),
        ({"order_id": "o:12"}, "purchase:o%3A12"),
        ({"order_id": "Bestellung Nr. 5 (ä)!'*~"}, "purchase:Bestellung%20Nr.%205%20(%C3%A4)!'*~"),
        ({"event_id": "own"}, "own"),
    ],
)
def test_an_order_names_itself(more: dict[str, Any], event_id: str) -> None:
    assert worded({**ORDER, **more})[0].event_id == event_id


@pytest.mark.parametrize(
    "change",
    [{"type": "refund"}, {"order_id": "x" * 101}, {"order_id": None}],
)
def test_what_may_happen_twice_is_named_by_all_that_it_says(change: dict[str, Any]) -> None:
    first = worded({**ORDER, **change, "amount": 5})[0]
    again = worded({**ORDER, **change, "amount": 5.0, "event_id": None})[0]
    other = worded({**ORDER, **change, "amount": 6})[0]
    later = worded({**ORDER, **change, "amount": 5, "time": NOON + timedelta(seconds=1)})[0]
    assert first.event_id == again.event_id
    assert len({first.event_id, other.event_id, later.event_id}) == 3


def test_a_moment_is_the_same_however_it_is_written() -> None:
    moments = [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=2))),
        1772452800000,
        "2026-03-02T12:00:00Z",
    ]
    events = [worded({"user_id": "ada", "type": "visit", "time": at})[0] for at in moments]
    assert len({event.event_id for event in events}) == 1
    assert {event.time for event in events} == {1772452800000}


@given(
    st.fixed_dictionaries(
        {
            "user_id": st.text(min_size=1, max_size=9),
            "type": st.sampled_from(["purchase", "refund", "visit"]),
            "time": st.integers(0, 4_102_444_800_000),
        },
        optional={
            "order_id": st.text(min_size=1, max_size=120),
            "item_id": st.text(min_size=1, max_size=120),
            "amount": st.decimals(-1000, 1000, places=2) | st.floats(-1e6, 1e6),
            "properties": st.dictionaries(st.text(min_size=1, max_size=9), st.booleans()),
        },
    )
)
def test_whatever_is_taken_is_read_as_it_was_said(fields: dict[str, Any]) -> None:
    try:
        event, message = worded(fields)
    except InvalidEvent:
        # Control characters, or more properties than an event may have: the workers say so, too.
        return
    assert decode_event(message) == event
    assert event.user_id == fields["user_id"]
    if "amount" in fields:
        assert event.amount == pytest.approx(float(fields["amount"]))
    assert event.event_id == own_id(event)
    assert worded(fields)[0] == event
