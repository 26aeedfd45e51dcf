"""A state survives being stored, at any point and any number of times."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features.codec as codec
from features import (
    DAY,
    CustomerState,
    Definition,
    Event,
    Trail,
    UnknownVersion,
    build_catalogue,
    decode_state,
    encode_state,
)
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, arrive, fire_until

#: A state as it was stored by version 1.
STORED_BY_1 = (
    "dc002d01cf0000016f5e66e800cf0000016f8cc02400cf0000016f8cc02400cf0000016f8cc02400cf000001"
    "6f9c333800cf0000016dbd43cc00039601010601040101cf0000016f8cc0240001cb4000000000000000cb40"
    "000000000000000100cb4034000000000000cb40085b2e946faeb1cb4034000000000000cb3ff00000000000"
    "00cf0000016f8cc02400cf0000016f8cc0240001000202cb00000000000000000000cd4756cd475f0306092d"
    "cb3fff851eb851eb85cb4006dbfb8d0f5f8f94cb401338abbd6078fbcb4021d1eb851eb852cb403b4f4753df"
    "2aebcb406e46147ae147ae95cb400013b5fd0a35c2cb4003574515db0072cb4005766165ea8d18cb4006ac9c"
    "cdb943a0cb4007527d8207960d92ce00d61d0b0196ce0008eac1016601ccc40192cd4759cb40340000000000"
    "00c40ccc63dc77e002d2997632d5eec40c80be175e00e10b5e80d50f5e80"
)
#: The same one as version 2 stored it.
STORED_BY_2 = (
    "dc002b02cd475f000000ce0f7314000009000306002dc4508f5f0f8dfbdb0640fb7860bdab38134052b81e85"
    "ebd12140eb2adf53474f3b40ae47e17a14466e40c2350afdb51300407200db1545570340188dea6561760540"
    "a043b9cd9cac06400d9607827d520740cd41109301010101000102020100cd07d0cb40085b2e946faeb1cd07"
    "d00100000100020000000093cd0870c40101c401599351c4050103010601c40309395992cd4759cd07d000c4"
    "0ce002d2997632d5eecc63dc77c40680e90f80d21f80"
)
#: The same one as this version stores it.
STORED = (
    "dc001605cd0387cd475f0000cd01200009c4020306cd41109301010102009351c4050103010601c403093959c4"
    "0ce002d2997632d5eecc63dc77c40680e90f80d21f960100cd07d0cb40085b2e946faeb1cd07d0019300c40101"
    "019254c402d00f9201009301000093010202"
)
#: A customer of whom there is some of everything, as version 4 stored it, and as this one does.
MUCH_BY_4 = (
    "dc002e04cd4fcdce02716b1300ce73df1600ce9a7ec80000cc87ce029e9534070f00cd0d81c450d35968f86ff6"
    "30402cc2bac85bc14140b108c10beb605f40e171051899c492405831a9ddd23ff64080cfb6e4a932f43f29c3eb"
    "d73d96fa3f67dc8b800c9b0340fadbf316b13f0d4054ce7c2e34861340cd7bb19a070a02050504010101010200"
    "01040404ce3f3a2f33cd1ba8cb4026fe436b018f49cd0a380700cd8e8400000700cb40410d87080e3311010193"
    "cd087bc40103c4030941519301c409071105170222060f03c41709111921313959091121313909110912192131"
    "3909415196cd4f74cd04b011cd049239cd0a3800c460c53e0cf5530e0b82e95f021b7f6f056cee72bafc7842bd"
    "8b1fa94cd989994bae33c84237a5f84540066d21de905d26a92a0c2f30bc3c28472d2197d7bb1190a05e9857c0"
    "c8a850b772f9592ee4c95e59475c3ac7d16c3db06b3d3429fd0d335ec4240c05511ccc010fdfc8590537248401"
    "c79c79529e9ab201133d21b8015ad901baa850052083a86167655f62616e64a336352ba667656e646572a46d61"
    "6c65a474696572a673696c766572c09092cf00000002b70d59df90"
)
MUCH = (
    "dc001905cd02ffcd4fcdce02716b13cd0870cd0b40ce029e9534cc87c4060d211117220fcd7bb19a070a020505"
    "040101010107ce001f39859301c409071105170222060f03c41709111921313959091121313909110912192131"
    "39094151c460c53e0cf5530e0b82e95f021b7f6f056cee72bafc7842bd8b1fa94cd989994bae33c84237a5f845"
    "40066d21de905d26a92a0c2f30bc3c28472d2197d7bb1190a05e9857c0c8a850b772f9592ee4c95e59475c3ac7"
    "d16c3db06b3d3429fd0d335ec4240c05511ccc010fdfc8590537248401c79c79529e9ab201133d21b8015ad901"
    "baa85005209604ce3f3a2f33cd1ba8cb4026fe436b018f49cd0a38079300c40103039201c408b00911920939b8"
    "14960254013a004201010192020093010404"
)
EVENTS = [
    happened(0, "visit", START),
    happened(1, "purchase", START + 3 * DAY, amount=20.0),
    happened(2, "review", START + 9 * DAY, rating=2.0),
]


def told(state: CustomerState) -> dict[str, Any]:
    """Return all that a state knows, and nothing of how it is stored."""
    parts = {"": state, "session.": state.session, "money.": state.money, "rhythm.": state.rhythm}
    derived = ("definition", "ids", "tiles", "trail", *parts, "session", "money", "rhythm")
    found = {
        f"{prefix}{name}": getattr(part, name)
        for prefix, part in parts.items()
        for name in type(part).__slots__
        if name not in derived and not name.startswith("_")
    }
    tiles = state.tiles
    return found | {
        "told": (dict(state.traits), state.traits.times, state.traits.words),
        "ids": dict(state.ids.items()),
        "hours": tiles.hours,
        "days": tiles.days,
        "spend": tiles.spend,
    }


@settings(max_examples=100)
@given(histories(), DEFINITIONS)
def test_what_was_stored_is_known_again_to_the_last_digit(
    events: list[Event], definition: Definition
) -> None:
    state = CustomerState(definition)
    for event in events:
        arrive(state, event)
    assert told(decode_state(encode_state(state), definition)) == told(state)


@pytest.mark.parametrize("count", [6, 7, 8, 127, 134, 135, 300])
def test_however_much_happens_in_an_hour_all_of_it_is_stored(count: int) -> None:
    # A second apart, so that no id has to be forgotten: then all of them can be told.
    state = after([happened(n, "visit", START + n * 1_000) for n in range(count)], Definition())
    again = decode_state(encode_state(state), Definition())
    assert told(again) == told(state)
    assert list(again.tiles.days.values()) == [count]


@settings(max_examples=100)
@given(histories(), DEFINITIONS, st.sets(st.integers(0, 40)))
def test_storing_a_state_at_any_point_changes_nothing_of_what_follows(
    events: list[Event], definition: Definition, points: set[int]
) -> None:
    never = CustomerState(definition)
    stored = CustomerState(definition)
    for place, event in enumerate(events):
        said = arrive(never, event)
        assert arrive(stored, event) == said
        if place in points:
            stored = decode_state(encode_state(stored), definition)
            assert encode_state(stored) == encode_state(never)
    assert encode_state(stored) == encode_state(never)

    later = never.now + 50 * DAY
    stored = decode_state(encode_state(stored), definition)
    assert fire_until(stored, later) == fire_until(never, later)
    assert encode_state(stored) == encode_state(never)
    catalogue = build_catalogue(definition)
    assert catalogue.vector(stored, later) == catalogue.vector(never, later)


def test_a_customer_of_one_visit_is_stored_in_few_bytes() -> None:
    state = after([happened(0, "visit", START)], Definition())
    assert len(encode_state(state)) < 60


def test_what_a_newer_ebbtide_wrote_is_not_guessed_at() -> None:
    newer = msgspec.msgpack.encode([6, "who knows"])
    with pytest.raises(UnknownVersion, match=r"version 6 .* rebuild the state"):
        decode_state(newer, Definition())


def test_what_was_kept_of_a_visitor_and_of_a_customers_visitors_is_known_again() -> None:
    visitor = after(EVENTS, Definition())
    visitor.trail = Trail()
    for event in EVENTS:
        visitor.trail.add(event)
    again = decode_state(encode_state(visitor), Definition())
    assert told(again) == told(visitor)
    assert again.trail is not None
    assert again.trail.stored() == visitor.trail.stored()
    assert again.trail.size == visitor.trail.size
    assert again.trail.link("ada", START)
    handed = again.hand_over()
    known = decode_state(encode_state(again), Definition())
    assert told(known) == told(again)
    assert known.trail is not None
    assert known.trail.stored() == [0, "ada", START, 3, []]

    customer = CustomerState(Definition())
    for moved, history in handed:
        fire_until(customer, moved.at)
        customer.recall(moved, moved.at, history)
    stored = encode_state(customer)
    assert len(stored) < len(encode_state(after(EVENTS, Definition()))) + 20
    assert decode_state(stored, Definition()).visitors == customer.visitors != {}
    assert told(decode_state(stored, Definition())) == told(customer)


def test_what_versions_3_and_4_kept_of_visitors_and_words_is_read_still() -> None:
    trail = Trail()
    for event in EVENTS:
        trail.add(event)
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED_BY_2))
    more = [trail.stored(), [[7, 3]]]
    third = decode_state(msgspec.msgpack.encode([3, *fields[1:], *more]), Definition())
    fourth = decode_state(
        msgspec.msgpack.encode([4, *fields[1:], *more, [None, [["email", 5, False]]]]), Definition()
    )
    assert fourth.traits.last_word("email") == (fourth.last_seen - 5, False)
    assert third.traits.last_word("email") is None
    for state in (third, fourth):
        words = told(state)["told"]
        plain = told(after(EVENTS, Definition()))
        assert told(state) == plain | {"visitors": {7: 3}, "told": words}
        assert state.trail is not None
        assert state.trail.stored() == trail.stored()
        assert told(decode_state(encode_state(state), Definition())) == told(state)


@pytest.mark.parametrize(
    "trail", [7, [], [0, 7, 0, 0, []], [0, None, 0, "x", []], [0, None, 0, 0, [7]]]
)
def test_a_trail_that_is_none_is_refused(trail: object) -> None:
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED))
    fields = [fields[0], fields[1] | 1 << 15, *fields[2:], [trail, []]]
    with pytest.raises((ValueError, TypeError)):
        decode_state(msgspec.msgpack.encode(fields), Definition())


@pytest.mark.parametrize(
    ("place", "instead"),
    [
        (1, 0),
        (1, 1 << 20 | 0x387),
        (8, b"\x03\x05"),
        (8, b"\x00\x09"),
        (8, b"\x01" * 90),
        (8, b"\x83"),
        (19, [7, -1]),
        (19, ["tier"]),
        (19, [0, 999]),
    ],
)
def test_what_is_no_state_is_refused(place: int, instead: object) -> None:
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED))
    if place == 19:
        fields[1] |= 1 << 3
        fields.insert(19, instead)
    else:
        fields[place] = instead
    with pytest.raises((ValueError, TypeError)):
        decode_state(msgspec.msgpack.encode(fields), Definition())


@pytest.mark.parametrize("time", [0, 1, 4_102_444_800_000])
def test_the_first_and_last_times_that_an_event_may_have_can_be_stored(time: int) -> None:
    state = after([happened(0, "purchase", time, amount=1.0)], Definition())
    assert encode_state(decode_state(encode_state(state), Definition())) == encode_state(state)


def test_what_this_version_wrote_once_is_read_for_ever() -> None:
    """Change the form, and raise the version with a step in ``STEPS``; not these bytes."""
    state = after(EVENTS, Definition())
    assert encode_state(state).hex() == STORED
    assert encode_state(decode_state(bytes.fromhex(STORED), Definition())).hex() == STORED


@pytest.mark.parametrize("stored", [STORED_BY_1, STORED_BY_2])
def test_what_an_older_version_wrote_is_read_still(stored: str) -> None:
    state, later = decode_state(bytes.fromhex(stored), Definition()), after(EVENTS, Definition())
    assert told(state) == told(later)
    again = decode_state(encode_state(state), Definition())
    assert told(again) == told(state)
    assert encode_state(again) == encode_state(state)
    assert fire_until(again, later.now + 90 * DAY) == fire_until(later, later.now + 90 * DAY)
    assert told(again) == told(later)


def test_a_customer_with_some_of_everything_is_read_still() -> None:
    state = decode_state(bytes.fromhex(MUCH), Definition())
    assert told(state) == told(decode_state(bytes.fromhex(MUCH_BY_4), Definition()))
    assert encode_state(state).hex() == MUCH
    assert state.traits == {"age_band": "65+", "gender": "male", "tier": "silver"}
    assert (state.session.cart_abandons, state.session.checkout_abandons) == (1, 1)
    assert len(MUCH) < 0.7 * len(MUCH_BY_4)


def test_what_an_older_version_wrote_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED_BY_1))
    # As if once there had been no traits, and before that no events counted.
    two_back = [-1, *fields[1:7], *fields[8:-1]]

    def count(old: list[Any]) -> list[Any]:
        return [0, *old[1:7], 3, *old[7:]]

    monkeypatch.setitem(codec.STEPS, -1, count)
    monkeypatch.setitem(codec.STEPS, 0, lambda old: [1, *old[1:], {}])
    decoded = decode_state(msgspec.msgpack.encode(two_back), Definition())
    assert told(decoded) == told(after(EVENTS, Definition()))
