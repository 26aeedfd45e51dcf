"""Any story of askings and settlements: Redis says what memory says, and memory what adds up."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.limits import (
    KNOWN_FOR,
    Answer,
    Choice,
    Filling,
    Limits,
    MemoryLimits,
    Pot,
    Request,
    Settlement,
    Take,
)
from tests.models.limits.conftest import in_redis

POTS = [
    Pot("day", 20, 60),
    Pot("month", 30, 90),
    Pot("minute", 4, 30, money=False),
    Pot("$day", 7, 40),
    Pot("tag {x}\n*", 9, 40),
]
takes = st.lists(
    st.builds(Take, st.sampled_from(POTS), st.integers(0, 9), st.integers(0, 12)),
    max_size=3,
    unique_by=lambda take: take.pot.name,
).map(tuple)
names = st.sampled_from(["a", "b", "c", "d", "e", "ä", "r:a"])
choices = st.lists(
    st.builds(Choice, st.sampled_from("uvw"), takes, st.integers(0, 99), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda choice: choice.name,
).map(tuple)
asking = st.lists(st.builds(Request, names, choices), max_size=4)
settling = st.lists(
    st.builds(
        Settlement,
        names,
        st.sampled_from("12345"),
        st.one_of(st.none(), st.integers(0, 12)),
        st.booleans(),
    ),
    max_size=4,
)
steps = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 25), st.just(KNOWN_FOR)),
        st.one_of(asking, settling).filter(bool),
    ),
    max_size=12,
)


async def lived(limits: Limits, story: Any) -> list[object]:
    """Go through a story, and tell all that the limits say."""
    said: list[object] = []
    now = 0
    for later, step in story:
        now += later
        if isinstance(step[0], Request):
            said.append(await limits.reserve(step, now))
        else:
            said.append(await limits.settle(step, now))
        said.append(await limits.look([pot.name for pot in POTS]))
    return said


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_those_in_redis_say_what_those_in_memory_say(
    redis_url: str, namespace: str, story: Any
) -> None:
    async def both() -> None:
        expected = await lived(MemoryLimits(), story)
        async with in_redis(redis_url, namespace) as limits:
            assert await lived(limits, story) == expected

    asyncio.run(both())


@settings(max_examples=200, deadline=None)
@given(steps)
def test_a_pot_holds_what_its_alerts_have_taken(story: Any) -> None:
    """Each pot, counted anew from what was asked and heard: never above its limit by asking."""

    async def audit() -> None:
        limits = MemoryLimits()
        # Pots that are never forgotten: what a forgotten one says is told by a test above.
        pots = {pot.name: pot._replace(kept_until=10**15) for pot in POTS}
        now = 0
        #: All reservations that there ever were, and those that an alert stands under now.
        ever: list[dict[str, Any]] = []
        held: dict[str, dict[str, Any]] = {}
        for later, step in story:
            now += later
            for one in ever:
                if one["choice"].until <= now and not one["closed"]:
                    one["closed"], one["used"] = True, one["choice"].silent_use
            for name in [n for n, one in held.items() if one["choice"].until + KNOWN_FOR <= now]:
                del held[name]
            if isinstance(step[0], Request):
                lasting = [
                    (alert, tuple(kept(choice, pots) for choice in choices))
                    for alert, choices in step
                ]
                answers = await limits.reserve([Request(*each) for each in lasting], now)
                for (alert, offered), answer in zip(lasting, answers, strict=True):
                    chosen = next((c for c in offered if c.name == answer.granted), None)
                    one = held.get(alert)
                    if one is not None and any(same(c, one["choice"]) for c in offered):
                        assert answer == Answer(one["choice"].name)
                        continue
                    if one is not None:
                        one["closed"] = True
                        del held[alert]
                    assert [lack.choice for lack in answer.lacks] == [
                        c.name for c in offered[: offered.index(chosen) if chosen else None]
                    ]
                    for lack in answer.lacks:
                        refused = next(c for c in offered if c.name == lack.choice)
                        left = pots[lack.pot].limit - counted(ever, pots[lack.pot])[0]
                        assert lack.left == max(0, left)
                        assert any(
                            take.pot.name == lack.pot and max(take.amount, take.room) > left
                            for take in refused.takes
                        )
                    if chosen is not None and chosen.takes:
                        for take in chosen.takes:
                            there = counted(ever, pots[take.pot.name])[0]
                            assert there + max(take.amount, take.room) <= take.pot.limit
                        held[alert] = dict(choice=chosen, told={}, closed=False, used=False)
                        ever.append(held[alert])
            else:
                for heard, known in zip(step, await limits.settle(step, now), strict=True):
                    assert known == (heard.alert_id in held)
                    if known:
                        held[heard.alert_id]["told"].setdefault(heard.outcome_id, heard.cost)
                        if heard.closes:
                            held[heard.alert_id].update(closed=True, used=False)
            stand = await limits.look(list(pots))
            assert stand == [Filling(*counted(ever, pot)) for pot in pots.values()]

    asyncio.run(audit())


def same(one: Choice, other: Choice) -> bool:
    return (one.name, [t[:2] for t in one.takes]) == (other.name, [t[:2] for t in other.takes])


def kept(choice: Choice, pots: dict[str, Pot]) -> Choice:
    return choice._replace(
        takes=tuple(take._replace(pot=pots[take.pot.name]) for take in choice.takes)
    )


def counted(ever: list[dict[str, Any]], pot: Pot) -> tuple[int, int]:
    """Return what is taken from a pot, and what of it is spent, added up."""
    taken = spent = 0
    for one in ever:
        for take in one["choice"].takes:
            if take.pot.name == pot.name:
                cost = sum(take.amount if c is None else c for c in one["told"].values())
                cost = max(cost, take.amount) if one["used"] else cost
                if not pot.money:
                    taken += take.amount
                else:
                    taken += cost if one["closed"] else max(cost, take.amount)
                    spent += cost
    return taken, spent
