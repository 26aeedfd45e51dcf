"""What all limits must do, wherever they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.limits import (
    MOST_AT_ONCE,
    Answer,
    Filling,
    Limits,
    MemoryLimits,
    Pot,
    Request,
    Settlement,
    Take,
)
from tests.models.limits.conftest import Play, in_redis

DAY = Pot("bargains/2026-11-29", 1_000, kept_until=1_000_000)
MONTH = Pot("bargains/2026-11", 1_500, kept_until=2_000_000)
MINUTE = Pot("alerts/17:05", 2, kept_until=500_000, money=False)
YES = [Answer(True)]


def ask(alert: str, *amounts: tuple[Pot, int], until: int = 100_000) -> Request:
    return Request(alert, tuple(Take(*each) for each in amounts), until)


async def taken(limits: Limits, *pots: Pot) -> list[Filling]:
    return await limits.look([pot.name for pot in pots])


def test_a_pot_is_never_overspent(play: Play) -> None:
    async def story(limits: Limits) -> None:
        asked = [ask(f"a{number}", (DAY, 300)) for number in range(5)]
        no = Answer(False, DAY.name, 100)
        assert await limits.reserve(asked, now=1) == [*YES * 3, no, no]
        assert await taken(limits, DAY) == [Filling(900, 0)]
        assert await limits.reserve([ask("small", (DAY, 100))], now=2) == YES
        assert await taken(limits, DAY) == [Filling(1_000, 0)]

    play(story)


def test_all_pots_of_an_alert_or_none(play: Play) -> None:
    async def story(limits: Limits) -> None:
        assert await limits.reserve([ask("a", (DAY, 900), (MONTH, 900))], 1) == YES
        tomorrow = Pot("bargains/2026-11-30", 1_000, 1_000_000)
        [answer] = await limits.reserve([ask("b", (tomorrow, 700), (MONTH, 700))], 2)
        assert answer == Answer(False, MONTH.name, 600)
        assert await taken(limits, tomorrow, MONTH) == [Filling(), Filling(900)]

    play(story)


def test_who_asks_again_is_told_the_same_and_nothing_is_taken_twice(play: Play) -> None:
    async def story(limits: Limits) -> None:
        twice = [ask("a", (DAY, 600), (MINUTE, 1))] * 2
        assert await limits.reserve(twice, 1) == YES * 2
        assert await limits.reserve(twice, 2) == YES * 2
        # Also when the pot is full by now, or it is asked for more.
        await limits.reserve([ask("b", (DAY, 400))], 3)
        assert await limits.reserve([ask("a", (DAY, 9_000))], 4) == YES
        assert await taken(limits, DAY, MINUTE) == [Filling(1_000), Filling(1)]

    play(story)


def test_what_was_not_used_goes_back(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600), (MONTH, 600), (MINUTE, 1))], 1)
        assert await limits.settle([Settlement("a", 0)], 2) == [True]
        assert await taken(limits, DAY, MONTH, MINUTE) == [Filling(), Filling(), Filling(1)]
        # It stays the alert's: a batch that is processed again sets nothing aside.
        assert await limits.reserve([ask("a", (DAY, 600))], 3) == YES
        assert await taken(limits, DAY) == [Filling()]

    play(story)


@pytest.mark.parametrize("order", [(0, 250, 400), (400, 250, 0), (250, 400, 400, 0, 250)])
def test_of_several_settlements_the_largest_holds(order: Sequence[int], play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600)), ask("b", (DAY, 100))], 1)
        for spent in order:
            assert await limits.settle([Settlement("a", spent)], 2) == [True]
        assert await taken(limits, DAY) == [Filling(500, 400)]

    play(story)


def test_what_cost_more_than_was_set_aside_is_counted(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600))], 1)
        await limits.settle([Settlement("a", 1_100)], 2)
        assert await taken(limits, DAY) == [Filling(1_100, 1_100)]
        assert await limits.reserve([ask("b", (DAY, 1))], 3) == [Answer(False, DAY.name, 0)]

    play(story)


def test_a_reservation_that_nobody_settles_goes_back_when_it_ends(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("lost", (DAY, 800), (MINUTE, 1), until=50)], 1)
        await limits.reserve([ask("used", (DAY, 200), until=50)], 1)
        await limits.settle([Settlement("used", 150)], 2)
        assert await limits.reserve([ask("b", (DAY, 800))], 49) == [Answer(False, DAY.name, 50)]
        assert await limits.reserve([ask("b", (DAY, 800))], 50) == YES
        assert await taken(limits, DAY, MINUTE) == [Filling(950, 150), Filling(1)]
        assert await limits.settle([Settlement("lost", 1), Settlement("used", 999)], 51) == [
            False,
            False,
        ]
        assert await taken(limits, DAY) == [Filling(950, 150)]

    play(story)


def test_a_pot_is_forgotten_when_nobody_needs_it(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 800), until=DAY.kept_until + 10)], 1)
        await limits.reserve([], DAY.kept_until)
        assert await taken(limits, DAY) == [Filling()]
        # Nor does what comes of its alerts bring it back.
        assert await limits.settle([Settlement("a", 500)], DAY.kept_until) == [True]
        await limits.settle([], DAY.kept_until + 10)
        assert await taken(limits, DAY) == [Filling()]

    play(story)


def test_a_later_time_to_keep_a_pot_holds(play: Play) -> None:
    async def story(limits: Limits) -> None:
        longer = DAY._replace(kept_until=DAY.kept_until + 5)
        far = DAY.kept_until * 2
        await limits.reserve(
            [ask(str(at), (pot, 1), until=far) for at, pot in enumerate((DAY, longer, DAY))], 1
        )
        await limits.reserve([], DAY.kept_until)
        assert await taken(limits, DAY) == [Filling(3)]
        await limits.reserve([], longer.kept_until)
        assert await taken(limits, DAY) == [Filling()]

    play(story)


def test_more_end_at_once_than_one_step_takes(play: Play) -> None:
    async def story(limits: Limits) -> None:
        large = DAY._replace(limit=10**6)
        for start in range(0, 1_500, MOST_AT_ONCE):
            names = range(start, start + MOST_AT_ONCE)
            await limits.reserve([ask(str(name), (large, 2), until=9) for name in names], 1)
        assert await taken(limits, DAY) == [Filling(3_000)]
        await limits.reserve([], 9)
        assert await taken(limits, DAY) == [Filling()]

    play(story)


def test_large_amounts_are_exact(play: Play) -> None:
    async def story(limits: Limits) -> None:
        most = 2**53 - 1
        vault = Pot("vault", most, 10**12)
        assert await limits.reserve([ask("a", (vault, most - 1))], 1) == YES
        assert await limits.reserve([ask("b", (vault, 2))], 1) == [Answer(False, "vault", 1)]
        assert await limits.reserve([ask("c", (vault, 1))], 1) == YES
        assert await taken(limits, vault) == [Filling(most)]

    play(story)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ask("", (DAY, 1)), "1 to 200 characters, not 0"),
        (ask("a", (DAY, 1), (DAY, 2)), "each once"),
        (ask("a", (DAY, -1)), "takes -1 of 1000"),
        (ask("a", (DAY._replace(limit=2**60), 1)), "whole numbers"),
        (ask("a", (DAY._replace(name="x" * 201), 1)), "not 201"),
        (ask("a", (DAY, 1), until=-5), "no time"),
    ],
    ids=["no-id", "twice", "negative", "too-large", "long-name", "no-time"],
)
def test_what_cannot_be_meant_is_refused_whole(request_: Request, why: str, play: Play) -> None:
    async def story(limits: Limits) -> None:
        with pytest.raises(ValueError, match=why):
            await limits.reserve([ask("good", (DAY, 5)), request_], 1)
        assert await taken(limits, DAY) == [Filling()]

    play(story)


def test_too_many_at_once_are_refused(play: Play) -> None:
    async def story(limits: Limits) -> None:
        with pytest.raises(ValueError, match="501 at once are more than 500"):
            await limits.reserve([ask(str(each)) for each in range(501)], 1)
        with pytest.raises(ValueError, match="501 at once"):
            await limits.settle([Settlement(str(each), 1) for each in range(501)], 1)
        with pytest.raises(ValueError, match="cannot have cost -1"):
            await limits.settle([Settlement("a", -1)], 1)

    play(story)


POTS = [
    Pot("day", 20, 60),
    Pot("month", 30, 90),
    Pot("minute", 4, 30, money=False),
    Pot("$day", 7, 40),
    Pot("tag {x}\n*", 9, 40),
]
takes = st.lists(
    st.builds(Take, st.sampled_from(POTS), st.integers(0, 9)),
    max_size=3,
    unique_by=lambda take: take.pot.name,
).map(tuple)
names = st.sampled_from(["a", "b", "c", "d", "e", "ä", "r:a"])
asking = st.lists(st.builds(Request, names, takes, st.integers(0, 99)), max_size=4)
settling = st.lists(st.builds(Settlement, names, st.integers(0, 12)), max_size=4)
steps = st.lists(
    st.tuples(st.integers(0, 25), st.one_of(asking, settling).filter(bool)), max_size=12
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
    """Each pot, counted anew from the reservations: never above its limit."""

    async def audit() -> None:
        limits = MemoryLimits()
        now = 0
        held: dict[str, tuple[Request, list[int]]] = {}
        over = dict.fromkeys((pot.name for pot in POTS), 0)
        lost: dict[str, Filling] = {pot.name: Filling() for pot in POTS}
        for later, step in story:
            now += later
            for name in [name for name, (request, _) in held.items() if request.until <= now]:
                request, spent = held.pop(name)
                for pot, amount in request.takes:
                    taken, used = lost[pot.name]
                    if not pot.money:
                        lost[pot.name] = Filling(taken + amount, used)
                    elif spent:
                        lost[pot.name] = Filling(taken + max(spent), used + max(spent))
            if any(pot.kept_until <= now for pot in POTS):
                return  # what a forgotten pot says is told by the test above
            if isinstance(step[0], Request):
                answers = await limits.reserve(step, now)
                for request, answer in zip(step, answers, strict=True):
                    if answer.granted:
                        held.setdefault(request.alert_id, (request, []))
            else:
                for (name, cost), known in zip(step, await limits.settle(step, now), strict=True):
                    assert known == (name in held)
                    if known:
                        held[name][1].append(cost)
                        for pot, amount in held[name][0].takes:
                            over[pot.name] += max(0, cost - amount)
            for pot, (taken, used) in zip(
                POTS, await limits.look([pot.name for pot in POTS]), strict=True
            ):
                expected, expected_used = lost[pot.name]
                for request, spent in held.values():
                    for each, amount in request.takes:
                        if each == pot:
                            money = pot.money and spent
                            expected += max(spent) if money else amount
                            expected_used += max(spent) if money else 0
                assert (taken, used) == (expected, expected_used)
                assert taken <= pot.limit + over[pot.name]

    asyncio.run(audit())
