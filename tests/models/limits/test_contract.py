"""What all limits must do, wherever they are kept."""

from __future__ import annotations

import pytest

from models.limits import (
    KNOWN_FOR,
    MOST_AT_ONCE,
    MOST_TOLD,
    Answer,
    Choice,
    Filling,
    Lack,
    Limits,
    Pot,
    Request,
    Settlement,
    Take,
)
from tests.models.limits.conftest import Play

DAY = Pot("bargains/2026-11-29", 1_000, kept_until=1_000_000)
MONTH = Pot("bargains/2026-11", 1_500, kept_until=2_000_000)
MINUTE = Pot("alerts/17:05", 2, kept_until=500_000, money=False)
YES = [Answer("it")]


def ask(alert: str, *amounts: tuple[Pot, int], until: int = 100_000) -> Request:
    return Request(alert, (Choice("it", tuple(Take(*each) for each in amounts), until),))


def no(pot: Pot, left: int) -> Answer:
    return Answer(None, (Lack("it", pot.name, left),))


async def taken(limits: Limits, *pots: Pot) -> list[Filling]:
    return await limits.look([pot.name for pot in pots])


def test_a_pot_is_never_overspent(play: Play) -> None:
    async def story(limits: Limits) -> None:
        asked = [ask(f"a{number}", (DAY, 300)) for number in range(5)]
        none = no(DAY, 100)
        assert await limits.reserve(asked, now=1) == [*YES * 3, none, none]
        assert await taken(limits, DAY) == [Filling(900, 0)]
        assert await limits.reserve([ask("small", (DAY, 100))], now=2) == YES
        assert await taken(limits, DAY) == [Filling(1_000, 0)]

    play(story)


def test_all_pots_of_an_alert_or_none(play: Play) -> None:
    async def story(limits: Limits) -> None:
        assert await limits.reserve([ask("a", (DAY, 900), (MONTH, 900))], 1) == YES
        tomorrow = Pot("bargains/2026-11-30", 1_000, 1_000_000)
        [answer] = await limits.reserve([ask("b", (tomorrow, 700), (MONTH, 700))], 2)
        assert answer == no(MONTH, 600)
        assert await taken(limits, tomorrow, MONTH) == [Filling(), Filling(900)]

    play(story)


def test_who_asks_again_is_told_the_same_and_nothing_is_taken_twice(play: Play) -> None:
    async def story(limits: Limits) -> None:
        twice = [ask("a", (DAY, 600), (MINUTE, 1))] * 2
        assert await limits.reserve(twice, 1) == YES * 2
        assert await limits.reserve(twice, 2) == YES * 2
        # Also when the pot is full by now, or there must be room for more.
        await limits.reserve([ask("b", (DAY, 400))], 3)
        assert await limits.reserve(twice, 4) == YES * 2
        roomy = Request("b", (Choice("it", (Take(DAY, 400, 900),), 100_000),))
        assert await limits.reserve([roomy], 5) == YES
        assert await taken(limits, DAY, MINUTE) == [Filling(1_000), Filling(1)]

    play(story)


def test_what_was_not_used_goes_back(play: Play) -> None:
    async def story(limits: Limits) -> None:
        asked = [ask("a", (DAY, 600), (MONTH, 600), (MINUTE, 1))]
        await limits.reserve(asked, 1)
        assert await limits.settle([Settlement("a", "o", 0)], 2) == [True]
        assert await taken(limits, DAY, MONTH, MINUTE) == [Filling(), Filling(), Filling(1)]
        # It stays the alert's: a batch that is processed again sets nothing aside.
        assert await limits.reserve(asked, 3) == YES
        assert await taken(limits, DAY) == [Filling()]

    play(story)


@pytest.mark.parametrize("order", ["abc", "cba", "bcacba"])
def test_what_an_alert_has_cost_is_the_sum_of_its_outcomes_each_counted_once(
    order: str, play: Play
) -> None:
    told = {
        "a": Settlement("x", "sent", 50, closes=False),
        "b": Settlement("x", "redeemed", 400),
        "c": Settlement("x", "opened", 0, closes=False),
    }

    async def story(limits: Limits) -> None:
        await limits.reserve([ask("x", (DAY, 600)), ask("y", (DAY, 100))], 1)
        for each in order:
            assert await limits.settle([told[each]], 2) == [True]
        # Whoever tells of the same with another cost is not heard.
        await limits.settle([told["b"]._replace(cost=999)], 3)
        assert await taken(limits, DAY) == [Filling(550, 450)]

    play(story)


def test_as_long_as_more_may_come_nothing_goes_back(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600))], 1)
        await limits.settle([Settlement("a", "sent", 50, closes=False)], 2)
        assert await taken(limits, DAY) == [Filling(600, 50)]
        await limits.settle([Settlement("a", "sent again", 700, closes=False)], 2)
        assert await taken(limits, DAY) == [Filling(750, 750)]

    play(story)


def test_all_that_was_set_aside_may_be_spent_without_saying_how_much_that_is(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600), (MONTH, 600))], 1)
        await limits.settle([Settlement("a", "redeemed", None)], 2)
        assert await taken(limits, DAY, MONTH) == [Filling(600, 600)] * 2

    play(story)


def test_what_more_outcomes_than_are_counted_have_cost_is_passed_over(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 10))], 1)
        heard = [Settlement("a", str(each), 1, closes=False) for each in range(MOST_TOLD + 5)]
        assert await limits.settle(heard, 2) == [True] * len(heard)
        assert await taken(limits, DAY) == [Filling(MOST_TOLD, MOST_TOLD)]

    play(story)


def test_what_cost_more_than_was_set_aside_is_counted(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600))], 1)
        await limits.settle([Settlement("a", "o", 1_100)], 2)
        assert await taken(limits, DAY) == [Filling(1_100, 1_100)]
        assert await limits.reserve([ask("b", (DAY, 1))], 3) == [no(DAY, 0)]

    play(story)


def test_a_reservation_that_nobody_settles_goes_back_when_it_ends(play: Play) -> None:
    long_day = DAY._replace(kept_until=10**12)

    async def story(limits: Limits) -> None:
        await limits.reserve([ask("lost", (long_day, 800), (MINUTE, 1), until=50)], 1)
        await limits.reserve([ask("used", (long_day, 200), until=50)], 1)
        await limits.settle([Settlement("used", "o", 150)], 2)
        assert await limits.reserve([ask("b", (long_day, 800))], 49) == [no(DAY, 50)]
        assert await limits.reserve([ask("b", (long_day, 800))], 50) == YES
        assert await taken(limits, DAY, MINUTE) == [Filling(950, 150), Filling(1)]
        # What is heard after that is counted all the same.
        late = [Settlement("lost", "o", 30), Settlement("used", "p", 9)]
        assert await limits.settle(late, 51) == [True, True]
        assert await taken(limits, DAY) == [Filling(989, 189)]
        # But not for ever.
        late = [Settlement("lost", "q", 1), Settlement("used", "r", 1)]
        assert await limits.settle(late, 50 + KNOWN_FOR) == [False, False]

    play(story)


def test_where_silence_means_use_it_is_spent_at_the_end(play: Play) -> None:
    long_day = DAY._replace(kept_until=10**12)

    def call(alert: str) -> Request:
        (choice,) = ask(alert, (long_day, 400), until=50).choices
        return Request(alert, (choice._replace(silent_use=True),))

    async def story(limits: Limits) -> None:
        assert await limits.reserve([call("a"), call("b")], 1) == YES * 2
        await limits.settle([Settlement("b", "sent", 70, closes=False)], 2)
        assert await taken(limits, DAY) == [Filling(800, 70)]
        await limits.reserve([], 50)
        assert await taken(limits, DAY) == [Filling(800, 800)]
        # Until somebody says that it was not.
        await limits.settle([Settlement("a", "failed", 0)], 51)
        assert await taken(limits, DAY) == [Filling(400, 400)]

    play(story)


def test_the_first_choice_for_which_there_is_enough_is_taken(play: Play) -> None:
    def either(alert: str) -> Request:
        (call,) = ask(alert, (DAY, 600), (MONTH, 600)).choices
        gift = Choice("gift", (Take(MINUTE, 1),), 100_000)
        return Request(alert, (call, gift, Choice("nothing")))

    async def story(limits: Limits) -> None:
        lack, full = Lack("it", DAY.name, 400), Lack("gift", MINUTE.name, 0)
        asked = [either(name) for name in "abcd"]
        expected = [
            Answer("it"),
            Answer("gift", (lack,)),
            Answer("gift", (lack,)),
            Answer("nothing", (lack, full)),
        ]
        assert await limits.reserve(asked, 1) == expected
        # What was set aside for one thing is not for another, if there is now enough for that.
        await limits.settle([Settlement("a", "o", 0)], 2)
        assert await limits.reserve([asked[1]], 3) == [Answer("gift")]
        assert await taken(limits, DAY, MONTH, MINUTE) == [Filling(), Filling(), Filling(2)]
        # Nothing was set aside for nothing.
        assert await limits.reserve([asked[3]], 3) == [Answer("it")]

    play(story)


def test_what_was_set_aside_for_what_is_no_choice_any_more_goes_back(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600))], 1)
        await limits.settle([Settlement("a", "sent", 50, closes=False)], 1)
        other = Request("a", (Choice("other", (Take(DAY, 950), Take(MONTH, 1)), 100_000),))
        assert await limits.reserve([other], 2) == [Answer("other")]
        assert await taken(limits, DAY, MONTH) == [Filling(1_000, 50), Filling(1)]
        dear = Request("a", (Choice("dear", (Take(DAY, 990),), 100_000),))
        none = Answer(None, (Lack("dear", DAY.name, 950),))
        assert await limits.reserve([dear], 3) == [none]
        assert await taken(limits, DAY, MONTH) == [Filling(50, 50), Filling()]
        assert await limits.settle([Settlement("a", "more", 9)], 4) == [False]

    play(story)


def test_what_was_set_aside_for_one_thing_is_not_for_another_at_the_same_price(
    play: Play,
) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600))], 1)
        other = Request("a", (Choice("other", (Take(DAY, 600),), 100_000),))
        assert await limits.reserve([other], 2) == [Answer("other")]
        assert await taken(limits, DAY) == [Filling(600)]

    play(story)


def test_what_was_set_aside_at_another_price_is_set_aside_anew(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 600)), ask("b", (DAY, 100))], 1)
        assert await limits.reserve([ask("a", (DAY, 700))], 2) == YES
        assert await taken(limits, DAY) == [Filling(800)]
        assert await limits.reserve([ask("a", (DAY, 950))], 3) == [no(DAY, 900)]
        assert await limits.reserve([ask("b", (MONTH, 100))], 4) == YES
        assert await taken(limits, DAY, MONTH) == [Filling(), Filling(100)]

    play(story)


def test_there_must_be_room_for_more_than_is_taken(play: Play) -> None:
    def held_out(alert: str) -> Request:
        return Request(alert, (Choice("it", (Take(DAY, 0, 300), Take(MINUTE, 0, 1)), 100_000),))

    async def story(limits: Limits) -> None:
        asked = [held_out("a"), ask("b", (DAY, 800)), held_out("c"), held_out("a")]
        assert await limits.reserve(asked, 1) == [*YES, *YES, no(DAY, 200), *YES]
        assert await taken(limits, DAY, MINUTE) == [Filling(800), Filling()]

    play(story)


def test_a_pot_is_forgotten_when_nobody_needs_it(play: Play) -> None:
    async def story(limits: Limits) -> None:
        await limits.reserve([ask("a", (DAY, 800), until=DAY.kept_until + 10)], 1)
        await limits.reserve([], DAY.kept_until)
        assert await taken(limits, DAY) == [Filling()]
        # Nor does what comes of its alerts bring it back.
        assert await limits.settle([Settlement("a", "o", 500)], DAY.kept_until) == [True]
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
        assert await limits.reserve([ask("b", (vault, 2))], 1) == [no(vault, 1)]
        assert await limits.reserve([ask("c", (vault, 1))], 1) == YES
        assert await taken(limits, vault) == [Filling(most)]

    play(story)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ask("", (DAY, 1)), "1 to 200 characters, not 0"),
        (ask("a", (DAY, 1), (DAY, 2)), "each once"),
        (Request("a", ()), "1 to 64 choices"),
        (Request("a", (Choice("x"), Choice("x"))), "each once"),
        (Request("a", (Choice("x" * 201),)), "not 201"),
        (ask("a", (DAY, -1)), "takes -1 of 1000"),
        (ask("a", (DAY._replace(limit=2**60), 1)), "whole numbers"),
        (ask("a", (DAY._replace(name="x" * 201), 1)), "not 201"),
        (ask("a", (DAY, 1), until=-5), "no time"),
    ],
    ids=[
        "no-id",
        "twice",
        "no-choice",
        "same",
        "long-choice",
        "negative",
        "too-large",
        "long-name",
        "no-time",
    ],
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
            await limits.settle([Settlement(str(each), "o", 1) for each in range(501)], 1)
        with pytest.raises(ValueError, match="cannot have cost -1"):
            await limits.settle([Settlement("a", "o", -1)], 1)
        with pytest.raises(ValueError, match="at most 200 characters, not 201"):
            await limits.settle([Settlement("a", "o" * 201, 1)], 1)

    play(story)
