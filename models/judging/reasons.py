"""Why a risk is what it is, in words that can be read out.

A linear judgement is a sum, so its parts are exact. Inputs that speak of the same thing are
added up into one cause, and a cause is told with the customer's own numbers. The texts state
facts that are true of the customer whatever the model made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from features import LOW_RATING
from models.learning import Judgement


class Cause(NamedTuple):
    """A cause of a risk: its stable code, what it says, and what it adds to the logit."""

    code: str
    text: str
    contribution: float


Facts = Mapping[str, float]
Telling = Callable[[Facts, str], str]


def _days(value: float) -> str:
    rounded = round(value)
    return "1 day" if rounded == 1 else f"{rounded} days"


def _count(value: float, one: str, many: str | None = None) -> str:
    rounded = round(value)
    return f"{rounded} {one if rounded == 1 else many or one + 's'}"


def _silence(facts: Facts, verb: str) -> str:
    if facts["gap_usual"] > 0:
        usual = max(facts["gap_usual"], 1.0)
        return f"usually {verb} every {_days(usual)}, silent for {round(facts['recency'])}"
    past = "bought" if verb == "buys" else "came"
    return f"{past} on one day only, silent for {_days(facts['recency'])} since"


def _activity(facts: Facts, verb: str) -> str:
    month, season = facts["events_30d"], facts["events_90d"]
    return f"{_count(month, 'event')} in the last 30 days, {round(season)} in the last 90"


def _trouble(facts: Facts, verb: str) -> str:
    if facts["since_negative"] < 0:
        return "no complaint, return or low rating so far"
    kinds = []
    if facts["complaints_90d"]:
        kinds.append("complained")
    if facts["returns_90d"]:
        kinds.append("returned or cancelled an order")
    if facts["ratings"] and facts["rating_last"] <= LOW_RATING:
        kinds.append("gave a low rating")
    what = f"{', '.join(kinds)} lately; " if kinds else ""
    # Of several kinds, the vector does not tell which was the last.
    ago = round(facts["since_negative"])
    return f"{what}last trouble {'today' if ago == 0 else f'{_days(ago)} ago'}"


def _money(facts: Facts, verb: str) -> str:
    return (
        f"spent {facts['spent_30d']:.0f} in the last 30 days, "
        f"{facts['spent_90d']:.0f} in the last 90"
    )


def _carts(facts: Facts, verb: str) -> str:
    return f"left {_count(facts['cart_abandons'], 'cart')} behind"


def _history(facts: Facts, verb: str) -> str:
    days = _count(facts["visit_days"], "visit day")
    return f"customer for {_days(facts['tenure'])}, {days}"


def _offers(facts: Facts, verb: str) -> str:
    return f"used {_count(facts['coupons_90d'], 'coupon')} in the last 90 days"


def _profile(facts: Facts, verb: str) -> str:
    return "the customer's profile"


#: Code of a cause, how it is told, and the inputs that speak of it.
_CAUSES: Final[tuple[tuple[str, Telling, tuple[str, ...]], ...]] = (
    ("silence", _silence, ("recency", "overdue", "gap_", "renewal", "left")),
    ("activity", _activity, ("events_", "trend", "rate_", "views_", "searches_", "messages_")),
    (
        "trouble",
        _trouble,
        ("trouble", "negatives", "complaints_", "return", "rating"),
    ),
    ("money", _money, ("spent", "order", "items_", "purchases_")),
    ("carts", _carts, ("cart", "checkout_", "session")),
    ("history", _history, ("tenure", "visit_days", "events")),
    ("offers", _offers, ("coupons_",)),
    ("profile", _profile, ("trait_",)),
)


def _cause_of(name: str) -> int:
    """Return the cause that an input speaks of; the longest matching beginning wins."""
    matches = [
        (len(start), place)
        for place, (_, _, starts) in enumerate(_CAUSES)
        for start in starts
        if name.startswith(start)
    ]
    if not matches:
        raise ValueError(f"no cause speaks of the input {name!r}; add it to models/judging/reasons")
    return max(matches)[1]


class Explainer:
    """From judgements to causes.

    Parameters
    ----------
    verb
        What an active customer of this shop does: ``comes``, or ``buys`` where only purchases
        count as activity.

    Examples
    --------
    >>> facts = {"gap_usual": 9.2, "recency": 31.0}
    >>> _silence(facts, "buys")
    'usually buys every 9 days, silent for 31'
    """

    def __init__(self, verb: str = "comes") -> None:
        self._verb = verb
        self._grouping: dict[tuple[str, ...], npt.NDArray[np.float64]] = {}

    def _groups(self, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
        found = self._grouping.get(names)
        if found is None:
            found = np.zeros((len(names), len(_CAUSES)))
            for row, name in enumerate(names):
                found[row, _cause_of(name)] = 1.0
            self._grouping[names] = found
        return found

    def weigh(self, judgement: Judgement) -> npt.NDArray[np.float64]:
        """Return what each cause adds to each logit, shape (decision points, causes)."""
        weighed: npt.NDArray[np.float64] = judgement.contributions @ self._groups(judgement.names)
        return weighed

    def causes(self, weights: npt.NDArray[np.float64], facts: Facts, most: int = 3) -> list[Cause]:
        """Return the causes that raise a risk, strongest first.

        Parameters
        ----------
        weights
            One row of `weigh`.
        facts
            The vector by feature name.
        most
            At most so many.
        """
        order = np.argsort(-weights)[:most]
        return [
            Cause(_CAUSES[place][0], _CAUSES[place][1](facts, self._verb), float(weights[place]))
            for place in order
            if weights[place] > 0
        ]

    def all_causes(self, weights: npt.NDArray[np.float64], facts: Facts) -> list[Cause]:
        """Return every cause that matters, the strongest first, whichever way it pulls."""
        order = np.argsort(-np.abs(weights))
        return [
            Cause(_CAUSES[place][0], _CAUSES[place][1](facts, self._verb), float(weights[place]))
            for place in order
            if weights[place]
        ]
