"""The paired test of a challenger: seldom wrong however often one looks, and able to see."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from features import DAY
from models.watching.challenge import Guard, Trial
from models.watching.pairs import Pairs

H = 30 * DAY
#: Nothing but the evidence decides.
BARE = Guard(horizon=H, labels=1, improvement=0.0)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def first_win(gain: float, seed: int, labels: int = 1_500, noise: float = 0.6) -> int | None:
    """Return after how many labels, looked at one by one, the challenger is called better.

    Both know each customer's true log odds but for some noise; ``gain`` is how much less of it
    the challenger has, as a share.
    """
    chance = np.random.default_rng(seed)
    truth = chance.normal(-0.5, 1.2, labels)
    churned = chance.random(labels) < sigmoid(truth)
    champion = sigmoid(truth + chance.normal(0, noise, labels))
    challenger = sigmoid(truth + chance.normal(0, noise * (1 - gain), labels))
    trial = Trial()
    for number in range(labels):
        at = number * 4 * H // labels
        trial.add(champion[number], challenger[number], int(churned[number]), at, BARE)
        if trial.is_won(BARE):
            return number
    return None


def test_of_two_that_are_equal_none_is_called_better_however_often_one_looks() -> None:
    wins = [first_win(0.0, seed, noise=1.5) is not None for seed in range(100)]
    # At most 1 in 20 by theory; 13 of 100 have a chance of .1 % even then.
    assert sum(wins) < 13


def test_a_worse_one_is_never_called_better() -> None:
    assert not any(first_win(-0.5, seed) for seed in range(60))


def test_a_better_one_is_found() -> None:
    found = [first_win(1.0, seed, 3_000) for seed in range(30)]
    assert sum(each is not None for each in found) >= 28
    assert min(each for each in found if each is not None) >= 3_000 / 4


def test_fewer_labels_than_wanted_less_than_wanted_or_a_short_time_prove_nothing() -> None:
    def proved(span: int, **guards: float) -> bool:
        guard = Guard(horizon=H, **({"labels": 50} | guards))  # type: ignore[arg-type]  # numbers
        trial = Trial()
        for number in range(400):
            label = number % 4 == 0
            trial.add(0.25, 0.5 if label else 0.2, int(label), number * span // 400, guard)
        return trial.is_won(guard)

    assert proved(2 * H)
    assert not proved(2 * H, labels=101)
    assert not proved(2 * H, improvement=0.3)
    assert not proved(2 * H, alpha=1e-40)
    assert not proved(H // 2)


def test_an_overconfident_model_loses_a_bounded_amount_by_one_label() -> None:
    trial = Trial()
    trial.add(0.5, 1.0, 0, 0, BARE)
    assert trial.improvement == pytest.approx(log(0.5 / 0.01) * -1)
    assert all(exp(wealth) > 0.2 for wealth in trial.wealth)


def test_one_that_was_bad_for_long_can_still_show_that_it_is_good_now() -> None:
    trial, guard = Trial(), Guard(horizon=H, labels=50)
    day, won = 0, False
    while not won and day < 30 * 30:
        for label in (0, 0, 1):
            good = day > 9 * 30
            trial.add(0.33, (0.1, 0.8)[label == good], label, day * DAY, guard)
        won, day = trial.is_won(guard), day + 1
    assert won
    assert trial.round == 2
    # A later round must be more certain: all of them together are wrong with a chance of alpha.
    assert trial.needed(guard) == pytest.approx(log(6 / 0.05))


def test_the_chances_of_all_rounds_sum_to_alpha() -> None:
    chances = sum(exp(-Trial(round=number).needed(BARE)) for number in range(1, 2_000))
    assert BARE.alpha * 0.99 < chances <= BARE.alpha


def test_of_one_customer_a_decision_counts_only_when_the_last_ones_horizon_is_over() -> None:
    pairs = Pairs(H)
    kept = [pairs.make("ada", f"d{day}", day * DAY, 0.5, 0.25) for day in range(0, 91, 10)]
    assert [place * 10 for place, made in enumerate(kept) if made] == [0, 30, 60, 90]
    assert pairs.said("ada", "d90") == (0.5, 0.25)
    assert pairs.said("ada", "d80") is None
    assert pairs.said("bob", "d90") is None


def test_labels_that_hang_together_make_no_evidence() -> None:
    """Each customer is looked at daily, and all those decisions have one label."""

    def wins(seed: int, *, every: bool) -> bool:
        chance = np.random.default_rng(seed)
        trial, pairs = Trial(), Pairs(H)
        for customer in range(120):
            risk = chance.uniform(0.2, 0.8)
            label = int(chance.random() < risk)
            tilt = chance.choice((-0.15, 0.15))
            for day in range(15):
                at = customer * DAY + day * DAY
                champion, challenger = risk - tilt, risk + tilt
                if pairs.make(str(customer), str(day), at, champion, challenger) or every:
                    trial.add(champion, challenger, label, at, BARE)
        return trial.is_won(BARE)

    assert sum(wins(seed, every=False) for seed in range(60)) <= 6
    # The test can fail: without the rule it is fooled by a few lucky customers.
    assert sum(wins(seed, every=True) for seed in range(60)) > 6


def test_pairs_go_on_from_their_blocks() -> None:
    class Small(Pairs):
        BLOCK = 4

    kept: dict[int, bytes] = {}
    whole, cut = Small(H, size=3), Small(H, size=3)
    for number in range(40):
        user, at = f"u{number % 9}", number * 4 * DAY
        for pairs in (whole, cut):
            pairs.make(user, f"d{number}", at, 0.5, number / 64)
        changed = cut.changed()
        assert len(changed) <= 1
        kept |= changed
        cut = Small(H, cut.made, cut.first, kept, size=3)
        for other in range(number + 1):
            who = f"u{other % 9}", f"d{other}"
            assert whole.said(*who) == cut.said(*who)
    assert whole.made == cut.made == 40


def test_pairs_are_bounded_and_those_that_made_room_are_counted() -> None:
    class Small(Pairs):
        BLOCK = 4

    pairs = Small(H, size=2)
    for number in range(20):
        assert pairs.make(f"u{number}", "d", number * DAY, 0.5, 0.5)
    assert [pairs.said(f"u{number}", "d") is not None for number in range(20)].count(True) == 8
    # Twelve made room; a label takes thirty days, and each lay there for eight.
    assert pairs.evicted == 12

    slow = Small(H, size=2)
    for number in range(20):
        slow.make(f"u{number}", "d", number * 10 * DAY, 0.5, 0.5)
    assert slow.evicted == 0


def test_forgotten_pairs_stay_forgotten_after_a_restart() -> None:
    pairs = Pairs(H)
    pairs.make("ada", "d1", 0, 0.5, 0.5)
    pairs.clear()
    pairs.make("bob", "d2", 0, 0.5, 0.5)
    again = Pairs(H, pairs.made, pairs.first, pairs.changed())
    for each in (pairs, again):
        assert each.said("ada", "d1") is None
        assert each.said("bob", "d2") == (0.5, 0.5)
