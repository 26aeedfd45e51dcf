"""Whatever the bytes: an event that everything else can live with, or a reason why not."""

from __future__ import annotations

import json
from math import isfinite
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    HOUR,
    KINDS,
    CustomerState,
    Definition,
    Event,
    InvalidEvent,
    build_catalogue,
    decode_event,
    decode_state,
    encode_event,
    encode_state,
)
from models.deciding import Ledger, Policy
from models.judging import Explainer
from models.registry import Task, prior_judge
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Shop, handle
from tests.features.watching import arrive
from tests.malformed import ANY, CLASSES, FUTURE, HUGE, SECRET, GoodOnes, bad_one

NOW = 1_767_225_600_000
LATEST = 4_102_444_800_000

# -- what a sender may send -------------------------------------------------------------------

TEXTS = st.text(max_size=12) | st.sampled_from(["", "a" * 201, "\x00", "\ud7ff", "\uffff", "😀"])
NUMBERS = st.one_of(
    st.sampled_from([0, -0.0, 1e9, -1e9, 5e-324, 1.7e308, -1.7e308, 2**63 - 1, 2**63, -(2**63)]),
    st.integers(-(10**30), 10**30),
    st.floats(),  # NaN and infinity as Python writes them
    st.floats(-10, 10),
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
TIMES = st.one_of(
    st.integers(0, LATEST),
    st.sampled_from([0, 1, LATEST - 1, LATEST, LATEST + 1, -1, NOW]),
    st.integers(NOW - 100 * DAY, NOW),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
)
FREE = st.dictionaries(TEXTS, ANYTHING, max_size=4) | st.dictionaries(TEXTS, SCALARS, max_size=4)
AMOUNTS = st.floats(-1e9, 1e9) | st.sampled_from([1e9, -1e9, -0.0, 5e-324, 0, 1_000_000_000])


def messages(free: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> Any:
    """Return events as dictionaries: the fields of ``odd`` may hold it instead of their own."""
    own: dict[str, st.SearchStrategy[Any]] = {
        "session_id": st.text(min_size=1, max_size=3),
        "price": AMOUNTS,
        "quantity": st.floats(0, 1e9) | st.sampled_from([-0.0, 1e9, 5e-324, 0]),
        "amount": AMOUNTS,
        "currency": st.text(min_size=3, max_size=3),
        "order_id": st.sampled_from(["o1", "o2"]),
        "query": TEXTS,
        "rating": st.floats(0, 5) | st.sampled_from([-0.0, 0, 5]),
        "text": TEXTS,
        "traits": free,
        "properties": free,
        "v": st.just(1),
    }
    needed: dict[str, st.SearchStrategy[Any]] = {
        "event_id": st.integers(0, 5).map(str) | st.text(min_size=1, max_size=2),
        "user_id": st.sampled_from(["ada", "björn"]) | st.text(min_size=1, max_size=2),
        "type": st.sampled_from([*sorted(KINDS), "purchase", "complaint", "wheel_spun"]),
        "time": TIMES,
    }
    optional = {name: either | odd for name, either in own.items()}
    return st.builds(
        lambda event, more: {**more, **event},
        st.fixed_dictionaries(
            {name: each | odd for name, each in needed.items()}, optional=optional
        ),
        free,
    )


MOSTLY_GOOD = messages(st.dictionaries(st.text(min_size=1, max_size=5), SCALARS, max_size=3), TIMES)
ANY_AT_ALL = messages(FREE, ANYTHING)


def written(message: Any, ascii_only: bool = True) -> bytes:
    return json.dumps(message, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return an event's JSON with some of its bytes cut out, put in or replaced."""
    raw = bytearray(written(draw(ANY_AT_ALL), draw(st.booleans())))
    pieces = st.binary(max_size=4) | st.sampled_from(
        [b"", b'"', b"\\", b"\\u", b"{", b"}", b"[" * 2_000, b"NaN", b"1e999", b"9" * 400, b"null"]
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        raw[start : start + draw(st.integers(0, 8))] = draw(pieces)
    return bytes(raw)


def decoded(raw: bytes | None) -> Event | None:
    """Decode; whatever happens but for `InvalidEvent` fails the test, and so does a bad reason."""
    try:
        event = decode_event(raw)
    except InvalidEvent as error:
        assert 0 < len(error.reason) <= 200
        assert len(error.field) <= 60
        assert (error.reason + error.field).replace("\ufffd", "?").isprintable()
        return None
    return event


def numbers_of(event: Event) -> list[Any]:
    told = (event.at, event.price, event.quantity, event.amount, event.rating, event.value)
    free = (*event.properties.values(), *event.traits.values())
    return [each for each in (*told, *free) if isinstance(each, int | float)]


def check_sound(event: Event) -> None:
    """Assert what everything behind the edge relies on."""
    assert 0 <= event.at <= LATEST
    assert all(isfinite(number) for number in numbers_of(event))
    assert all(abs(number) <= 2**63 for number in numbers_of(event) if isinstance(number, int))
    for text in (event.event_id, event.user_id, event.type):
        assert 1 <= len(text.encode()) <= 800  # not a lone surrogate, then
        assert not any(sign < " " for sign in text)
    again = decode_event(encode_event(event))
    assert (again.at, again.properties, again.traits) == (
        event.at,
        event.properties,
        event.traits,
    )


# -- at the edge ------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.none() | damaged() | ANY_AT_ALL.map(written))
@example(b"[" * 32_000)
@example(b'{"a":' * 6_000)
@example(b'{"x":' + b"[" * 30_000)
@example(b'{"properties":{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}}")
@example(b'{"event_id":"\\ud800')
def test_whatever_the_bytes_there_is_a_sound_event_or_a_reason(raw: bytes | None) -> None:
    event = decoded(raw)
    if event is not None:
        check_sound(event)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_of_bad_message_is_refused_with_its_field(kind: str) -> None:
    rng = Random(kind)
    for _ in range(5 if kind == HUGE else 100):
        bad = bad_one(rng, NOW, kind)
        if kind == FUTURE:  # only its arrival tells
            assert decode_event(bad.value).at > NOW
            continue
        with pytest.raises(InvalidEvent) as caught:
            decode_event(bad.value)
        error = caught.value
        assert decoded(bad.value) is None
        assert SECRET not in str(error)
        if bad.field.endswith("*") and bad.field != ANY:
            assert error.field.startswith(bad.field[:-1]), error
        else:
            assert bad.field in (ANY, error.field), error


def test_every_odd_but_legal_message_is_an_event_of_who_sent_it() -> None:
    good = GoodOnes(Random(4), NOW, 3_000)
    for _ in range(3_000):
        sent = good.next()
        event = decode_event(sent.value)
        assert (event.user_id, event.event_id) == (sent.user_id, sent.event_id)
        check_sound(event)


def with_fields(fields: str) -> bytes:
    return f'{{"event_id":"1","user_id":"ada","type":"visit","time":0,{fields}}}'.encode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ('"colour":1e999', "colour"),
        (f'"colour":{10**400}', "colour"),
        (f'"colour":{2**63}', "colour"),
        ('"a":1,"b":{},"c":2', "b"),
        ('"' + "k" * 30_000 + '":1', "k" * 60),
        ('"\\u001b[2J":[]', "\N{REPLACEMENT CHARACTER}[2J"),
        ('"properties":{"' + "k" * 101 + '":1}', "properties"),
    ],
)
def test_the_reason_names_the_very_field_and_no_more_than_60_characters_of_it(
    fields: str, field: str
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_event(with_fields(fields))
    assert caught.value.field == field
    assert len(str(caught.value)) < 200


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    event = decode_event(with_fields('"colour":1,"user_id":"eve","colour":2'))
    assert (event.user_id, event.properties) == ("eve", {"colour": 2})


@pytest.mark.parametrize("field", ["event_id", "user_id", "type"])
def test_a_control_character_is_refused_in_what_names_things_and_kept_in_what_is_said(
    field: str,
) -> None:
    with pytest.raises(InvalidEvent, match=f"{field}: must hold no control characters"):
        decode_event(with_fields(f'"{field}":"a\\u0000b"'))
    assert decode_event(with_fields('"text":"two\\nlines"')).text == "two\nlines"


# -- behind it --------------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.lists(MOSTLY_GOOD.map(written), min_size=1, max_size=25))
def test_whatever_is_accepted_can_be_known_stored_and_described(raws: list[bytes]) -> None:
    definition = Definition(traits=("tier",))
    catalogue = build_catalogue(definition)
    state = CustomerState(definition)
    for event in filter(None, map(decoded, raws)):
        arrive(state, event)
        state = decode_state(encode_state(state), definition)
        assert encode_state(decode_state(encode_state(state), definition)) == encode_state(state)
        for at in (state.now, state.now + 30 * DAY, LATEST + DAY):
            assert all(isfinite(value) for value in catalogue.vector(state, at))


@settings(max_examples=100)
@given(st.lists(MOSTLY_GOOD.map(written), min_size=1, max_size=25), st.integers(0, LATEST))
def test_whatever_is_accepted_goes_through_the_pipeline(raws: list[bytes], arrived: int) -> None:
    definition = Definition()
    catalogue = build_catalogue(definition)
    shop = Shop(definition, catalogue, Policy(threshold=0.1), Explainer(), HOUR, DAY)
    judge = prior_judge(Task(catalogue, definition.horizon_days, definition.active_days))
    events = list(filter(None, map(decoded, raws)))
    names = sorted({event.user_id for event in events})
    book = {name: Customer(CustomerState(definition), Ledger(), new=True) for name in names}
    arrivals = [
        # Some on time, and some whenever.
        Arrival(offset, event.at if offset % 3 else arrived, event)
        for offset, event in enumerate(events)
    ]

    effects = handle(shop, judge, arrivals, names, book, NO_WATERMARK)

    counts = effects.counts
    told = counts["applied"] + counts["duplicate"] + counts["too_late"] + counts["invalid"]
    assert told == len(events)
    assert counts["invalid"] == len(effects.refused)
    assert all(0 < len(refusal.reason) <= 200 for refusal in effects.refused)
    for alert in effects.alerts:
        assert np.isfinite([alert.risk, *alert.vector.values()]).all()
        msgspec.json.encode(alert)
    for made in effects.examples:
        assert np.isfinite([made.risk, *made.vector]).all()
        msgspec.json.encode(made)
    for customer in effects.changed.values():
        decode_state(encode_state(customer.state), definition)
        Ledger.decode(customer.ledger.encode())
