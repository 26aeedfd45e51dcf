"""Every input speaks of a cause, and every text is true of the customer, in every language."""

# Chinese commas are no mistaken ASCII ones:
# ruff: noqa: RUF001

from __future__ import annotations

import json
import re
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.bayes import OFFSETS, SIGNS
from models.judging import CODES, LANGUAGES, Explainer
from models.judging.causes import TOPICS, code_of
from models.judging.phrases import read_phrases
from tests.models.portraits import CATALOGUE, INPUTS, SHOP, vectors_within

Happening = tuple[str, float, dict[str, Any]]
EVERY_TELLER = [Explainer(verb, language) for verb in ("comes", "buys") for language in LANGUAGES]


def facts_of(*happenings: Happening, at: float) -> dict[str, float]:
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


def numbers_of(code: str, facts: dict[str, float], silent: float | None = None) -> dict[str, float]:
    """Return the numbers that tell a cause."""
    return TOPICS[CODES.index(code)].numbers(facts, silent)


def told(
    facts: dict[str, float], code: str, verb: str, language: str, silent: float | None = None
) -> str:
    """Return what is said of a cause."""
    return Explainer(verb, language).tell(code, numbers_of(code, facts, silent))


# -- which input speaks of what -----------------------------------------------------------------

SPEAKS_OF = {
    "silence": (
        *("recency", "overdue", "gap_last", "gap_mean", "gap_std", "gap_usual"),
        *("renewal", "left", "renewal_gap", "renewal_shape", "renewal_leaving"),
        *("renewal_quarter", "renewal_half", "renewal_whole"),
    ),
    "activity": (
        *("rate_h4", "rate_h2", "rate_h"),
        *("rate_h4_h2", "rate_h2_h", "rate_h_2h", "rate_2h_4h"),
        *("events_1d", "events_7d", "events_30d", "events_90d", "trend"),
        *("views_7d", "searches_30d", "messages_30d", "purchases_30d", "purchases_90d"),
        *("session_events", "session_minutes"),
    ),
    "trouble": (
        *("trouble", "negatives", "complaints_90d", "returns_90d", "return_share"),
        *("ratings", "rating_mean", "rating_last"),
    ),
    "money": (*("spent", "spent_30d", "spent_90d", "order_mean", "order_last", "items_mean"),),
    "carts": ("cart_abandons", "checkout_abandons", "carts_30d"),
    "history": (
        *("tenure", "visit_days", "events", "orders", "sessions"),
        *("rate_own", "rate_2h", "rate_4h", "rate_none"),
    ),
    "offers": ("coupons_90d",),
    "profile": tuple(f"trait_tier_{number}" for number in range(8)),
}


def test_every_input_of_the_default_model_and_of_the_linear_ones_speaks_of_its_cause() -> None:
    expected = {name: code for code, names in SPEAKS_OF.items() for name in names}
    names = {*SIGNS, *OFFSETS, *INPUTS.names}
    assert {name: code_of(name) for name in names} == expected


def test_an_input_that_nobody_has_thought_of_has_no_cause() -> None:
    with pytest.raises(ValueError, match="no cause speaks of the input 'moon_phase'"):
        code_of("moon_phase")


# -- what is said -------------------------------------------------------------------------------

REGULAR: tuple[Happening, ...] = tuple(("purchase", 9.0 * n, {"amount": 10.0}) for n in range(12))
DAILY: tuple[Happening, ...] = tuple(("visit", 0.5 + n, {}) for n in range(40))
SHRINKING: tuple[Happening, ...] = tuple(
    ("purchase", 9.0 * n, {"amount": amount}) for n, amount in enumerate((80, 80, 80, 20))
)
CART: Happening = ("product_added", 0.0, {})
CHECKOUT: Happening = ("checkout_started", 0.0, {})

SAID: list[tuple[str, tuple[Happening, ...], float, str, str]] = [
    # -- silence
    (
        "silence",
        REGULAR,
        130.0,
        "usually comes every 9 days, silent for 31",
        "通常每9天到访一次，已沉默31天",
    ),
    (
        "silence",
        REGULAR,
        99.5,
        "usually comes every 9 days, silent for less than a day",
        "通常每9天到访一次，沉默不到1天",
    ),
    (
        "silence",
        REGULAR[:1],
        31.0,
        "came on one day only, silent for 31 days since",
        "仅有1天的到访记录，此后已沉默31天",
    ),
    (
        "silence",
        DAILY,
        44.5,
        "usually comes every day, silent for 5 days",
        "通常每天都到访，已沉默5天",
    ),
    # -- activity; a window begins with the day in which it begins
    (
        "activity",
        REGULAR,
        131.0,
        "no interaction in the last 30 days, 7 in the 60 before",
        "近30天没有互动，此前60天7次",
    ),
    (
        "activity",
        REGULAR,
        110.0,
        "3 interactions in the last 30 days, 6 in the 60 before",
        "近30天互动3次，此前60天6次",
    ),
    (
        "activity",
        REGULAR[:2],
        12.0,
        "2 interactions since first seen 12 days ago",
        "12天前首次出现，至今互动2次",
    ),
    (
        "activity",
        (("visit", 0, {}), ("visit", 100, {})),
        110.0,
        "1 interaction in the last 30 days, none in the 60 before",
        "近30天互动1次，此前60天0次",
    ),
    (
        "activity",
        REGULAR[:1],
        95.0,
        "no interaction in the last 90 days",
        "近90天没有任何互动",
    ),
    # -- trouble
    (
        "trouble",
        REGULAR,
        67.0,
        "no complaint, return or low rating so far",
        "至今没有投诉、退单或差评",
    ),
    ("trouble", (("complaint", 0, {}),), 4.0, "complained 4 days ago", "4天前投诉过"),
    (
        "trouble",
        (("complaint", 0, {}),),
        0.5,
        "complained less than a day ago",
        "24小时内投诉过",
    ),
    (
        "trouble",
        (("refund", 0, {}),),
        1.0,
        "returned or cancelled an order 1 day ago",
        "1天前退货或取消过订单",
    ),
    (
        "trouble",
        (("review", 0, {"rating": 0.0}),),
        2.0,
        "gave a low rating 2 days ago",
        "2天前给过差评",
    ),
    (
        "trouble",
        (("complaint", 0, {}), ("complaint", 5, {})),
        9.0,
        "2 complaints in the last 90 days, last trouble 4 days ago",
        "近90天投诉2次，最近一次负面事件在4天前",
    ),
    (
        "trouble",
        (("refund", 0, {}), ("order_cancelled", 5, {})),
        9.0,
        "2 returns or cancellations in the last 90 days, last trouble 4 days ago",
        "近90天退货或取消订单2次，最近一次负面事件在4天前",
    ),
    (
        "trouble",
        (("complaint", 0, {}), ("refund", 60, {})),
        61.0,
        "1 complaint and 1 return or cancellation in the last 90 days, last trouble 1 day ago",
        "近90天投诉1次、退货或取消订单1次，最近一次负面事件在1天前",
    ),
    (
        "trouble",
        # It may have been the complaint or the rating that came last.
        (("complaint", 0, {}), ("review", 20, {"rating": 1.0}), ("review", 21, {"rating": 5.0})),
        30.0,
        "1 complaint in the last 90 days, last trouble 10 days ago",
        "近90天投诉1次，最近一次负面事件在10天前",
    ),
    (
        "trouble",
        (("complaint", 0, {}),),
        200.0,
        "last trouble 200 days ago",
        "最近一次负面事件在200天前",
    ),
    # -- money
    (
        "money",
        REGULAR,
        110.0,
        "spent 30 in the last 30 days, 60 in the 60 before",
        "近30天消费30，此前60天消费60",
    ),
    (
        "money",
        REGULAR,
        131.0,
        "spent nothing in the last 30 days, 70 in the 60 before",
        "近30天没有消费，此前60天消费70",
    ),
    (
        "money",
        REGULAR[:2],
        12.0,
        "spent 20 since first seen 12 days ago",
        "12天前首次出现，至今消费20",
    ),
    (
        "money",
        (("visit", 0, {}),),
        1.0,
        "spent nothing in the last 90 days",
        "近90天没有消费",
    ),
    (
        "money",
        SHRINKING,
        40.0,
        "last order 20, 65 on average",
        "最近一单20，平均每单65",
    ),
    # -- carts
    ("carts", (CART,), 1.0, "left 1 cart behind", "有1次加购后未下单"),
    ("carts", (CHECKOUT,), 1.0, "left 1 checkout behind", "有1次进入结算后未付款"),
    (
        "carts",
        (CART, CHECKOUT, ("product_added", 2, {})),
        3.0,
        "left 2 carts and 1 checkout behind",
        "有2次加购后未下单、1次进入结算后未付款",
    ),
    ("carts", REGULAR, 67.0, "left no cart behind", "没有加购后未下单的情况"),
    # -- history
    (
        "history",
        REGULAR,
        120.0,
        "customer for 120 days, came on 12 days",
        "成为顾客120天，其间有12天到访",
    ),
    (
        "history",
        (("visit", 0, {}),),
        1.0,
        "new: first seen 1 day ago, came on 1 day",
        "新顾客，1天前首次出现，至今有1天到访",
    ),
    # -- the rest
    (
        "offers",
        REGULAR,
        67.0,
        "used no coupon in the last 90 days",
        "近90天没有使用优惠券",
    ),
    (
        "offers",
        (("coupon", 0, {}), ("coupon", 1, {})),
        2.0,
        "used 2 coupons in the last 90 days",
        "近90天使用优惠券2张",
    ),
    ("profile", REGULAR, 67.0, "the customer's profile", "顾客画像特征"),
]


@pytest.mark.parametrize(
    ("code", "happenings", "at", "english", "chinese"), SAID, ids=[each[3] for each in SAID]
)
def test_what_a_cause_says(
    code: str, happenings: tuple[Happening, ...], at: float, english: str, chinese: str
) -> None:
    facts = facts_of(*happenings, at=at)
    assert told(facts, code, "comes", "en") == english
    assert told(facts, code, "comes", "zh") == chinese


BOUGHT = [
    (
        "silence",
        REGULAR,
        130.0,
        "usually buys every 9 days, silent for 31",
        "通常每9天下单一次，已沉默31天",
    ),
    (
        "silence",
        REGULAR[:1],
        67.0,
        "bought on one day only, silent for 67 days since",
        "仅有1天的下单记录，此后已沉默67天",
    ),
    (
        "silence",
        DAILY,
        41.5,
        "usually buys every day, silent for 2 days",
        "通常每天都下单，已沉默2天",
    ),
    (
        "history",
        REGULAR,
        120.0,
        "customer for 120 days, bought on 12 days",
        "成为顾客120天，其间有12天下单",
    ),
    (
        "history",
        REGULAR[:2],
        20.0,
        "new: first seen 20 days ago, bought on 2 days",
        "新顾客，20天前首次出现，至今有2天下单",
    ),
]


@pytest.mark.parametrize(
    ("code", "happenings", "at", "english", "chinese"), BOUGHT, ids=[each[3] for each in BOUGHT]
)
def test_where_only_purchases_count_customers_buy(
    code: str, happenings: tuple[Happening, ...], at: float, english: str, chinese: str
) -> None:
    facts = facts_of(*happenings, at=at)
    assert told(facts, code, "buys", "en") == english
    assert told(facts, code, "buys", "zh") == chinese


@pytest.mark.parametrize(
    ("silent", "english", "chinese"),
    [
        (None, "", ""),
        (0.2, "", ""),
        (0.73, "; three of four such customers do not come back", "；这类顾客约四分之三不再回来"),
        (0.91, "; nine of ten such customers do not come back", "；这类顾客约九成不再回来"),
    ],
)
def test_what_becomes_of_such_customers_is_told_where_it_is_known_and_speaks_for_the_risk(
    silent: float | None, english: str, chinese: str
) -> None:
    facts = facts_of(*REGULAR, at=130.0)
    assert told(facts, "silence", "buys", "en", silent) == (
        f"usually buys every 9 days, silent for 31{english}"
    )
    assert told(facts, "silence", "buys", "zh", silent) == (
        f"通常每9天下单一次，已沉默31天{chinese}"
    )


def test_who_never_came_is_not_told_as_one_who_did() -> None:
    only_purchases = Definition(activity=frozenset({"purchase"}), traits=("tier",))
    state = CustomerState(only_purchases)
    state.apply(Event(event_id="1", user_id="ada", type="visit", time=0))
    catalogue = build_catalogue(only_purchases)
    facts = catalogue.as_dict(catalogue.vector(state, 10 * DAY))
    assert told(facts, "silence", "buys", "en", 0.9) == "has not bought so far"
    assert told(facts, "silence", "comes", "zh") == "至今尚未到访"


def test_every_sentence_of_the_catalogue_is_told_by_some_numbers() -> None:
    found = {"silence.never.comes", "silence.never.buys"}
    for verb, examples in (("comes", SAID), ("buys", BOUGHT)):
        for code, happenings, at, *_ in examples:
            numbers = numbers_of(code, facts_of(*happenings, at=at), 0.9)
            found.update(TOPICS[CODES.index(code)].say(numbers, verb))
    assert found == set(read_phrases()["say"])


@settings(max_examples=80)
@given(vectors_within(-1e9), st.floats(0.0, 1.0) | st.none(), st.sampled_from(EVERY_TELLER))
def test_whatever_the_vector_something_sensible_is_told(
    vector: list[float], silent: float | None, explainer: Explainer
) -> None:
    facts = CATALOGUE.as_dict(array("f", vector))
    for code in CODES:
        numbers = numbers_of(code, facts, silent)
        text = explainer.tell(code, numbers)
        assert text
        assert not re.search(r"\b(nan|inf)\b|[{}]|-0(?![.\d])", text), text
        if code != "money":
            # A shop may take money back; it cannot take back days.
            assert "-" not in text
            assert all(number >= 0 for number in numbers.values())


@settings(max_examples=60)
@given(
    vectors_within(-1.0, 400.0),
    st.floats(0.0, 1.0) | st.none(),
    st.sampled_from(EVERY_TELLER),
    st.sampled_from(CODES),
)
def test_the_numbers_survive_json_and_are_told_alike_behind_it(
    vector: list[float], silent: float | None, explainer: Explainer, code: str
) -> None:
    numbers = numbers_of(code, CATALOGUE.as_dict(array("f", vector)), silent)
    sent = json.loads(json.dumps(numbers))
    assert explainer.tell(code, sent) == explainer.tell(code, numbers)
