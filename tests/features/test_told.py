"""What was told of a customer: the last word holds, in any order and however often it comes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    CATEGORY,
    DAY,
    DEVICE_ZONE,
    HOUR,
    Applied,
    CustomerState,
    Definition,
    Event,
    Millis,
    Told,
    Trail,
    Word,
    decode_state,
    encode_state,
)
from features.told import CHANNELS_KEPT
from tests.features.histories import START, happened, histories

CHANNELS = ("", "email", "phone")
#: Close to each other, so that some are of one moment.
TIMES = st.integers(0, 6).map(lambda hours: START + hours * HOUR)


def said(number: int, kind: str, at: Millis, channel: str = "") -> Event:
    return happened(number, kind, at, properties={"channel": channel} if channel else {})


def last_no(events: Sequence[Event], channel: str) -> Millis | None:
    """Return since when a channel is refused, the slow way: look at all that was ever said."""
    words = [each for each in events if each.properties.get("channel", "") in ("", channel)]
    if not words:
        return None
    newest = max(each.at for each in words)
    kinds = {each.type for each in words if each.at == newest}
    return newest if "unsubscribed" in kinds else None


@st.composite
def sayings(draw: st.DrawFn) -> list[Event]:
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["subscribed", "unsubscribed"]), TIMES, st.sampled_from(CHANNELS)
            ),
            min_size=1,
            max_size=6,
        )
    )
    return [said(number, *step) for number, step in enumerate(steps)]


@settings(max_examples=60)
@given(sayings(), st.randoms(use_true_random=False), st.booleans())
def test_of_what_was_said_the_last_word_holds_in_any_order_and_repeated(
    events: list[Event], chance: object, stored: bool
) -> None:
    arrived = [*events, *events[::2]]
    chance.shuffle(arrived)  # type: ignore[attr-defined]
    state = CustomerState(Definition())
    for event in arrived:
        state.apply(event, event.at)
        if stored:
            state = decode_state(encode_state(state), Definition())
    for channel in ("email", "phone"):
        word = state.traits.last_word(channel)
        refused = word.at if word is not None and not word.granted else None
        assert refused == last_no(events, channel)


@settings(max_examples=40)
@given(histories(most=12), sayings(), st.integers(0, 12))
def test_a_no_changes_nothing_else_that_is_known(
    events: list[Event], sayings: list[Event], place: int
) -> None:
    noes = [each for each in sayings if each.type == "unsubscribed"]

    def through(arrived: Sequence[Event]) -> CustomerState:
        state = CustomerState(Definition())
        for event in arrived:
            while state.due() <= event.at and event.type != "unsubscribed":
                state.fire()
            state.apply(event, event.at)
        return decode_state(encode_state(state), Definition())

    without, state = through(events), through([*events[:place], *noes, *events[place:]])
    assert bool(state.traits.words) == bool(noes)
    state.traits.words = {}
    assert encode_state(state) == encode_state(without)


@given(st.lists(st.tuples(TIMES, st.sampled_from("ab")), min_size=1, max_size=4))
def test_of_a_trait_what_was_told_last_holds_in_any_order(told: list[tuple[Millis, str]]) -> None:
    # Of one moment, what arrives last; so each is of its own.
    by_time = dict(told)
    newest = max(by_time)
    for order in permutations(by_time.items()):
        state = CustomerState(Definition())
        for number, (at, value) in enumerate(order):
            state.apply(happened(number, "identified", at, traits={"tier": value}))
        assert state.traits == {"tier": by_time[newest]}
        assert state.traits.told_at("tier") == newest


def test_what_comes_too_late_to_be_counted_still_tells_something() -> None:
    state = CustomerState(Definition())
    state.apply(happened(1, "visit", START + 200 * DAY))
    late = happened(2, "identified", START, traits={"news": "no"})
    assert state.apply(late) is Applied.TOO_LATE
    assert state.traits == {"news": "no"}
    assert state.apply(said(3, "unsubscribed", START, "email")) is Applied.NEW
    assert state.traits.last_word("email") == Word(START, granted=False)
    assert state.apply(said(3, "unsubscribed", START, "email")) is Applied.DUPLICATE
    assert state.events == 1


def test_what_an_older_version_stored_was_told_nobody_knows_when() -> None:
    state = CustomerState(Definition())
    state.traits = Told({"news": "yes"})
    again = decode_state(encode_state(state), Definition())
    assert again.traits == {"news": "yes"}
    assert again.traits.told_at("news") == -1
    again.apply(happened(1, "identified", START, traits={"tier": "gold"}))
    more = decode_state(encode_state(again), Definition())
    assert (more.traits.told_at("news"), more.traits.told_at("tier")) == (-1, START)


def test_traits_that_are_told_together_take_one_number() -> None:
    def size(*events: Event) -> int:
        state = CustomerState(Definition())
        for event in events:
            state.apply(event)
        return len(encode_state(state))

    together = happened(0, "identified", START, traits={name: "x" for name in "abcdefgh"})
    bare = CustomerState(Definition())
    bare.apply(together)
    bare.traits.times = {}
    assert size(together) <= len(encode_state(bare)) + 6


def test_the_words_of_more_channels_than_are_kept_end_in_a_no_to_all() -> None:
    told = Told()
    for number in range(CHANNELS_KEPT):
        assert told.word(f"c{number}", granted=True, at=5)
    assert not told.word("one-more", granted=True, at=6)
    assert told.last_word("one-more") is None
    assert told.word("one-more", granted=False, at=7)
    assert told.last_word("one-more") == told.last_word("c3") == Word(7, granted=False)


def test_the_zone_of_a_device_has_room_beside_the_shops_own_traits() -> None:
    told = Told()
    for number in range(20):
        told.trait(f"t{number}", "x", 5)
    assert not told.trait(CATEGORY + "marketing", True, 5)
    assert told.trait(DEVICE_ZONE, "Asia/Tokyo", 5)
    assert len(told) == 17


def test_a_no_of_a_visitor_is_kept_when_other_events_must_go() -> None:
    trail = Trail()
    no = said(0, "unsubscribed", START, "email")
    trail.add(no)
    for number in range(1, 400):
        trail.add(happened(number, "visit", START + number))
    trail.link("ada", START + 400)
    handed = trail.hand_over(session_gap=DAY)
    assert handed[0].event.type == "unsubscribed"
    assert len(handed) == 128
    customer = CustomerState(Definition())
    customer.apply(happened(1, "visit", START + 300 * DAY))
    for event, history in handed:
        customer.recall(event, event.at, history)
    assert customer.traits.last_word("email") == Word(START, granted=False)


@pytest.mark.parametrize("told", [7, [], [0, 7], [0, [["a", "b", True]]], ["x", []], [[0], []]])
def test_what_no_version_wrote_is_refused(told: object) -> None:
    state = CustomerState(Definition())
    state.apply(happened(0, "identified", START, traits={"a": 1, "b": 2}))
    fields = msgspec.msgpack.decode(encode_state(state))
    # Flags say what follows the sixteen fields that everybody has; the fifth is this one.
    place = 16 + (fields[1] & 0b1111).bit_count()
    assert (fields[0], fields[1] & 0b10000, fields[place]) == (5, 0b10000, 1)
    fields[place] = told
    with pytest.raises((ValueError, TypeError)):
        decode_state(msgspec.msgpack.encode(fields), Definition())
