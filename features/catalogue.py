"""Every feature, in one place: its name, unit, default, meaning and formula.

To add one, add an entry to `FEATURES`; nothing else has to know. The order is the order of the
vector, and the catalogue's fingerprint changes with it, so that a model never reads a vector of
another shape.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from features.customer import CustomerState
from features.definition import Definition
from features.events import Kind
from features.portrait import Portrait
from features.sketch import Sketch
from features.straight import LIMIT, STRAIGHT, combine, measure
from features.timeline import Millis

#: Columns of a trait: its value is one-hot by hash, so that new values need no retraining.
TRAIT_COLUMNS: Final = 8
_STRAIGHT_BYTES: Final = 4 * len(STRAIGHT)


@dataclass(frozen=True)
class Feature:
    """One thing that we know about a customer, as a number.

    Parameters
    ----------
    name
        Stable name; part of alerts and training examples.
    group
        Which side of the customer it describes.
    unit
        What is counted: ``days``, ``events``, ``money``, ``share``, ...
    default
        The value when nothing is known.
    meaning
        One line for the shop.
    formula
        From a portrait to the value.
    """

    name: str
    group: str
    unit: str
    default: float
    meaning: str
    formula: Callable[[Portrait], float]


def _std(portrait: Portrait) -> float:
    rhythm = portrait.state.rhythm
    gaps = rhythm.days - 1
    if gaps < 2:
        return 0.0
    mean = rhythm.sum_gap / gaps
    return math.sqrt(max(rhythm.sum_square / gaps - mean * mean, 0.0))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


FEATURES: Final = (
    # -- silence ------------------------------------------------------------------------------
    Feature("recency", "silence", "days", 0, "since the last activity", lambda p: p.silence),
    Feature(
        "overdue",
        "silence",
        "rhythms",
        0,
        "silence in multiples of the usual gap; 0 while no rhythm is known",
        lambda p: _ratio(p.since_last_visit, p.state.rhythm.mean),
    ),
    Feature("tenure", "silence", "days", 0, "since the first event", lambda p: p.tenure),
    # -- rhythm -------------------------------------------------------------------------------
    Feature("visit_days", "rhythm", "days", 0, "days with a visit", lambda p: p.state.rhythm.days),
    Feature("gap_last", "rhythm", "days", 0, "the last gap", lambda p: p.state.rhythm.last_gap),
    Feature(
        "gap_mean",
        "rhythm",
        "days",
        0,
        "mean gap between visit days",
        lambda p: _ratio(p.state.rhythm.sum_gap, p.state.rhythm.days - 1),
    ),
    Feature("gap_std", "rhythm", "days", 0, "standard deviation of the gaps", _std),
    Feature(
        "gap_usual",
        "rhythm",
        "days",
        0,
        "mean gap, recent ones weighing more",
        lambda p: p.state.rhythm.mean,
    ),
    Feature(
        "visit_silence",
        "rhythm",
        "days",
        0,
        "since the middle of the last visit day",
        lambda p: p.since_last_visit,
    ),
    Feature(
        "visit_span",
        "rhythm",
        "days",
        0,
        "since the first visit day",
        lambda p: p.since_first_visit,
    ),
    Feature("gaps", "rhythm", "gaps", 0, "gaps, fading", lambda p: p.state.rhythm.weight),
    Feature(
        "gap_log", "rhythm", "ln days", 0, "sum of ln gap, fading", lambda p: p.state.rhythm.log_gap
    ),
    Feature(
        "gap_pow_06",
        "rhythm",
        "days^.6",
        0,
        "sum of gap^.6, fading",
        lambda p: p.state.rhythm.powers[0],
    ),
    Feature(
        "gap_pow_1", "rhythm", "days", 0, "sum of gaps, fading", lambda p: p.state.rhythm.powers[1]
    ),
    Feature(
        "gap_pow_17",
        "rhythm",
        "days^1.7",
        0,
        "sum of gap^1.7, fading",
        lambda p: p.state.rhythm.powers[2],
    ),
    Feature(
        "gap_pow_3",
        "rhythm",
        "days^3",
        0,
        "sum of gap^3, fading",
        lambda p: p.state.rhythm.powers[3],
    ),
    # -- visits -------------------------------------------------------------------------------
    Feature(
        "visits_h4", "visits", "visits", 0, "visits, halving in H/4 days", lambda p: p.visits[0]
    ),
    Feature(
        "visits_h2", "visits", "visits", 0, "visits, halving in H/2 days", lambda p: p.visits[1]
    ),
    Feature("visits_h", "visits", "visits", 0, "visits, halving in H days", lambda p: p.visits[2]),
    Feature(
        "visits_2h", "visits", "visits", 0, "visits, halving in 2 H days", lambda p: p.visits[3]
    ),
    Feature(
        "visits_4h", "visits", "visits", 0, "visits, halving in 4 H days", lambda p: p.visits[4]
    ),
    Feature("events", "visits", "events", 0, "all events", lambda p: p.state.events),
    Feature("events_1d", "visits", "events", 0, "events in 24 hours", lambda p: sum(p.day_1)),
    Feature("events_7d", "visits", "events", 0, "events in 7 days", lambda p: sum(p.day_7)),
    Feature("events_30d", "visits", "events", 0, "events in 30 days", lambda p: sum(p.day_30)),
    Feature("events_90d", "visits", "events", 0, "events in 90 days", lambda p: sum(p.day_90)),
    Feature(
        "trend",
        "visits",
        "ratio",
        0,
        "events in 30 days against a third of those in 90",
        lambda p: _ratio(3 * sum(p.day_30), sum(p.day_90)),
    ),
    Feature(
        "views_7d", "visits", "events", 0, "products seen in 7 days", lambda p: p.day_7[Kind.VIEW]
    ),
    Feature(
        "searches_30d",
        "visits",
        "events",
        0,
        "searches in 30 days",
        lambda p: p.day_30[Kind.SEARCH],
    ),
    Feature(
        "messages_30d",
        "visits",
        "events",
        0,
        "messages opened in 30 days",
        lambda p: p.day_30[Kind.MESSAGE],
    ),
    # -- sessions and carts -------------------------------------------------------------------
    Feature(
        "sessions", "sessions", "sessions", 0, "sessions ended", lambda p: p.state.session.ended
    ),
    Feature(
        "session_events",
        "sessions",
        "events",
        0,
        "mean events in a session",
        lambda p: _ratio(p.state.session.ended_events, p.state.session.ended),
    ),
    Feature(
        "session_minutes",
        "sessions",
        "minutes",
        0,
        "mean length of a session",
        lambda p: _ratio(p.state.session.ended_minutes, p.state.session.ended),
    ),
    Feature(
        "cart_abandons",
        "sessions",
        "sessions",
        0,
        "sessions that left a cart behind",
        lambda p: p.state.session.cart_abandons,
    ),
    Feature(
        "checkout_abandons",
        "sessions",
        "sessions",
        0,
        "sessions that left a checkout behind",
        lambda p: p.state.session.checkout_abandons,
    ),
    Feature(
        "carts_30d",
        "sessions",
        "events",
        0,
        "products added in 30 days",
        lambda p: p.day_30[Kind.CART],
    ),
    # -- money --------------------------------------------------------------------------------
    Feature("orders", "money", "orders", 0, "orders", lambda p: p.state.money.orders),
    Feature("spent", "money", "money", 0, "money spent", lambda p: p.state.money.spent),
    Feature(
        "order_mean",
        "money",
        "money",
        0,
        "mean value of an order",
        lambda p: _ratio(p.state.money.spent, p.state.money.orders),
    ),
    Feature(
        "order_last", "money", "money", 0, "the last order", lambda p: p.state.money.last_amount
    ),
    Feature(
        "items_mean",
        "money",
        "items",
        0,
        "mean items of an order",
        lambda p: _ratio(p.state.money.quantity, p.state.money.orders),
    ),
    Feature("spent_30d", "money", "money", 0, "money spent in 30 days", lambda p: p.money_30),
    Feature("spent_90d", "money", "money", 0, "money spent in 90 days", lambda p: p.money_90),
    Feature(
        "purchases_30d",
        "money",
        "events",
        0,
        "purchases in 30 days",
        lambda p: p.day_30[Kind.PURCHASE],
    ),
    Feature(
        "purchases_90d",
        "money",
        "events",
        0,
        "purchases in 90 days",
        lambda p: p.day_90[Kind.PURCHASE],
    ),
    Feature(
        "coupons_90d", "money", "events", 0, "coupons in 90 days", lambda p: p.day_90[Kind.COUPON]
    ),
    # -- what went wrong ----------------------------------------------------------------------
    Feature(
        "negatives", "trouble", "events", 0, "what went wrong so far", lambda p: p.state.negatives
    ),
    Feature(
        "since_negative",
        "trouble",
        "days",
        -1,
        "since something last went wrong; -1: nothing ever did",
        lambda p: p.since_negative,
    ),
    Feature(
        "complaints_90d",
        "trouble",
        "events",
        0,
        "complaints in 90 days",
        lambda p: p.day_90[Kind.COMPLAINT],
    ),
    Feature(
        "returns_90d",
        "trouble",
        "events",
        0,
        "refunds and cancelled orders in 90 days",
        lambda p: p.day_90[Kind.REFUND] + p.day_90[Kind.CANCEL],
    ),
    Feature(
        "return_share",
        "trouble",
        "share",
        0,
        "refunds for each order",
        lambda p: _ratio(p.state.kinds[Kind.REFUND], p.state.money.orders),
    ),
    Feature("ratings", "trouble", "ratings", 0, "ratings given", lambda p: p.state.ratings),
    Feature(
        "rating_mean",
        "trouble",
        "stars",
        0,
        "mean rating; 0 without any",
        lambda p: _ratio(p.state.ratings_sum, p.state.ratings),
    ),
    Feature(
        "rating_last",
        "trouble",
        "stars",
        0,
        "the last rating; 0 without any",
        lambda p: p.state.last_rating,
    ),
)


def _trait_features(trait: str) -> tuple[Feature, ...]:
    def column(number: int) -> Feature:
        def formula(portrait: Portrait) -> float:
            value = portrait.state.traits.get(trait)
            return float(value is not None and crc32(value.encode()) % TRAIT_COLUMNS == number)

        meaning = f"trait {trait}, values of hash {number}"
        return Feature(f"trait_{trait}_{number}", "traits", "flag", 0, meaning, formula)

    return tuple(column(number) for number in range(TRAIT_COLUMNS))


class Catalogue:
    """The features of a shop, in the order of the vector.

    Parameters
    ----------
    features
        All of them, built-in ones first.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.names = tuple(feature.name for feature in features)
        if len(set(self.names)) != len(self.names):
            raise ValueError("two features have the same name")
        self.index = {name: place for place, name in enumerate(self.names)}
        self._formulas = tuple(feature.formula for feature in features)
        #: Whether the first features are those that can be had in one straight pass.
        self._straight = self.names[: len(STRAIGHT)] == STRAIGHT
        self._singles = Struct(f"{len(features)}f")
        self._others = self._formulas[len(STRAIGHT) :] if self._straight else self._formulas
        #: Changes with the names or their order.
        self.fingerprint = hashlib.blake2b(
            "\n".join(self.names).encode(), digest_size=6
        ).hexdigest()

    def vector(self, state: CustomerState, at: Millis) -> array[float]:
        """Return every feature of a customer at a time, in silence too.

        Parameters
        ----------
        state
            The customer; its timers due by ``at`` must have fired.
        at
            The moment, not before ``state.now``.

        Returns
        -------
        array of float
            One value a feature, in single precision: what is scored is, to the bit, what is
            kept for learning and shown in an alert. Missing values have their defaults and
            absurd ones are cut at `LIMIT`, so every value is finite.
        """
        return self.sketched(state, at, sketch=False)[0]

    def sketched(
        self, state: CustomerState, at: Millis, *, sketch: bool = True
    ) -> tuple[array[float], Sketch | None]:
        """Return what `vector` returns, and what it is made of, which takes fewer bytes.

        Parameters
        ----------
        state, at
            As of `vector`.
        sketch
            Whether somebody wants to know what it is made of.

        Returns
        -------
        array of float, Sketch or None
            None where the vector does not follow from few numbers.
        """
        measured = None
        values: list[float] = []
        if self._straight:
            rhythm = state.rhythm
            measured = measure(state, at)
            values = combine(measured, rhythm, at, state.definition.horizon_days)
        if self._others:
            portrait = Portrait(state, at)
            values += [_cut(formula(portrait)) for formula in self._others]
        # By way of bytes: an array takes twice as long over a list.
        packed = self._singles.pack(*values)
        made_of = None
        if sketch and measured is not None:
            made_of = Sketch.of(measured, rhythm, at, packed[_STRAIGHT_BYTES:])
        return array("f", packed), made_of

    def by_formulas(self, state: CustomerState, at: Millis) -> array[float]:
        """Return what `vector` returns, each feature by its formula: slow, and plainly right."""
        portrait = Portrait(state, at)
        return array("f", [_cut(formula(portrait)) for formula in self._formulas])

    def as_dict(self, vector: array[float]) -> dict[str, float]:
        """Return a vector by name."""
        return dict(zip(self.names, vector, strict=True))

    def facts(self, vector: array[float]) -> Facts:
        """Return a vector that can be read by name; cheaper than `as_dict` for a few names."""
        return Facts(self.index, vector)


def _cut(value: float) -> float:
    return max(-LIMIT, min(value, LIMIT))


class Facts(Mapping[str, float]):
    """A vector read by name, without making a dictionary of it.

    Examples
    --------
    >>> catalogue = build_catalogue(Definition())
    >>> catalogue.facts(array("f", range(len(catalogue.names))))["overdue"]
    1.0
    """

    __slots__ = ("_index", "_vector")

    def __init__(self, index: Mapping[str, int], vector: array[float]) -> None:
        self._index = index
        self._vector = vector

    def __getitem__(self, name: str) -> float:
        return self._vector[self._index[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def build_catalogue(definition: Definition) -> Catalogue:
    """Return the catalogue of a shop: the built-in features, and the traits that it names.

    Examples
    --------
    >>> catalogue = build_catalogue(Definition(traits=("tier",)))
    >>> catalogue.names[:2], catalogue.names[-1]
    (('recency', 'overdue'), 'trait_tier_7')
    """
    traits = tuple(feature for trait in definition.traits for feature in _trait_features(trait))
    return Catalogue(FEATURES + traits)
