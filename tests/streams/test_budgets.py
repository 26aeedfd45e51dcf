"""What is limited for a shop as a whole: asked for once, never overspent, and told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from unittest.mock import ANY

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE, CustomerState, Definition, build_catalogue, from_datetime
from models.deciding import Alert, Ledger, decision_id
from models.limits import MOST_AT_ONCE, Answer, Filling, MemoryLimits, Request
from models.playbooks import Hindrance, Plan, read_plan, say
from models.playbooks.quiet import date_in
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle, handling
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import Told
from tests.streams.pipeline.logs import visits
from tests.streams.pipeline.miniature import Worker
from tests.streams.planned import CAPPED, NAMES, Wavering, logs, planned

FEATURES = build_catalogue(Definition()).names


def plan_of(text: str) -> Plan:
    return read_plan(text, FEATURES)


#: Cents of the plan below.
BARGAINS_A_DAY, CALLS_A_MONTH, SORRY_A_DAY = 120, 900, 200
TIGHT: Final = plan_of(
    CAPPED.replace(
        'name = "bargain"', f'name = "bargain"\nbudget = {{ day = {BARGAINS_A_DAY / 100} }}'
    )
    .replace('name = "call"', f'name = "call"\nbudget = {{ month = {CALLS_A_MONTH / 100} }}')
    .replace('kind = "call", channel = "phone"', 'kind = "call", channel = "phone", cost = 3')
    .replace('name = "sorry"', f'name = "sorry"\nbudget = {{ day = {SORRY_A_DAY / 100} }}')
    .replace("limits = {", 'limits = { rate = { most = 3, per = "12h" },')
)
SHOP: Final = planned(TIGHT, 0)
HALF_A_DAY: Final = 12 * HOUR


def book_of(names: Sequence[str]) -> dict[str, Customer]:
    return {name: Customer(CustomerState(SHOP.definition), Ledger(), new=True) for name in names}


# -- the oracle: what was asked, and what may be answered --------------------------------------


@dataclass
class Purse:
    """Answers like the limits, reckoned by hand, and keeps what was asked."""

    asked: list[Request] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    spent: Counter[str] = field(default_factory=Counter)

    def __call__(self, requests: Sequence[Request], now: int) -> list[Answer]:
        self.rounds.append(len(requests))
        self.asked += requests
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Answer:
        for choice in request.choices:
            if all(self.spent[p.name] + max(n, room) <= p.limit for p, n, room in choice.takes):
                for pot, amount, _ in choice.takes:
                    self.spent[pot.name] += amount
                return Answer(choice.name)
        return Answer(None)


def check_spent(alerts: Sequence[Alert]) -> None:
    """Hold what was sent against the file, from the alerts alone."""
    days: Counter[tuple[str, str]] = Counter()
    months: Counter[str] = Counter()
    within: Counter[int] = Counter()
    for alert in alerts:
        at = from_datetime(alert.decided_at)
        if alert.arm != "treated":
            continue
        assert isinstance(alert.playbook, str)
        # The shop's days begin in Shanghai.
        local = alert.decided_at.timestamp() + 8 * 3600
        day = str(int(local // 86_400))
        cents = round(alert.offer.cost * 100)  # type: ignore[union-attr]
        days[alert.playbook, day] += cents
        months[f"{alert.playbook}"] += cents
        if alert.playbook != "sorry":
            within[at // HALF_A_DAY] += 1
    for (playbook, _), cents in days.items():
        assert cents <= {"bargain": BARGAINS_A_DAY, "sorry": SORRY_A_DAY}.get(playbook, cents)
    assert all(count <= 3 for count in within.values())


@settings(max_examples=40, deadline=None)
@given(logs(least=20))
def test_what_is_done_is_what_was_granted_and_no_limit_is_passed(log: list[Arrival]) -> None:
    purse, limits = Purse(), MemoryLimits()
    found: list[Effects] = []
    for grant in (purse, limits.grant):
        book = book_of((*NAMES, "clock"))
        effects = handle(SHOP, Wavering(SHOP), log, (), book, NO_WATERMARK, grant)
        rest = handle(SHOP, Wavering(SHOP), [], sorted(NAMES), book, effects.watermark, grant)
        effects.alerts += rest.alerts
        effects.decided += rest.decided
        found.append(effects)
    by_hand, by_limits = found
    assert told(by_hand) == told(by_limits)
    assert [each.alert_id for each in by_limits.alerts] == [
        decision_id(each.user_id, each.decision.at, each.decision.cause)
        for each in by_limits.decided
        if each.decision.alert
    ]
    check_spent(by_limits.alerts)
    assert all(count <= MOST_AT_ONCE for count in purse.rounds)
    # Silence means that a call was made: what it took stays taken.
    calls = [name for name in purse.spent if name.startswith("call/")]
    stands = asyncio.run(limits.look(calls))
    assert [each.taken for each in stands] == [purse.spent[name] for name in calls]
    hypothesis.target(sum(each.decision.because.code == "unfunded" for each in by_limits.decided))


def told(effects: Effects) -> list[tuple[object, ...]]:
    """Return what was decided, but for how much was left."""
    found: list[tuple[object, ...]] = []
    for user_id, decision, *_ in effects.decided:
        play = decision.play
        by = None if play is None else (play.playbook, play.variant, play.held)
        found.append((user_id, decision.at, decision.cause, decision.alert, decision.why, by))
    return found


# -- one after the other -----------------------------------------------------------------------

ONE: Final = plan_of(
    """
    version = 1
    holdout = { share = 0.0 }
    limits = { cooldown = "36h" }
    [[playbook]]
    name = "call"
    budget = { day = 4.00 }
    action = { kind = "call", channel = "phone", cost = 4.00 }
    [[playbook]]
    name = "remind"
    when = { cause = "session_end" }
    budget = { day = 1.00 }
    action = { kind = "message", channel = "email", cost = 0.50 }
    """
)
CALLS: Final = replace(ONE, playbooks=ONE.playbooks[:1])


def complaints(*days_and_users: tuple[float, str]) -> list[Arrival]:
    """Return a log of visits with a complaint at the end of each."""
    events = [
        happened(2 * number + bad, "complaint" if bad else "visit", at + bad * MINUTE, user)
        for number, (day, user) in enumerate(days_and_users)
        for bad in (0, 1)
        for at in [START + round(day * DAY)]
    ]
    return [Arrival(number, event.at, event) for number, event in enumerate(events)]


def shop_of_one(plan: Plan = ONE) -> Shop:
    shop = planned(plan, 0)
    return replace(shop, policy=replace(shop.policy, hysteresis=0.0, holdout=plan.holdout))


def test_a_customers_next_decision_waits_for_the_answer_and_the_order_stays() -> None:
    shop = shop_of_one()
    log = complaints((0, "ada"), (0.1, "bob"), (0.2, "ada"), (0.3, "cyd"), (1.1, "ada"))
    limits = MemoryLimits()
    rounds: list[int] = []

    def grant(requests: Sequence[Request], now: int) -> list[Answer]:
        rounds.append(len(requests))
        return limits.grant(requests, now)

    book = book_of(["ada", "bob", "cyd"])
    effects = handle(shop, Told(0.9), log, (), book, NO_WATERMARK, grant)
    distress = [each for each in effects.decided if each.decision.cause == "distress"]
    assert [(each.user_id, each.decision.alert) for each in distress] == [
        *(("ada", True), ("bob", False), ("ada", False), ("cyd", False), ("ada", False)),
    ]
    places = [each.decision.at for each in distress]
    assert places == sorted(places)
    codes = [
        {each.playbook: each.code for each in one.decision.play.obstacles}["call"]
        for one in distress[1:]
        if one.decision.play is not None
    ]
    # Ada was called, and is left in peace; for the others there is nothing left.
    assert codes == ["budget", "peace", "budget", "peace"]
    assert [each.decision.because.code for each in distress[1:]] == [
        *("unfunded", "unmatched", "unfunded", "unmatched"),
    ]
    assert max(rounds) >= 2


def test_what_was_left_is_told_in_numbers_and_in_words() -> None:
    shop = shop_of_one()
    log = complaints((0, "ada"), (0.1, "bob"), (0.15, "cyd"), (0.2, "dan"))
    book = book_of(["ada", "bob", "cyd", "dan"])
    limits = MemoryLimits()
    effects = handle(shop, Told(0.9), log, (), book, NO_WATERMARK, limits.grant)
    late = visits((3, "ada"))
    handle(shop, Told(0.9), late, sorted(book), book, effects.watermark, limits.grant)
    by_name = {each.user_id: each.decision for each in effects.decided if each.decision.play}
    play = by_name["bob"].play
    assert play is not None
    assert [tuple(each)[:4] for each in play.obstacles] == [
        ("call", "budget", "day", (0.0, 400.0)),
        ("remind", "other", "cause", ()),
    ]
    assert by_name["bob"].why == (
        "risk 0.90 is at or above 0.50, but limits leave no room for a playbook"
    )
    hindrance = Hindrance(*tuple(play.obstacles[0])[1:])
    assert say(hindrance, "en", "EUR") == (
        "0.00 EUR is left of its budget of the day, and it may cost 4.00 EUR"
    )
    assert say(Hindrance("rate", "", (2_000, 1.0))) == (
        "the shop has done all 2000 that may be done in 1 hours"
    )
    # It is kept, and read again as it was.
    ledger = Ledger.decode(book["bob"].ledger.encode())
    assert any(each.because.code == "unfunded" for each in ledger.decisions)


def test_whoever_there_was_nothing_for_is_looked_at_again() -> None:
    shop = shop_of_one(CALLS)
    log = complaints((0, "ada"), (0.1, "bob"), (1.5, "bob"))
    effects = handle(shop, Told(0.9), log, (), book_of(["ada", "bob"]), NO_WATERMARK)
    of_bob = [
        each.decision.alert
        for each in effects.decided
        if each.user_id == "bob" and each.decision.cause == "distress"
    ]
    assert of_bob == [False, True]


def test_the_held_out_take_nothing_and_ask_for_as_much() -> None:
    text = """
    version = 1
    holdout = { share = 0.0 }
    [[playbook]]
    name = "call"
    holdout = 0.5
    budget = { day = 4.00 }
    action = { kind = "call", channel = "phone", cost = 4.00 }
    """
    shop = shop_of_one(plan_of(text))
    names = [f"shopper-{number}" for number in range(30)]
    log = complaints(*((number / 100, name) for number, name in enumerate(names)))
    effects = handle(shop, Told(0.9), log, (), book_of(names), NO_WATERMARK)
    arms = [each.decision.arm if each.decision.alert else "none" for each in effects.decided]
    # Until one is called, all who are held out; after that nobody.
    first = arms.index("treated")
    assert 0 < first < 30
    assert arms[:first] == ["holdout"] * first
    assert set(arms[first + 1 :]) == {"none"}


def test_where_nothing_is_limited_nothing_is_asked() -> None:
    shop = planned()
    log = complaints(*((number / 10, name) for number, name in enumerate(NAMES)))
    under_way = handling(shop, Told(0.9), log, (), book_of(NAMES), NO_WATERMARK)
    with pytest.raises(StopIteration) as done:
        next(under_way)
    assert done.value.value.alerts
    assert not shop.plan.limited if shop.plan else False
    assert TIGHT.limited


# -- crashes -----------------------------------------------------------------------------------


class Doomed(Worker):
    """A worker that may die before it has stored what it has asked for."""

    def __init__(self, limits: MemoryLimits, dice: random.Random) -> None:
        super().__init__(SHOP, Wavering(SHOP), 3)
        self.limits, self.dice = limits, dice
        self.deaths = 0

    def handle(self, *batch: Any) -> Effects:
        under_way = handling(*batch)
        try:
            asked = next(under_way)
            while True:
                answers = self.limits.grant(asked, batch[-1])
                if self.dice.random() < 0.5:
                    self.deaths += 1
                    raise Died
                asked = under_way.send(answers)
        except StopIteration as done:
            effects: Effects = done.value
            return effects


class Died(Exception):
    """Nothing of the batch is stored."""


@settings(max_examples=8, deadline=None)
@given(logs(least=15), st.lists(st.integers(1, 9), max_size=8), st.randoms(use_true_random=False))
def test_a_batch_that_is_taken_again_sets_nothing_aside_twice(
    log: list[Arrival], sizes: list[int], dice: random.Random
) -> None:
    async def story() -> None:
        limits = MemoryLimits()
        worker = Doomed(limits, dice)
        place = 0
        for size in [*sizes, len(log)]:
            some = log[place : place + size]
            place += size
            while True:
                try:
                    due = await worker.batch(some)
                except Died:
                    continue
                some = []
                if not due:
                    break
        alerts = worker.run.alerts
        assert len({each.alert_id for each in alerts}) == len(alerts)
        check_spent(alerts)
        # To the cent what the calls cost, and no more: nothing leaked in any death.
        months: Counter[str] = Counter()
        for each in alerts:
            if each.playbook == "call" and each.arm == "treated":
                months[f"call/{date_in('Asia/Shanghai', from_datetime(each.decided_at))[:7]}"] += (
                    300
                )
        pots = sorted(months)
        assert await limits.look(pots) == [Filling(months[pot], ANY) for pot in pots]
        hypothesis.target(worker.deaths)

    asyncio.run(story())
