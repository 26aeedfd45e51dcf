"""The thresholds that pay, against trying every one of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.judging import Offer, Profit, choose, first_offers

RISKS = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]))
ROWS = st.lists(st.tuples(RISKS, st.integers(0, 1), st.integers(0, 3)), max_size=30)
Rows = list[tuple[float, int, int]]


def tried(rows: Rows, offer: Offer, threshold: float) -> Profit:
    """Make the offers one by one."""
    foreseen = found = 0.0
    alerts = 0
    for risk, label, _ in rows:
        if risk >= threshold:
            alerts += 1
            foreseen += risk * offer.saved * offer.margin - offer.cost
            found += label * offer.saved * offer.margin - offer.cost
    return Profit(threshold, alerts, foreseen, found)


def fits(rows: Rows, threshold: float, capacity: int) -> bool:
    days = [day for risk, _, day in rows if risk >= threshold]
    return all(days.count(day) <= capacity for day in days)


def same(one: Profit, other: Profit) -> bool:
    return (
        one.threshold == other.threshold
        and one.alerts == other.alerts
        and one.foreseen == pytest.approx(other.foreseen, abs=1e-6)
        and one.found == pytest.approx(other.found, abs=1e-6)
    )


# Whole amounts, so that equal profits are exactly equal.
OFFERS = st.builds(
    Offer,
    cost=st.integers(0, 30).map(float),
    margin=st.integers(1, 100).map(float),
    saved=st.sampled_from([0.25, 0.5, 1.0]),
    capacity=st.none() | st.integers(0, 6),
)


@settings(max_examples=200)
@given(ROWS, OFFERS)
def test_the_thresholds_are_those_of_trying_every_one(rows: Rows, offer: Offer) -> None:
    risks, labels, days = ([row[column] for row in rows] for column in range(3))
    found = choose(risks, labels, offer, days)

    thresholds = [math.inf, *sorted(set(risks), reverse=True)]
    all_tried = [tried(rows, offer, each) for each in thresholds]
    assert len(found.curve) == len(all_tried)
    assert all(same(one, other) for one, other in zip(found.curve, all_tried, strict=True))
    # The first of equals: the fewest offers.
    assert same(found.best, max(all_tried, key=lambda each: each.found))
    paying = [each for each in all_tried if each.threshold >= offer.break_even]
    assert same(found.calibrated, paying[-1])
    if offer.capacity is None:
        assert found.capacity_threshold is None
        assert same(found.within_capacity, found.best)
    else:
        fitting = [e for e in all_tried if fits(rows, e.threshold, offer.capacity)]
        assert found.capacity_threshold == fitting[-1].threshold
        assert same(found.within_capacity, max(fitting, key=lambda each: each.found))


def calibrated(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    risks = rng.beta(1, 3, rows)
    return risks, (rng.random(rows) < risks).astype(float)


def test_with_calibrated_risks_the_best_threshold_is_near_break_even() -> None:
    risks, labels = calibrated(100_000)
    found = choose(risks, labels, Offer(cost=6.0, margin=60.0, saved=0.25))
    assert found.calibrated.threshold == pytest.approx(0.4, abs=0.001)
    assert found.best.threshold == pytest.approx(0.4, abs=0.05)
    assert found.calibrated.found == pytest.approx(found.best.found, rel=0.02)
    assert found.calibrated.foreseen == pytest.approx(found.calibrated.found, rel=0.05)


def test_the_curve_of_many_risks_is_short_and_holds_what_was_chosen() -> None:
    risks, labels = calibrated(50_000)
    days = np.arange(50_000) % 30
    found = choose(risks, labels, Offer(6.0, 60.0, 0.25, capacity=100), days, points=100)
    assert len(found.curve) <= 103
    assert (found.curve[0].alerts, found.curve[-1].alerts) == (0, 50_000)
    for chosen in (found.best, found.calibrated, found.within_capacity):
        assert chosen in found.curve
    assert 0 < found.within_capacity.alerts <= 3_000
    steps = np.diff([each.alerts for each in found.curve])
    assert steps.min() > 0 and steps.max() <= 50_000 / 99 + 1


def test_an_offer_that_never_pays_is_made_to_nobody() -> None:
    found = choose([0.9, 0.8], [1, 1], Offer(cost=10.0, margin=9.0, saved=1.0))
    nobody = Profit(math.inf, 0, 0.0, 0.0)
    assert found.best == found.calibrated == found.within_capacity == nobody


def test_equal_risks_above_the_capacity_leave_everybody_out() -> None:
    found = choose([0.5] * 9, [1] * 9, Offer(1.0, 9.0, 1.0, capacity=3), [1] * 9)
    assert found.capacity_threshold == math.inf
    assert found.within_capacity.alerts == 0
    assert found.best.alerts == 9


@pytest.mark.parametrize("capacity", [None, 2])
def test_nobody_to_judge_is_an_offer_to_nobody(capacity: int | None) -> None:
    found = choose([], [], Offer(1.0, 9.0, 1.0, capacity), [])
    assert found.best == found.within_capacity == Profit(math.inf, 0, 0.0, 0.0)
    assert len(found.curve) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"cost": -1.0}, "cost"),
        ({"cost": math.nan}, "cost"),
        ({"margin": 0.0}, "margin"),
        ({"margin": math.inf}, "margin"),
        ({"saved": 0.0}, "share saved"),
        ({"saved": 20.0}, "share saved"),
        ({"capacity": -1}, "capacity"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Offer(**{"cost": 1.0, "margin": 9.0, "saved": 0.5, **given})


def test_rows_that_make_no_sense_are_refused_by_name() -> None:
    offer = Offer(1.0, 9.0, 1.0, capacity=3)
    with pytest.raises(ValueError, match="give the day of each prediction"):
        choose([0.5], [1], offer)
    with pytest.raises(ValueError, match="one day a risk"):
        choose([0.5], [1], offer, [1, 2])
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        choose([1.5], [1], offer, [1])
    with pytest.raises(ValueError, match="at least 2 points"):
        choose([0.5], [1], offer, [1], points=1)


def once(rows: Rows, threshold: float) -> Rows:
    """Make each an offer at their first risk that is high enough; who is the last of a row."""
    made: dict[int, tuple[float, int, int]] = {}
    for risk, label, who in rows:
        if risk >= threshold and who not in made:
            made[who] = (risk, label, len(rows))
    return list(made.values())


@settings(max_examples=200)
@given(ROWS, OFFERS, st.data())
def test_who_is_made_one_offer_gets_it_at_the_first_risk_that_is_high_enough(
    rows: Rows, offer: Offer, data: st.DataObject
) -> None:
    risks, labels, who = ([row[column] for row in rows] for column in range(3))
    times = data.draw(st.permutations(range(len(rows))))
    on = [time // 4 for time in times]
    kept, replaced_at = first_offers(risks, times, who)
    found = choose(
        [risks[row] for row in kept],
        [labels[row] for row in kept],
        offer,
        [on[row] for row in kept],
        points=1_000,
        replaced_at=replaced_at,
    )

    in_order = [rows[row] for row in np.argsort(times)]
    all_tried = [
        tried(once(in_order, each), offer, each)
        for each in [math.inf, *sorted(set(risks), reverse=True)]
    ]
    by_threshold = {each.threshold: each for each in all_tried}
    assert all(same(each, by_threshold[each.threshold]) for each in found.curve)
    assert found.best.found == max(each.found for each in all_tried)
    if offer.capacity is not None and found.capacity_threshold is not None:

        def fullest(threshold: float) -> int:
            taken: dict[int, int] = {}
            for row in np.argsort(times):
                if risks[row] >= threshold:
                    taken.setdefault(who[row], on[row])
            held = list(taken.values())
            return max((held.count(day) for day in held), default=0)

        fitting = []
        for each in all_tried:
            if fullest(each.threshold) > offer.capacity:
                break
            fitting.append(each.threshold)
        ceiling = found.capacity_threshold
        # Thresholds between two offers that begin change nothing.
        assert once(in_order, ceiling) == once(in_order, fitting[-1])


def test_an_offer_that_ends_where_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="below its own risk"):
        choose([0.5], [1], Offer(1.0, 9.0, 1.0), replaced_at=[0.5])
    with pytest.raises(ValueError, match="one end a risk"):
        choose([0.5], [1], Offer(1.0, 9.0, 1.0), replaced_at=[0.1, 0.2])
