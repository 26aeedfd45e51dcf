"""Every feature, against the oracle that recomputes it from the raw list of events."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, Catalogue, CustomerState, Definition, Event, build_catalogue
from tests import oracle
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.watching import after, fire_until

SILENCES = st.lists(
    st.one_of(st.integers(0, 3 * DAY), st.integers(0, 120 * DAY), st.just(800 * DAY)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=250)
@given(histories(), DEFINITIONS, SILENCES)
def test_every_feature_is_what_the_oracle_says_at_the_last_event_and_in_silence(
    events: list[Event], definition: Definition, silences: list[int]
) -> None:
    catalogue = build_catalogue(definition)
    state = after(events, definition)
    last = max(event.at for event in oracle.counted(events))

    for at in sorted({last, *(last + silence for silence in silences)}):
        fire_until(state, at)
        found = catalogue.as_dict(catalogue.vector(state, at))
        assert oracle.differences(found, oracle.features(events, definition, at)) == []


@settings(max_examples=40)
@given(histories(most=15), DEFINITIONS)
def test_every_feature_is_what_the_oracle_says_after_every_event(
    events: list[Event], definition: Definition
) -> None:
    catalogue = build_catalogue(definition)
    for count in range(1, len(events) + 1):
        some = events[:count]
        at = max(event.at for event in oracle.counted(some))
        state = after(some, definition)
        fire_until(state, at)
        found = catalogue.as_dict(catalogue.vector(state, at))
        assert oracle.differences(found, oracle.features(some, definition, at)) == []


def test_the_oracle_itself_is_right_about_a_customer_counted_by_hand() -> None:
    shop = Definition(activity=frozenset({"purchase"}))
    events = [
        happened(0, "product_added", START),
        happened(1, "purchase", START + HOUR, amount=10.0),
        happened(2, "purchase", START + 4 * DAY, amount=30.0, order_id="o"),
        happened(3, "purchase", START + 4 * DAY, amount=2.0, order_id="o"),
        happened(4, "complaint", START + 39 * DAY, rating=1.0),
        happened(1, "purchase", START + HOUR, amount=10.0),
    ]
    said = oracle.features(events, shop, START + 40 * DAY)
    expected = {
        "recency": 36.0,
        "tenure": 40.0,
        "overdue": 35.5 / 4,
        "visit_days": 2,
        "gap_last": 4,
        "events": 5,
        "events_30d": 1,
        "events_7d": 1,
        "events_90d": 5,
        "sessions": 4,
        "cart_abandons": 1,
        "orders": 2,
        "spent": 42.0,
        "order_last": 32.0,
        "spent_30d": 0.0,
        "spent_90d": 42.0,
        "negatives": 1,
        "since_negative": 1.0,
        "rating_last": 1.0,
    }
    assert {name: said[name] for name in expected} == pytest.approx(expected)


@settings(max_examples=60)
@given(histories(most=12), DEFINITIONS, st.integers(0, 4_000 * DAY))
def test_every_value_is_finite_within_its_limit_and_single_precision(
    events: list[Event], definition: Definition, silence: int
) -> None:
    catalogue = build_catalogue(definition)
    state = after(events, definition)
    at = state.now + silence
    fire_until(state, at)
    vector = catalogue.vector(state, at)
    assert vector.typecode == "f"
    assert len(vector) == len(catalogue.names)
    assert all(math.isfinite(value) and abs(value) <= 1e9 for value in vector)


def test_a_customer_of_whom_nothing_is_known_has_the_defaults() -> None:
    catalogue = build_catalogue(Definition(traits=("tier",)))
    vector = catalogue.vector(CustomerState(Definition(traits=("tier",))), START)
    unknown = {"recency"}  # silent since ever: whoever scores needs an event first
    found = catalogue.as_dict(vector)
    assert {
        feature.name: found[feature.name]
        for feature in catalogue.features
        if feature.name not in unknown and found[feature.name] != feature.default
    } == {}


def test_a_window_begins_with_the_day_or_hour_in_which_it_would_begin() -> None:
    # The window of 7 days that ends at noon reaches back to midnight, and not one moment more.
    noon = START + 7 * DAY + 12 * HOUR
    shop = Definition()
    catalogue = build_catalogue(shop)
    for moment, inside in ((START, 1), (START - 1, 0)):
        state = after([happened(0, "visit", moment)], shop)
        fire_until(state, noon)
        seen = catalogue.as_dict(catalogue.vector(state, noon))
        assert seen["events_7d"] == inside
    half_past = START + 2 * DAY + HOUR // 2
    for moment, inside in ((START + DAY, 1), (START + DAY - 1, 0)):
        state = after([happened(0, "visit", moment)], shop)
        fire_until(state, half_past)
        seen = catalogue.as_dict(catalogue.vector(state, half_past))
        assert seen["events_1d"] == inside


@example([1.0, 1e9, -1e9])
@settings(max_examples=100)
@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=4))
def test_absurd_prices_change_what_was_spent_by_no_more_than_the_caps_say(
    absurd: list[float],
) -> None:
    shop = Definition(amount_cap=5_000.0)
    habit = [happened(number, "purchase", START + number * DAY, amount=20.0) for number in range(5)]
    shocks = [
        happened(10 + number, "purchase", START + (10 + number) * DAY, amount=amount)
        for number, amount in enumerate(absurd)
    ]
    state = after(habit, shop)
    for shock in shocks:
        before = state.money.spent
        typical = math.expm1(state.money.log_amount / state.money.orders)
        state = after([*habit, *shocks[: shocks.index(shock) + 1]], shop)
        cap = min(shop.amount_cap, 50 * max(typical, 1.0))
        assert abs(state.money.spent - before) <= cap * (1 + 1e-9)
    first = after([*habit, shocks[0]], shop)
    assert abs(first.money.spent - 100.0) <= 50 * 20.0 + 1e-6
    assert abs(after(shocks[:1], shop).money.spent) <= shop.amount_cap


def test_one_absurd_quantity_counts_as_the_cap() -> None:
    shop = Definition(quantity_cap=12.0)
    state = after([happened(0, "purchase", START, amount=1.0, quantity=1e9)], shop)
    assert state.money.quantity == 12.0


def test_a_new_feature_changes_the_fingerprint_and_a_name_can_be_given_once() -> None:
    plain, with_trait = build_catalogue(Definition()), build_catalogue(Definition(traits=("t",)))
    assert plain.fingerprint != with_trait.fingerprint
    assert plain.fingerprint == build_catalogue(Definition(horizon=7 * DAY)).fingerprint
    reordered = Catalogue(plain.features[::-1])
    assert reordered.fingerprint != plain.fingerprint
    with pytest.raises(ValueError, match="same name"):
        Catalogue((*plain.features, plain.features[0]))


def test_every_feature_says_what_it_is() -> None:
    for feature in build_catalogue(Definition(traits=("tier",))).features:
        assert feature.name.isidentifier() and feature.unit and feature.meaning
        assert "\n" not in feature.meaning
        assert math.isfinite(feature.default)
