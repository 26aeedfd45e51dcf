"""What happens when a shopper comes by: one visit becomes a session of a few minutes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from features import MINUTE, SECOND, Event, Millis
from streams.demo.dice import Dice
from streams.demo.wares import (
    BAD_REVIEWS,
    COMPLAINTS,
    GOOD_REVIEWS,
    ITEMS,
    MIXED_REVIEWS,
    QUERIES,
    Item,
)

_CURRENCY: Final = "EUR"
_PAGES: Final = ("home", "new", "bestsellers", "account", "delivery")


class Mood(Enum):
    """What brings the shopper here."""

    BROWSE = auto()
    COUPON = auto()
    TROUBLE = auto()


class Visit(NamedTuple):
    """When a shopper comes, why, and how keen they are to buy (a share of visits)."""

    at: Millis
    mood: Mood = Mood.BROWSE
    keen: float = 0.4
    campaign: str | None = None


class Happening(NamedTuple):
    """A true event, and the luck of its message on the way to the shop's log."""

    at: Millis
    shopper: int
    fate: float
    event: Event


@dataclass(frozen=True)
class Habits:
    """What stays the same about a shopper, whatever the visit."""

    index: int
    user_id: str
    likes: tuple[str, ...]
    traits: dict[str, str]


class Visitor:
    """Turns one shopper's visits into events, with ids that a second run gives again.

    Parameters
    ----------
    seed
        The whole shop's seed, part of every id.
    habits
        Who it is.
    dice
        The shopper's own luck.
    """

    def __init__(self, seed: int, habits: Habits, dice: Dice) -> None:
        self._name = f"s{seed}-{habits.index}"
        self._habits = habits
        self._dice = dice
        self._events = 0
        self._sessions = 0
        self._clock: Millis = 0
        self._session: list[Happening] = []
        self._campaign: str | None = None
        self._bought: tuple[Item, str, float] | None = None

    def come(self, visit: Visit) -> list[Happening]:
        """Return the events of the visit, in order, minutes apart at most."""
        dice = self._dice
        self._clock, self._session, self._campaign = visit.at, [], visit.campaign
        self._sessions += 1
        if self._sessions == 1:
            self._note("identified", traits=self._habits.traits)
        self._note("page_viewed", properties={"page": dice.pick(_PAGES)})
        if visit.mood is Mood.TROUBLE:
            self._trouble()
        else:
            if self._bought is not None:
                self._look_back()
            self._shop(visit)
        return self._session

    def _note(self, what: str, **fields: Any) -> None:
        habits, roll = self._habits, self._dice.roll
        self._events += 1
        event = Event(
            event_id=f"{self._name}-{self._events}",
            user_id=habits.user_id,
            type=what,
            time=self._clock,
            session_id=f"{self._name}-v{self._sessions}",
            campaign=self._campaign,
            **fields,
        )
        self._session.append(Happening(self._clock, habits.index, roll(), event))
        # Mostly seconds, now and then minutes; far below the half hour that ends a session.
        self._clock += 4 * SECOND + int(4 * MINUTE * roll() * roll())

    def _shop(self, visit: Visit) -> None:
        dice = self._dice
        category = dice.pick(self._habits.likes)
        if dice.chance(0.3):
            self._note("searched", query=dice.pick(QUERIES[category]))
        item = dice.pick(ITEMS[category])
        for _ in range(dice.whole(1, 3)):
            item = dice.pick(ITEMS[category])
            self._note("product_viewed", item_id=item.item_id, category=category, price=item.price)
        buys = dice.chance(visit.keen)
        if not buys and not dice.chance(0.3):
            return
        quantity = 1 if dice.chance(0.75) else dice.whole(2, 4)
        self._cart("product_added", item, quantity)
        if not buys and dice.chance(0.4):
            self._cart("product_removed", item, quantity)
            return
        if not buys and dice.chance(0.5):
            return
        self._note("checkout_started")
        if buys:
            self._pay(item, quantity, visit)

    def _cart(self, what: str, item: Item, quantity: int) -> None:
        self._note(
            what, item_id=item.item_id, category=item.category, price=item.price, quantity=quantity
        )

    def _pay(self, item: Item, quantity: int, visit: Visit) -> None:
        total = item.price * quantity
        if visit.mood is Mood.COUPON:
            self._note("coupon_applied", properties={"coupon": f"{visit.campaign or 'club'}-20"})
            total *= 0.8
        total = round(total, 2)
        order_id = f"{self._name}-o{self._sessions}"
        self._note(
            "purchase",
            order_id=order_id,
            item_id=item.item_id,
            category=item.category,
            price=item.price,
            quantity=quantity,
            amount=total,
            currency=_CURRENCY,
        )
        self._bought = (item, order_id, total)

    def _look_back(self) -> None:
        """Say something about the last order, or return it; content people do so too."""
        luck = self._dice.roll()
        if luck < 0.10:
            self._review(self._dice.whole(4, 5), self._dice.pick(GOOD_REVIEWS))
        elif luck < 0.12:
            self._review(3, self._dice.pick(MIXED_REVIEWS))
        elif luck < 0.125:
            self._review(2, self._dice.pick(MIXED_REVIEWS))
        elif luck < 0.135:
            self._refund()

    def _trouble(self) -> None:
        dice = self._dice
        if self._bought is not None and dice.chance(0.3):
            self._review(dice.whole(1, 2), dice.pick(BAD_REVIEWS))
        else:
            self._note("complaint", text=dice.pick(COMPLAINTS))
        if self._bought is not None and dice.chance(0.4):
            self._refund()

    def _review(self, rating: int, text: str) -> None:
        if self._bought is None:
            return
        item, order_id, _ = self._bought
        self._note(
            "review",
            item_id=item.item_id,
            category=item.category,
            order_id=order_id,
            rating=rating,
            text=text,
        )

    def _refund(self) -> None:
        if self._bought is None:
            return
        item, order_id, total = self._bought
        self._note(
            "refund",
            item_id=item.item_id,
            category=item.category,
            order_id=order_id,
            amount=total,
            currency=_CURRENCY,
        )
        self._bought = None
