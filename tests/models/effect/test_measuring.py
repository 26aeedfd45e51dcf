"""A planted truth is found where it is and nowhere else; and who looks every week is not misled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from string import Formatter

import numpy as np
import pytest

from features import DAY, WEEK
from models.effect import (
    REASONS,
    Advice,
    Effect,
    Following,
    Line,
    Rules,
    advise,
    compare,
    looks,
    measure,
)
from models.judging import Interval
from tests.models.effect.alerted import (
    HORIZON,
    LOYAL,
    OCCASIONAL,
    START,
    alert,
    event,
    outcome,
)

#: By action and segment: how many points more come back when treated.
PLANTED = {
    ("offer", "occasional"): 0.06,
    ("offer", "loyal"): 0.0,
    ("remind", "occasional"): 0.0,
    ("remind", "loyal"): 0.0,
    ("call", "occasional"): -0.08,
    ("call", "loyal"): -0.08,
}
EACH = 6_000
WAYS = {
    "offer": {"risk": 0.85},
    "remind": {"risk": 0.65},
    "call": {"risk": 0.95, "cause": "distress"},
}
RULES = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.5, margin=0.4)


@pytest.fixture(scope="module")
def planted() -> dict[tuple[str, ...], Line]:
    """A year of a shop whose truth is known: half held out, each action in each segment."""
    rng = np.random.default_rng(1998)
    following = Following(lambda kind: True, HORIZON, ("action", "segment"))
    alerts = []
    for action, segment in PLANTED:
        for number in range(EACH):
            treated = rng.random() < 0.5
            alerts.append(
                alert(
                    f"{action}/{segment}/{number}",
                    START + int(rng.integers(0, 300)) * DAY,
                    arm="treated" if treated else "holdout",
                    action=action if treated else "none",
                    vector=LOYAL if segment == "loyal" else OCCASIONAL,
                    **WAYS[action],
                )
            )
            following.alert(alerts[-1])
    for each in alerts:
        name, treated = each.user_id, each.arm == "treated"
        action, segment, _ = name.split("/")
        at = round(each.decided_at.timestamp() * 1_000)
        keen = rng.random()
        if keen < 0.5:
            following.event(event(name, at - DAY))
        base = 0.25 + 0.3 * (keen < 0.5)
        if rng.random() < base + PLANTED[action, segment] * treated:
            amount = float(rng.lognormal(3, 0.5))
            following.event(event(name, at + 9 * DAY, "purchase", amount=amount))
        if treated:
            following.outcome(outcome(1, each, at + DAY, cost=0.05))
    found = measure(following, RULES, START + 500 * DAY)
    return {line.group: line for line in found.lines}


def test_what_works_is_kept_where_it_works_and_what_harms_is_stopped(
    planted: dict[tuple[str, ...], Line],
) -> None:
    words = {group: line.advice.word for group, line in planted.items()}
    assert words["offer", "occasional"] == "keep"
    assert {words["call", "occasional"], words["call", "loyal"]} == {"stop"}
    for group, truth in PLANTED.items():
        if truth == 0:
            assert words[group] != "keep"
            assert not planted[group].figures["returned"].difference.leaves_out(0)
    assert "drives customers away" in planted["call", "loyal"].advice.because


def test_the_bounds_hold_the_truth(planted: dict[tuple[str, ...], Line]) -> None:
    value = 0.4 * math.exp(3 + 0.5**2 / 2)
    for group, truth in PLANTED.items():
        line = planted[group]
        assert line.treated + line.held_out == EACH
        for name in ("returned", "repurchased"):
            assert not line.figures[name].difference.leaves_out(truth)
        assert not line.figures["margin"].difference.leaves_out(truth * value - 0.05)
        assert not line.figures["gone"].difference.leaves_out(-truth)
        assert 0.04 < line.figures["returned"].reduction < 0.2
    overall = planted[()]
    assert overall.treated + overall.held_out == EACH * len(PLANTED)
    low, high = overall.brought[1:]
    truth = sum(lift * value - 0.05 for lift in PLANTED.values()) * EACH / 2
    assert low < truth < high


def looked(seed: int, lift: float, cost: float) -> Iterator[str]:
    """Yield what is said again and again, of a shop with 100 alerts a week."""
    rng = np.random.default_rng(seed)
    size = 3_000
    treated = rng.random(size) >= 0.2
    keen = rng.random((size, 1))
    back = rng.random(size) < 0.2 + 0.4 * keen[:, 0] + lift * treated
    money = back * rng.lognormal(2, 1, size) - cost * treated
    for week in (3, 4, 5, 6, 8, 10, 13, 17, 22, 30):
        some = slice(0, 100 * week)
        figures = [
            compare(figure[some].astype(float), treated[some], keen[some], alpha=0.025)
            for figure in (back, money)
        ]
        yield advise(*figures, mismatch=1.0, weekly=100, worth=0.0).word


def ever(words: set[str], shops: int, lift: float = 0.0, cost: float = 0.0) -> float:
    """Return the share of shops that are told one of some words at any look."""
    return sum(bool(words & set(looked(seed, lift, cost))) for seed in range(shops)) / shops


def test_over_200_shops_where_nothing_works_few_are_ever_told_that_it_does_or_harms() -> None:
    assert ever({"keep", "stop"}, 200) <= 0.05


def test_what_works_or_harms_much_is_found_by_most() -> None:
    assert ever({"keep"}, 30, lift=0.15) > 0.8
    assert ever({"stop"}, 30, cost=4.0) > 0.8


# -- words -----------------------------------------------------------------------------------------


def effect(low: float, high: float, held_out: int = 500, treated: int = 4_500) -> Effect:
    bounds = Interval((low + high) / 2, low, high)
    return Effect(treated, held_out, 0.5, 0.5, bounds, 2.0, 0.0, 0.025)


def said(back: Effect, money: Effect, mismatch: float = 0.5) -> str:
    found = advise(back, money, mismatch=mismatch, weekly=100, worth=0.02)
    return f"{found.word}: {found.because}"


@pytest.mark.parametrize(
    ("back", "money", "words"),
    [
        ((0.01, 0.09), (0.5, 2.0), "keep: 5.0 points more of them come back (1.0 to 9.0); and it"),
        (
            (0.01, 0.09),
            (-1.0, 2.0),
            "keep: 5.0 points more of them come back (1.0 to 9.0); whether",
        ),
        ((0.01, 0.09), (-3.0, -1.0), "stop: it costs more than it brings: -3.00 to -1.00"),
        ((-0.09, -0.01), (0.5, 2.0), "stop: it drives customers away: 5.0 points fewer"),
        ((-0.02, 0.05), (0.5, 2.0), "keep: it brings more than it costs: 0.50 to 2.00"),
        ((-0.02, 0.01), (-1.0, 2.0), "stop: at best 1.0 points more come back, and 2.0 would be"),
        ((-0.02, 0.05), (-1.0, 2.0), "not yet: the bounds still hold zero (-2.0 to 5.0 points)"),
    ],
)
def test_a_verdict_says_why(
    back: tuple[float, float], money: tuple[float, float], words: str
) -> None:
    assert said(effect(*back), effect(*money)).startswith(words)


@pytest.mark.parametrize(
    ("back", "mismatch", "words"),
    [
        (effect(0.01, 0.09), 1e-5, "the groups have not the sizes that were drawn"),
        (effect(0.01, 0.09, held_out=0), 0.5, "nobody was held out"),
        (effect(0.01, 0.09, treated=0), 0.5, "nobody was treated"),
        (effect(0.01, 0.09, held_out=40, treated=360), 0.5, "of only 40 held-out customers"),
        (effect(0.01, 0.09, held_out=40, treated=360), 0.5, "at this pace about 1 week"),
    ],
)
def test_without_something_to_hold_it_to_nothing_is_said(
    back: Effect, mismatch: float, words: str
) -> None:
    found = said(back, effect(0.5, 2.0), mismatch)
    assert found.startswith("not yet")
    assert words in found


# -- who counts, and when --------------------------------------------------------------------------


def crowd(size: int, at: Callable[[int], int]) -> Following:
    following = Following(lambda kind: True, HORIZON, ("action",))
    for number in range(size):
        arm = "holdout" if number % 4 == 0 else "treated"
        following.alert(alert(f"c{number}", at(number), arm=arm))
    return following


def test_nobody_counts_before_the_horizon_has_passed_for_them() -> None:
    following = crowd(400, lambda number: START + number * DAY // 10)
    # Everybody comes back on the next day: who has already done so counts no earlier for it.
    for name, each in list(following.customers.items()):
        following.event(event(name, each.at + DAY))
    rules = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.25)
    for days, known in ((29, 0), (40, 100), (70, 400)):
        [line, _] = measure(following, rules, START + days * DAY + 1).lines
        assert line.figures["returned"].count == pytest.approx(known, abs=1)
        assert line.figures["gone"].count == 0
        assert line.treated + line.held_out == 400
    assert line.weekly == pytest.approx(70, rel=0.02)
    assert line.advice.word != "keep"


def test_since_leaves_out_who_was_alerted_before() -> None:
    following = crowd(400, lambda number: START + (number % 2) * 10 * WEEK)
    for number in range(0, 400, 2):
        following.alert(alert(f"c{number}", START + 11 * WEEK))
    rules = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.0, since=START + WEEK)
    found = measure(following, rules, START + 99 * WEEK)
    assert found.before == 200
    assert found.first == found.last == START + 10 * WEEK
    assert found.lines[0].treated + found.lines[0].held_out == 200


def test_where_the_arms_are_not_what_was_drawn_no_group_is_trusted() -> None:
    following = crowd(2_000, lambda number: START)
    rules = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.1)
    lines = measure(following, rules, START + 99 * WEEK).lines
    assert len(lines) == 2
    assert all("sizes that were drawn" in line.advice.because for line in lines)


def test_the_cost_of_an_alert_that_told_none_is_taken_off() -> None:
    following = crowd(400, lambda number: START)
    rules = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.25, cost=2.0)
    [line, _] = measure(following, rules, START + 99 * WEEK).lines
    margin = line.figures["margin"]
    assert (margin.treated_mean, margin.held_out_mean) == (-2.0, 0.0)
    assert line.brought[0] == pytest.approx(-600)


def test_without_any_alert_there_is_nothing_to_say() -> None:
    found = measure(Following(lambda kind: True, HORIZON), RULES, START)
    assert (len(found.lines), found.first) == (1, None)
    assert found.lines[0].advice.word == "not yet"


# -- as it was known before ------------------------------------------------------------------------


def test_a_look_back_says_what_was_said_then() -> None:
    following = crowd(400, lambda number: START + number * DAY // 10)
    for name, each in list(following.customers.items()):
        if int(name[1:]) % 3:
            following.event(event(name, each.at + DAY))
    now = START + 99 * DAY
    found = looks(following, RULES, now, 9, groups=1)
    assert list(found) == [(), ("offer",)]
    for place, group in enumerate(found):
        for look in found[group]:
            line = measure(following, RULES, look.at).lines[place]
            assert look.figures == {name: line.figures[name] for name in ("returned", "margin")}
        assert found[group][-1].figures["returned"].count == 400
    moments = [look.at for look in found[()]]
    assert len(moments) == 9
    assert np.ptp(np.diff(moments)) <= 1
    assert found[()][0].figures["returned"].count == 1


def test_before_anything_is_known_there_is_nothing_to_look_back_at() -> None:
    following = crowd(4, lambda number: START)
    assert looks(following, RULES, START + HORIZON, 9) == {}
    assert list(looks(following, RULES, START + HORIZON + 1, 9)) == [()]


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_that_lacks_a_number_is_found_out(code: str) -> None:
    numbers = {name: 1.0 for _, name, _, _ in Formatter().parse(REASONS[code]) if name}
    assert "{" not in Advice("keep", code, numbers).because
    for name in numbers:
        with pytest.raises(KeyError):
            _ = Advice("keep", code, numbers | {"x": 1.0}).because
        less = {key: value for key, value in numbers.items() if key != name}
        with pytest.raises(KeyError):
            _ = Advice("keep", code, less).because
