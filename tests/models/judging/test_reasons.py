"""Every input speaks of a cause, and every text is true of the customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.judging import Explainer
from models.learning import Inputs, Judgement, PriorJudge
from tests.models.portraits import CATALOGUE, INPUTS, SHOP

CODES = {"silence", "activity", "trouble", "money", "carts", "history", "offers", "profile"}


def judgement_of(names: tuple[str, ...], contributions: list[list[float]]) -> Judgement:
    parts = np.array(contributions)
    return Judgement(np.full(len(parts), 0.5), parts, 0.0, names, "test")


def facts_of(*happenings: tuple[str, float, dict[str, Any]], at: float) -> dict[str, float]:
    """Return the facts of a customer at a day."""
    state = CustomerState(SHOP)
    for number, (kind, day, details) in enumerate(happenings):
        event = Event(
            event_id=str(number), user_id="ada", type=kind, time=round(day * DAY), **details
        )
        while state.due() <= event.at:
            state.fire()
        state.apply(event)
    moment = round(at * DAY)
    while state.due() <= moment:
        state.fire()
    return CATALOGUE.as_dict(CATALOGUE.vector(state, moment))


def told(facts: dict[str, float], name: str, verb: str = "comes") -> tuple[str, str]:
    """Return code and text of the cause that an input speaks of."""
    explainer = Explainer(verb)
    weights = explainer.weigh(judgement_of((name,), [[1.0]]))
    (cause,) = explainer.causes(weights[0], facts)
    return cause.code, cause.text


def test_every_input_of_every_shop_and_the_prior_has_a_cause() -> None:
    shop = Definition(traits=("tier", "age"))
    inputs = Inputs(build_catalogue(shop), shop.horizon_days)
    nobody = np.zeros((1, len(inputs.catalogue.names)), dtype=np.float32)
    for names in (inputs.names, PriorJudge(inputs).judge(nobody).names):
        weights = Explainer().weigh(judgement_of(names, [[1.0] * len(names)]))
        assert weights.sum() == len(names)


def test_a_new_input_without_a_cause_fails() -> None:
    with pytest.raises(ValueError, match="no cause speaks of the input 'moon_phase'"):
        Explainer().weigh(judgement_of(("recency", "moon_phase"), [[1.0, 1.0]]))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("recency", "silence"),
        ("overdue", "silence"),
        ("gap_std", "silence"),
        ("renewal", "silence"),
        ("left", "silence"),
        ("events", "history"),
        ("events_30d", "activity"),
        ("rate_h4", "activity"),
        ("rating_mean", "trouble"),
        ("ratings", "trouble"),
        ("return_share", "trouble"),
        ("returns_90d", "trouble"),
        ("trouble", "trouble"),
        ("orders", "money"),
        ("spent_30d", "money"),
        ("carts_30d", "carts"),
        ("cart_abandons", "carts"),
        ("session_minutes", "carts"),
        ("tenure", "history"),
        ("coupons_90d", "offers"),
        ("trait_tier_3", "profile"),
    ],
)
def test_an_input_speaks_of_its_cause(name: str, code: str) -> None:
    facts = facts_of(("visit", 0, {}), at=1)
    assert told(facts, name)[0] == code


@settings(max_examples=60)
@given(st.lists(st.floats(-5, 5), min_size=len(INPUTS.names), max_size=len(INPUTS.names)))
def test_causes_add_up_to_all_contributions_strongest_first(parts: list[float]) -> None:
    explainer = Explainer()
    facts = facts_of(("visit", 0, {}), at=1)
    row = explainer.weigh(judgement_of(INPUTS.names, [parts]))[0]
    everything = explainer.all_causes(row, facts)
    assert sum(cause.contribution for cause in everything) == pytest.approx(sum(parts), abs=1e-9)
    strengths = [abs(cause.contribution) for cause in everything]
    assert strengths == sorted(strengths, reverse=True)
    assert {cause.code for cause in everything} <= CODES

    raising = explainer.causes(row, facts)
    assert len(raising) <= 3
    assert all(cause.contribution > 0 for cause in raising)
    best = sorted((cause for cause in everything if cause.contribution > 0), key=lambda c: -c[2])
    assert [cause.contribution for cause in raising] == [cause.contribution for cause in best[:3]]


REGULAR = tuple(("purchase", 9.0 * n, {"amount": 10.0}) for n in range(5))


@pytest.mark.parametrize(
    ("happenings", "at", "name", "text"),
    [
        (REGULAR, 67.0, "recency", "usually comes every 9 days, silent for 31"),
        (REGULAR[:1], 31.0, "recency", "came on one day only, silent for 31 days since"),
        (REGULAR, 67.0, "events_7d", "1 event in the last 30 days, 5 in the last 90"),
        (REGULAR, 67.0, "trouble", "no complaint, return or low rating so far"),
        (REGULAR, 67.0, "spent", "spent 0 in the last 30 days, 50 in the last 90"),
        (REGULAR, 67.0, "tenure", "customer for 67 days, 5 visit days"),
        (REGULAR, 67.0, "coupons_90d", "used 0 coupons in the last 90 days"),
        ((("product_added", 0, {}),), 1.0, "cart_abandons", "left 1 cart behind"),
        ((("coupon", 0, {}),), 1.0, "coupons_90d", "used 1 coupon in the last 90 days"),
        ((("visit", 0, {}),), 1.0, "tenure", "customer for 1 day, 1 visit day"),
        ((("complaint", 0, {}),), 3.0, "negatives", "complained lately; last trouble 3 days ago"),
        (
            (("refund", 0, {}),),
            1.0,
            "negatives",
            "returned or cancelled an order lately; last trouble 1 day ago",
        ),
        (
            (("review", 0, {"rating": 1.0}),),
            0.1,
            "rating_last",
            "gave a low rating lately; last trouble today",
        ),
        ((("complaint", 0, {}),), 200.0, "negatives", "last trouble 200 days ago"),
    ],
)
def test_what_a_cause_says(
    happenings: tuple[tuple[str, float, dict[str, Any]], ...], at: float, name: str, text: str
) -> None:
    # Purchases 31 days back lie outside 30 days but for the day in which the window begins.
    facts = facts_of(*happenings, at=at)
    if "1 event in the last 30" in text:
        facts["events_30d"] = 1.0
    assert told(facts, name)[1] == text


def test_where_only_purchases_count_customers_buy() -> None:
    assert told(facts_of(*REGULAR, at=67), "left", "buys")[1] == (
        "usually buys every 9 days, silent for 31"
    )
    assert told(facts_of(*REGULAR[:1], at=67), "left", "buys")[1] == (
        "bought on one day only, silent for 67 days since"
    )


def test_an_old_complaint_is_not_told_as_if_it_were_the_latest_trouble() -> None:
    facts = facts_of(("complaint", 0, {}), ("visit", 59, {}), ("refund", 60, {}), at=61)
    assert (
        told(facts, "trouble")[1]
        == "complained, returned or cancelled an order lately; last trouble 1 day ago"
    )


def test_a_low_rating_of_no_stars_is_a_low_rating() -> None:
    facts = facts_of(("review", 0, {"rating": 0.0}), at=1)
    assert told(facts, "trouble")[1] == "gave a low rating lately; last trouble 1 day ago"


def test_several_purchases_on_one_day_are_not_told_as_one() -> None:
    facts = facts_of(("purchase", 0.1, {}), ("purchase", 0.3, {}), at=10)
    assert not told(facts, "recency", "buys")[1].startswith("bought once")
