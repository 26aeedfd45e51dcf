"""The few things that a risk is told by: what each is made of, and which numbers tell it.

A CRM agent is told of eight things, and each input of a model speaks of one of them. Here stand
the customer's own numbers of each, and which sentence they make; `phrases` has the sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from models.judging.phrases import Numbers

Facts: TypeAlias = Mapping[str, float]

#: A gap that rounds to one day is "every day".
_DAILY: Final = 1.5
#: Below this share, "such customers do not come back" would speak against the reason.
_TELLING_SHARE: Final = 0.45
#: The windows of the catalogue, in days.
_MONTH: Final = 30.0
_SEASON: Final = 90.0
#: From so many orders on, a last one of so much of the mean is a small one.
_ORDERS: Final = 3
_SMALL: Final = 2 / 3
#: What the last trouble was, where that is certain.
_COMPLAINT, _RETURN, _RATING = 1.0, 2.0, 3.0
_LAST_TROUBLE: Final = {
    _COMPLAINT: "trouble.complaint",
    _RETURN: "trouble.return",
    _RATING: "trouble.rating",
}


def _count(value: float) -> float:
    """Return a whole number as it is told: nothing is below 0."""
    return value if value > 0 else 0.0


def _days(value: float) -> float:
    """Return days as they are told: hundredths are enough."""
    # Much faster than round(value, 2), and this is done for every decision.
    return int(value * 100 + 0.5) / 100 if value > 0 else 0.0


def _amount(value: float) -> float:
    """Return an amount as it is told; it may be below 0, but never -0."""
    return round(value * 100) / 100


def _silence(facts: Facts, silent: float | None) -> dict[str, float]:
    numbers = {"silent": _days(facts["recency"])}
    if facts["gap_usual"] > 0:
        numbers["usual"] = max(_days(facts["gap_usual"]), 1.0)
    elif not facts["visit_days"] > 0:
        return {}
    if silent is not None:
        numbers["share"] = _days(silent)
    return numbers


def _say_silence(numbers: Numbers, verb: str) -> tuple[str, ...]:
    usual = numbers.get("usual")
    if not numbers:
        rhythm = "never"
    elif usual is None:
        rhythm = "once"
    else:
        rhythm = "usual" if usual >= _DAILY else "daily"
    sentence = f"silence.{rhythm}.{verb}"
    if numbers.get("share", 0.0) < _TELLING_SHARE:
        return (sentence,)
    return sentence, "silence.share"


def _activity(facts: Facts, silent: float | None) -> dict[str, float]:
    recent, season = facts["events_30d"], facts["events_90d"]
    return {
        "recent": _count(recent),
        "before": _count(season - recent),
        "known": _days(facts["tenure"]),
    }


def _say_activity(numbers: Numbers, verb: str) -> tuple[str, ...]:
    if numbers["before"]:
        return ("activity.before",)
    if not numbers["recent"]:
        return ("activity.none",)
    return ("activity.new" if numbers["known"] < _MONTH else "activity.before",)


def _trouble(facts: Facts, silent: float | None) -> dict[str, float]:
    since = facts["since_negative"]
    if since < 0:
        return {}
    complaints, returns = _count(facts["complaints_90d"]), _count(facts["returns_90d"])
    numbers = {"since": _days(since), "complaints": complaints, "returns": returns}
    # A low rating is known for the last one only: of several kinds, the vector does not tell
    # which was the last.
    rated = facts["ratings"] > 0 and facts["negatives"] > complaints + returns
    if not complaints and not returns:
        if since < _SEASON and facts["ratings"] > 0:
            numbers["last"] = _RATING
    elif not rated and not (complaints and returns):
        numbers["last"] = _COMPLAINT if complaints else _RETURN
    return numbers


def _say_trouble(numbers: Numbers, verb: str) -> tuple[str, ...]:
    if "since" not in numbers:
        return ("trouble.none",)
    complaints, returns = numbers["complaints"], numbers["returns"]
    if "last" in numbers and complaints + returns <= 1:
        return (_LAST_TROUBLE.get(numbers["last"], "trouble.past"),)
    if complaints and returns:
        return ("trouble.both",)
    if complaints:
        return ("trouble.complaints",)
    return ("trouble.returns" if returns else "trouble.past",)


def _money(facts: Facts, silent: float | None) -> dict[str, float]:
    month = facts["spent_30d"]
    return {
        "recent": _amount(month),
        "before": _amount(facts["spent_90d"] - month),
        "known": _days(facts["tenure"]),
        "orders": _count(facts["orders"]),
        "last": _amount(facts["order_last"]),
        "mean": _amount(facts["order_mean"]),
    }


def _say_money(numbers: Numbers, verb: str) -> tuple[str, ...]:
    if numbers["orders"] >= _ORDERS and 0 <= numbers["last"] <= _SMALL * numbers["mean"]:
        return ("money.basket",)
    if numbers["before"]:
        return ("money.spent",)
    if not numbers["recent"]:
        return ("money.none",)
    return ("money.new" if numbers["known"] < _MONTH else "money.spent",)


def _carts(facts: Facts, silent: float | None) -> dict[str, float]:
    return {
        "carts": _count(facts["cart_abandons"]),
        "checkouts": _count(facts["checkout_abandons"]),
    }


def _say_carts(numbers: Numbers, verb: str) -> tuple[str, ...]:
    if numbers["checkouts"]:
        return ("carts.both" if numbers["carts"] else "carts.checkouts",)
    return ("carts.left" if numbers["carts"] else "carts.none",)


def _history(facts: Facts, silent: float | None) -> dict[str, float]:
    return {"tenure": _days(facts["tenure"]), "days": _count(facts["visit_days"])}


def _say_history(numbers: Numbers, verb: str) -> tuple[str, ...]:
    return (f"history.{'new' if numbers['tenure'] < _MONTH else 'known'}.{verb}",)


def _offers(facts: Facts, silent: float | None) -> dict[str, float]:
    return {"coupons": _count(facts["coupons_90d"])}


def _profile(facts: Facts, silent: float | None) -> dict[str, float]:
    return {}


class Topic(NamedTuple):
    """One thing that a risk is told by.

    Parameters
    ----------
    code
        Its stable name.
    numbers
        From the vector by name, and P(no visit until H) where that is known, to the numbers that
        tell it.
    say
        From the numbers, and what customers of the shop do (``comes`` or ``buys``), to the
        sentences of the catalogue that tell them.
    inputs
        Beginnings of the names of the inputs that speak of it.
    """

    code: str
    numbers: Callable[[Facts, float | None], dict[str, float]]
    say: Callable[[Numbers, str], tuple[str, ...]]
    inputs: tuple[str, ...]


#: Of an input, the longest of these beginnings wins.
TOPICS: Final = (
    Topic(
        "silence",
        _silence,
        _say_silence,
        ("recency", "overdue", "gap", "visit_silence", "renewal", "left"),
    ),
    Topic(
        "activity",
        _activity,
        _say_activity,
        (
            *("rate_h", "rate_2h_4h", "visits_", "events_", "trend", "views_", "searches_"),
            *("messages_", "purchases_", "session_"),
        ),
    ),
    Topic(
        "trouble",
        _trouble,
        _say_trouble,
        ("trouble", "negatives", "since_negative", "complaints_", "return", "rating"),
    ),
    Topic("money", _money, _say_money, ("spent", "order_", "items_")),
    Topic("carts", _carts, _say_carts, ("cart", "checkout_")),
    Topic(
        "history",
        _history,
        _say_history,
        (
            *("rate_own", "rate_2h", "rate_4h", "rate_none", "tenure", "visit_days"),
            *("visit_span", "events", "orders", "sessions"),
        ),
    ),
    Topic("offers", _offers, lambda numbers, verb: ("offers.used",), ("coupons_",)),
    Topic("profile", _profile, lambda numbers, verb: ("profile",), ("trait_",)),
)
#: The causes that there are.
CODES: Final = tuple(topic.code for topic in TOPICS)


def code_of(name: str) -> str:
    """Return the code of the cause that an input of a model speaks of.

    Raises
    ------
    ValueError
        If none does.

    Examples
    --------
    >>> code_of("rate_h4_h2"), code_of("rate_4h"), code_of("renewal_whole")
    ('activity', 'history', 'silence')
    """
    matches = [
        (len(start), topic.code)
        for topic in TOPICS
        for start in topic.inputs
        if name.startswith(start)
    ]
    if not matches:
        raise ValueError(f"no cause speaks of the input {name!r}; add it to models/judging/causes")
    return max(matches)[1]
