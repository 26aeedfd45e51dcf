"""Whom treating moves: found where it was planted, nobody where nothing works, and told in time."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY
from models.effect import EARLY, THIRDS, Case, Following, compare, known_of, thirds
from models.effect.response import LEARNT, SAID
from tests.models.effect.alerted import HORIZON, LOYAL, START, alert, event

LIKES_COUPONS = 8
WIDTH = len(known_of(alert("ada")))


def shop(seed: int, customers: int, holdout: float, lift: float) -> tuple[list[Case], list[float]]:
    """Return customers, forty a day, and how much each is moved: those who like coupons are."""
    rng = np.random.default_rng(seed)
    cases, truth = [], []
    for number in range(customers):
        known = rng.normal(size=WIDTH)
        moved = lift * float(known[LIKES_COUPONS] > 0.4)
        treated = bool(rng.random() >= holdout)
        base = 1 / (1 + math.exp(0.8 + 0.7 * known[0]))
        returned = bool(rng.random() < base + moved * treated)
        at = START + number * DAY // 40
        cases.append(Case(at, array("d", known.tolist()), treated, returned))
        truth.append(moved)
    return cases, truth


def by_third(found: list[str], values: list[float]) -> dict[str, float]:
    return {
        third: float(
            np.mean([value for value, mine in zip(values, found, strict=True) if mine == third])
        )
        for third in THIRDS
    }


@pytest.mark.parametrize("holdout", [0.5, 0.1])
def test_who_is_moved_is_among_those_who_are_said_to_be_moved_most(holdout: float) -> None:
    cases, truth = shop(1, 5_000, holdout, 0.2)
    found = thirds(cases, HORIZON)
    moved = by_third(found, truth)
    assert moved["moved most"] > 0.1
    assert moved["moved least"] < 0.05
    assert moved["moved least"] < moved["moved some"] < moved["moved most"]
    assert found.count(EARLY) < 2_200
    told = len(found) - found.count(EARLY)
    assert all(0.25 < found.count(third) / told < 0.42 for third in THIRDS)


def test_where_nothing_works_no_third_is_said_to_be_moved() -> None:
    wrong = 0
    for seed in range(10):
        cases, _ = shop(seed, 2_500, 0.3, 0.0)
        found = np.array(thirds(cases, HORIZON))
        arms = np.array([case.treated for case in cases])
        back = np.array([float(case.returned) for case in cases])
        for third in THIRDS:
            mine = found == third
            assert abs(arms[mine].mean() - 0.7) < 0.1
            effect = compare(back[mine], arms[mine], alpha=0.05 / 3)
            wrong += effect.difference.leaves_out(0.0)
    assert wrong <= 1


@settings(max_examples=8)
@given(st.integers(0, 2**16), st.integers(1_300, 1_999))
def test_nothing_that_comes_later_changes_what_was_said(seed: int, cut: int) -> None:
    cases, _ = shop(seed, 2_000, 0.5, 0.2)
    whole = thirds(cases, HORIZON)
    assert thirds(cases[:cut], HORIZON) == whole[:cut]
    # Nor does what became of anybody whose horizon had not passed, their own included.
    last = cases[cut].at
    other = [
        case._replace(returned=not case.returned) if case.at + HORIZON >= last else case
        for case in cases
    ]
    assert thirds(other, HORIZON)[: cut + 1] == whole[: cut + 1]


def test_nothing_is_said_before_there_was_enough_to_learn_from() -> None:
    cases, _ = shop(3, 3_000, 0.1, 0.2)
    found = thirds(cases, HORIZON)
    first = next(place for place, third in enumerate(found) if third != EARLY)
    known = [case for case in cases if case.at + HORIZON < cases[first].at]
    assert sum(not case.treated for case in known) >= LEARNT
    assert len(known) >= SAID
    assert thirds(cases[:100], HORIZON) == [EARLY] * 100
    assert thirds([], HORIZON) == []


@given(
    st.dictionaries(
        st.sampled_from(["recency", "tenure", "spent", "negatives", "stray"]),
        st.floats(-1e12, 1e12),
    ),
    st.sampled_from([0.0, 1e-300, 0.5, 1.0]),
)
def test_what_is_learnt_from_is_finite_whatever_the_alert_says(
    vector: dict[str, float], risk: float
) -> None:
    known = known_of(alert("ada", vector=vector, risk=risk))
    assert len(known) == WIDTH
    assert all(map(math.isfinite, known))


def test_customers_are_put_into_their_third_where_it_was_asked_for() -> None:
    following = Following(lambda kind: True, HORIZON, ("action", "response", "segment"))
    for number in range(900):
        at = START + number * DAY // 12
        arm = "treated" if number % 2 else "holdout"
        vector = {**LOYAL, "coupons_90d": float(number % 3)}
        following.alert(alert(f"c{number}", at, arm=arm, vector=vector))
        if arm == "treated" and number % 3 == 2:
            following.event(event(f"c{number}", at + DAY))
    following.respond()
    following.respond()
    groups = {each.group for each in following.customers.values()}
    assert {group[1] for group in groups} == {EARLY, *THIRDS}
    assert {(group[0], group[2]) for group in groups} == {("offer", "loyal")}
