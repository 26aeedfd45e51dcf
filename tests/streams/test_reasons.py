"""From events to reasons by the default model: what a planted customer is told by."""

# Chinese commas are no mistaken ASCII ones:
# ruff: noqa: RUF001

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from features import DAY, CustomerState, Event, Millis
from models.deciding import Alert, Ledger
from models.learning import Judge, Snapshot
from models.registry import REGISTRY, prior_judge
from streams.composition import shop_of, task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle, watermark_after
from streams.settings import load_settings

START = 20_000 * DAY
ENDS = 260
#: Where those who are planted stand.
NOW = 240
SETTINGS = {"EBB_ACTIVITY": "purchase", "EBB_POLICY_THRESHOLD": "0.5", "EBB_POLICY_HOLDOUT": "0"}
TASK = task_of(shop_of(load_settings(environ=SETTINGS).settings))


def an_event(user: str, day: float, kind: str = "purchase", amount: float = 20.0) -> Event:
    at = START + round(day * DAY)
    money = amount if kind == "purchase" else None
    return Event(event_id=f"{user}-{kind}-{at}", user_id=user, type=kind, time=at, amount=money)


def others(count: int) -> Iterator[Event]:
    """Return customers who come every week or so until they leave: most who complain do so."""
    chance = np.random.default_rng(5)
    for number in range(count):
        user = f"other-{number}"
        day = float(chance.uniform(0, 60))
        while day < ENDS:
            yield an_event(user, day)
            if chance.random() < 0.06:
                yield an_event(user, day + 0.3, "complaint")
                if chance.random() < 0.9:
                    break
            elif chance.random() < 0.01:
                break
            day += 1 + float(chance.gamma(4, 2))


def planted() -> Iterator[Event]:
    """Return those who are told of below; each is in her place at `NOW`."""
    for visit in range(16):
        yield an_event("silent", NOW - 31 - 9 * visit)
        yield an_event("complaining", NOW - 2 - 8 * visit)
    yield an_event("complaining", NOW, "complaint")
    yield an_event("once", NOW - 31)


PLANTED = sorted(planted(), key=lambda event: event.at)
EVENTS = sorted([*others(100), *PLANTED], key=lambda event: event.at)


class Miniature:
    """A worker and a learner in one, a day at a time."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.book: dict[str, Customer] = {}
        self.timers: list[tuple[Millis, str]] = []
        self.watermark = NO_WATERMARK
        self.alerts: list[Alert] = []
        self.snapshot: Snapshot | None = None

    def run(self, judge: Judge, events: list[Event], *, learning: bool = False) -> None:
        learner = REGISTRY["bayes"].learner(TASK, None)
        for day in range(ENDS):
            first, end = START + day * DAY, START + (day + 1) * DAY
            effects = self.batch(judge, [event for event in events if first <= event.at < end])
            self.alerts += effects.alerts
            if learning:
                learner.learn(effects.examples)
                if day % 20 == 0:
                    self.snapshot = learner.snapshot(day, {})
                    judge = REGISTRY["bayes"].judge(TASK, self.snapshot)

    def batch(self, judge: Judge, events: list[Event]) -> Effects:
        arrivals = [Arrival(0, event.at, event) for event in events]
        after = watermark_after(self.shop, arrivals, self.watermark)
        for event in events:
            state = CustomerState(self.shop.definition)
            self.book.setdefault(event.user_id, Customer(state, Ledger(), new=True))
        due = set()
        while self.timers and self.timers[0][0] <= after:
            due.add(heapq.heappop(self.timers)[1])
        effects = handle(self.shop, judge, arrivals, due, self.book, self.watermark)
        self.watermark = effects.watermark
        for user, customer in effects.changed.items():
            heapq.heappush(self.timers, (customer.due(), user))
        return effects

    def told(self, user: str, cause: str, on: int) -> list[tuple[str, str, float]]:
        """Return the reasons of the last decision of a kind, not after a day."""
        decisions = [
            each
            for each in self.book[user].ledger.decisions
            if each.cause == cause and each.at < START + (on + 1) * DAY
        ]
        say = self.shop.explainer.say
        return [(each.code, say(each), each.contribution) for each in decisions[-1].grounds]


def shop_in(language: str) -> Shop:
    return shop_of(load_settings(environ={**SETTINGS, "EBB_LANGUAGE": language}).settings)


@pytest.fixture(scope="module")
def learnt() -> Miniature:
    """A shop that has learnt who leaves."""
    found = Miniature(shop_in("en"))
    found.run(prior_judge(TASK), EVENTS, learning=True)
    return found


def test_the_regular_who_fell_silent_is_told_by_the_silence_first(learnt: Miniature) -> None:
    code, text, part = learnt.told("silent", "silence", NOW)[0]
    assert code == "silence"
    assert re.match(r"usually buys every 9 days, silent for (\d+); .* do not come back$", text)
    assert part > 0


def test_who_complained_is_told_by_the_trouble(learnt: Miniature) -> None:
    reasons = learnt.told("complaining", "distress", NOW)
    [(_, text, _)] = [each for each in reasons if each[0] == "trouble"]
    assert text == "complained less than a day ago"
    # Without the complaint there is nothing to say of the sort.
    before = learnt.told("complaining", "session_end", NOW - 1)
    assert "trouble" not in [code for code, _, _ in before]


def test_reasons_raise_the_risk_strongest_first_and_are_three_at_most(learnt: Miniature) -> None:
    seen = 0
    for customer in learnt.book.values():
        for decision in customer.ledger.decisions:
            parts = [each.contribution for each in decision.grounds]
            assert parts == sorted(parts, reverse=True)
            assert len(parts) <= 3
            assert all(part > 0 for part in parts)
            seen += bool(parts)
    assert seen > 100


@pytest.fixture(scope="module")
def both(learnt: Miniature) -> list[tuple[Alert, Alert]]:
    """The same alerts of a Chinese shop and of an English one, as they are sent."""
    assert learnt.snapshot is not None
    judge = REGISTRY["bayes"].judge(TASK, learnt.snapshot)
    found = []
    for language in ("zh", "en"):
        shop = Miniature(shop_in(language))
        shop.run(judge, PLANTED)
        found.append(
            [msgspec.json.decode(msgspec.json.encode(each), type=Alert) for each in shop.alerts]
        )
    chinese, english = found
    assert {each.user_id for each in english} == {"silent", "complaining", "once"}
    return list(zip(chinese, english, strict=True))


def test_an_alert_carries_its_reasons_in_the_language_of_the_shop(
    both: list[tuple[Alert, Alert]],
) -> None:
    for chinese, english in both:
        for there, here in zip(chinese.reasons, english.reasons, strict=True):
            assert (there.code, there.contribution) == (here.code, here.contribution)
            assert here.text.isascii()
            assert re.search("[\u4e00-\u9fff]", there.text)
    texts = {each.text for alert, _ in both for each in alert.reasons}
    regular = r"通常每\d+天下单一次，已沉默\d+天；这类顾客约.+不再回来$"
    assert any(re.match(regular, text) for text in texts)


def test_an_alert_can_be_told_in_another_language_from_its_numbers(
    both: list[tuple[Alert, Alert]],
) -> None:
    tell = shop_in("en").explainer.tell
    for chinese, english in both:
        assert [tell(each.code, each.numbers) for each in chinese.reasons] == [
            each.text for each in english.reasons
        ]


def test_who_came_once_is_told_so_on_the_first_day_of_the_shop() -> None:
    first_day = Miniature(shop_in("en"))
    first_day.run(prior_judge(TASK), PLANTED)
    ((code, text, _),) = first_day.told("once", "silence", NOW + 5)
    assert code == "silence"
    assert re.match(r"bought on one day only, silent for \d+ days since; ", text)
