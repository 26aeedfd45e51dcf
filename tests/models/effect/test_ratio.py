"""The splits that chance makes pass, whatever the shares; those that something else made do not."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features import DAY
from models.effect import ALARM, Drawn, Following, Rules, Split, evidence, measure, split
from models.playbooks import Plan, chances_of, read_plan
from models.playbooks.draws import arm_of, held_out, held_out_of
from tests.models.effect.alerted import HORIZON, START, alert

CHANCES = st.dictionaries(
    st.sampled_from([0.0, 0.01, 0.1, 0.28, 0.5, 0.9, 1.0]), st.integers(0, 40), max_size=4
)


def ways(chances: dict[float, int]) -> list[float]:
    """Return the chance of each number, a customer at a time."""
    found = [1.0]
    for chance, count in chances.items():
        for _ in range(count):
            more = [way * (1 - chance) for way in found] + [0.0]
            for place, way in enumerate(found):
                more[place + 1] += way * chance
            found = more
    return found


@settings(max_examples=40)
@given(CHANCES)
@example({})
@example({1.0: 3})
@example({0.5: 30, 0.1: 40})
def test_over_all_that_chance_may_do_the_evidence_is_1_in_the_mean(
    chances: dict[float, int],
) -> None:
    mean = sum(
        way * math.exp(evidence(number, chances)) for number, way in enumerate(ways(chances)) if way
    )
    assert mean == pytest.approx(1, abs=1e-6)


@given(st.integers(0, 3_000), st.integers(1, 3_000), st.floats(0.01, 0.99))
def test_the_farther_from_its_share_the_faster_evidence_grows(
    found: int, count: int, chance: float
) -> None:
    if not 0 < found < count:
        assert math.isinf(evidence(count + 1, {chance: count}))
        return
    less, here, more = (evidence(found + step, {chance: count}) for step in (-1, 0, 1))
    assert less + more >= 2 * here - 1e-9
    assert here < 1 or abs(found - chance * count) > 2 * math.sqrt(count * chance * (1 - chance))


def test_of_a_million_customers_it_is_as_exact() -> None:
    # By the normal distribution, which many come to.
    for off in (0.0, 2.0, 5.0):
        n, chance = 1_000_000, 0.1
        spread = math.sqrt(n * chance * (1 - chance))
        wide = 1 + 0.3**2 * spread**2
        wanted = off**2 / 2 * (1 - 1 / wide) - math.log(wide) / 2
        assert evidence(round(n * chance + off * spread), {chance: n}) == pytest.approx(
            wanted, abs=0.1
        )


def test_who_looks_again_and_again_is_seldom_alarmed_for_nothing() -> None:
    rng = np.random.default_rng(4)
    size, shops = 3_000, 150
    chances = np.where(np.arange(size) % 3, 0.1, 0.37)
    ever, once = 0, 0
    for _ in range(shops):
        held = rng.random(size) < chances
        found = []
        for seen in range(100, size + 1, 100):
            counts = Counter(chances[:seen].tolist())
            found.append(evidence(int(held[:seen].sum()), counts))
        ever += max(found) >= math.log(1 / 0.05)
        expected, spread = chances.cumsum(), np.sqrt((chances * (1 - chances)).cumsum())
        once += bool((abs(held.cumsum() - expected)[99::100] > 1.96 * spread[99::100]).any())
    assert ever <= 0.05 * shops
    # A test for a single look, at the same level, would alarm every third shop.
    assert once > 0.2 * shops


# -- a plan draws, and is held to its own shares ---------------------------------------------------

TEXT = """
version = 1
holdout = { share = 0.1, salt = "SALT" }

[[playbook]]
name = "gift"
priority = 1
holdout = 0.3

[[playbook.arms]]
name = "ten"
weight = 2
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d" }

[[playbook.arms]]
name = "twenty"
action = { kind = "coupon", channel = "email", depth = 0.2, expires = "7d" }

[[playbook]]
name = "remind"
action = { kind = "message", channel = "email" }
"""
SHOPS = 250


def drawn_by(plan: Plan, names: Sequence[str]) -> Iterator[Drawn]:
    """Yield how customers are split; every third one gets the gift."""
    gift, remind = plan.playbooks
    for number, name in enumerate(names):
        playbook = remind if number % 3 else gift
        arm = arm_of(plan, playbook, name).name
        held = held_out(plan, name) or held_out_of(plan, playbook, name)
        chances = chances_of(plan, playbook.name, arm)
        yield Drawn(playbook.name, "6e34", arm, chances.arm, chances.held, held)


@pytest.fixture(scope="module")
def shops() -> list[list[Drawn]]:
    """The same shop, drawn anew each time."""
    plans = (read_plan(TEXT.replace("SALT", str(seed)), ()) for seed in range(SHOPS))
    names = [f"shopper-{number}" for number in range(450)]
    return [list(drawn_by(plan, names)) for plan in plans]


def alarms(shops: list[list[Drawn]], at: float = ALARM) -> int:
    return sum(split(shop).chance < at for shop in shops)


def test_right_shares_raise_no_alarm_but_as_often_as_is_said(shops: list[list[Drawn]]) -> None:
    assert alarms(shops) <= 2
    assert alarms(shops, 0.05) <= 0.05 * SHOPS
    found = split(shops[0])
    assert found.share == pytest.approx((0.37 + 2 * 0.1) / 3)
    # The share of the shop alone is not theirs.
    untold = [[each._replace(chance=0.1) for each in shop] for shop in shops]
    assert alarms(untold) > 0.9 * SHOPS


def without(shop: list[Drawn], lost: Callable[[Drawn], bool], share: float, seed: int) -> Split:
    """Return how a shop seems split when some alerts are lost."""
    rng = random.Random(seed)
    return split([each for each in shop if not (lost(each) and rng.random() < share)])


@pytest.mark.parametrize(
    ("lost", "where"),
    [
        (lambda each: not each.held_out, ("", "gift", "remind")),
        (lambda each: each.playbook == "gift" and each.held_out, ("", "gift")),
        (lambda each: each.playbook == "gift" and each.variant == "ten", ("gift",)),
        # Together they are even.
        (lambda each: each.held_out is (each.playbook == "gift"), ("gift", "remind")),
    ],
    ids=["treated", "held out of one", "an arm", "one of each"],
)
def test_what_chooses_after_the_draw_raises_it_and_says_where(
    shops: list[list[Drawn]], lost: Callable[[Drawn], bool], where: tuple[str, ...]
) -> None:
    # Shops of nine times the size.
    large = [list(chain(*shops[place : place + 9])) for place in range(0, 180, 9)]
    found = [without(shop, lost, 0.4, seed) for seed, shop in enumerate(large)]
    assert sum(each.chance < ALARM for each in found) >= 18
    assert {each.playbook for each in found} <= set(where)


def test_an_arm_that_never_came_is_missed_and_one_whose_share_is_not_told_is_not(
    shops: list[list[Drawn]],
) -> None:
    whole = [each for each in chain(*shops[:4]) if each.playbook == "gift"]
    some = [each for each in whole if each.variant == "ten"]
    assert (split(some).chance < ALARM, split(some).variant) == (True, "ten")
    assert split(some, variants=False).chance > ALARM
    assert split([each._replace(share=1.0) for each in whole]).chance > ALARM
    # As if told from the middle of the year on.
    half = [each._replace(share=1.0) if n % 2 else each for n, each in enumerate(whole)]
    assert split(half).chance == split(whole).chance


def test_a_share_that_the_file_has_changed_is_held_to_what_it_was_for_each(
    shops: list[list[Drawn]],
) -> None:
    whole = [each for each in chain(*shops[:4]) if each.playbook == "gift"]
    # Under another file the arms were as many as each other; of all, ten are neither share.
    rng = random.Random(6)
    later = [
        each._replace(policy="7f45", variant=rng.choice(["ten", "twenty"]), share=0.5)
        for each in whole
    ]
    both = split([*whole, *later])
    assert both.chance > ALARM
    assert split([*whole, *(each._replace(policy="6e34") for each in later)]).chance < ALARM
    lost = [each for each in [*whole, *later] if each.variant != "ten" or rng.random() < 0.7]
    found = split(lost)
    assert (found.chance < ALARM, found.playbook, bool(found.variant)) == (True, "gift", True)
    # Of one arm too few, and of the other one too many.
    among = (0.5, 2 / 3) if found.variant == "ten" else (1 / 3, 0.5)
    assert among[0] < found.drawn < among[1]


def test_of_nobody_there_is_nothing_to_say() -> None:
    found = split([])
    assert (found.chance, found.customers) == (1.0, 0)


def test_each_customer_is_held_to_the_share_that_their_first_alert_tells() -> None:
    following = Following(lambda kind: True, HORIZON, ("playbook",))
    shares = Counter({("gift", 0.5): 400, ("call", 0.25): 400, ("", None): 400})
    for (name, share), count in shares.items():
        for number in range(count):
            held = number < count * (0.1 if share is None else share)
            told = {} if share is None else {"playbook": name, "holdout_share": share}
            arm = "holdout" if held else "treated"
            following.alert(alert(f"{name}{number}", arm=arm, **told))
            # Of another playbook they may be treated.
            later = {"playbook": "late", "holdout_share": 0.0}
            following.alert(alert(f"{name}{number}", START + DAY, arm="treated", **later))
    rules = Rules(horizon=HORIZON, gone=90 * DAY, holdout=0.1)
    lines = measure(following, rules, START + 99 * DAY).lines
    assert [line.split.share for line in lines] == pytest.approx([0.85 / 3, 0.25, 0.5, 0.1])
    assert all(line.split.chance > 0.5 for line in lines)
    assert following.met["changed_arm"] == 0
    following.alert(alert("gift0", START + 2 * DAY, arm="treated", playbook="gift"))
    assert following.met["changed_arm"] == 1
