"""The benchmark itself: its definitions by hand, and that no landmark knows what comes after it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, Definition, Event, build_catalogue
from tests.quality.landmarks import average_precision, matured, portraits, race
from tests.quality.shops import Shop

H, A = 8 * DAY, 20 * DAY


def shop_of(days: dict[str, list[int]], landmarks: tuple[int, ...]) -> Shop:
    events = {
        name: [
            Event(event_id=f"{name}{day}", user_id=name, type="purchase", time=day * DAY, amount=9)
            for day in sorted(visits)
        ]
        for name, visits in days.items()
    }
    definition = Definition(horizon=H, active=A, activity=frozenset({"purchase"}))
    times = tuple(day * DAY for day in landmarks)
    return Shop("small", definition, events, times, times[0])


def test_who_is_eligible_and_when_they_came_back() -> None:
    shop = shop_of({"edge": [30, 58], "gone": [29], "today": [50], "soon": [49]}, (50,))
    (landmark,) = portraits(shop, build_catalogue(shop.definition))
    away = dict(zip(landmark.users, (landmark.away / DAY).tolist(), strict=True))
    # What happens at the landmark itself is not known yet; a day exactly A ago still counts.
    assert away == {"edge": 8.0, "soon": float("inf")}


def test_each_stage_knows_only_who_stayed_away_until_it() -> None:
    shop = shop_of({"a": [19, 20], "b": [19, 22], "c": [19, 25], "d": [19, 28], "e": [19]}, (20,))
    catalogue = build_catalogue(shop.definition)
    (landmark,) = portraits(shop, catalogue)
    stages = matured(landmark, H, catalogue)
    said = [{each.user_id: each.label for each in stage} for stage in stages]
    assert said == [
        {"a": 0, "b": 1, "c": 1, "d": 1, "e": 1},
        {"b": 0, "c": 1, "d": 1, "e": 1},
        {"c": 0, "d": 1, "e": 1},
    ]
    assert [stage[0].matured_at / DAY for stage in stages] == [22, 24, 28]


def test_no_landmark_knows_what_comes_after_it() -> None:
    chance = np.random.default_rng(5)
    days = {
        f"u{number}": np.unique(chance.gamma(1, 5, 30).cumsum().astype(int)).tolist()
        for number in range(40)
    }
    landmarks = tuple(range(20, 90, 4))
    whole = shop_of(days, landmarks)
    past = shop_of({name: [d for d in each if d < 60] for name, each in days.items()}, landmarks)
    risks = [
        race(each, portraits(each, build_catalogue(each.definition))) for each in (whole, past)
    ]
    until = landmarks.index(60)
    for found, expected in zip(risks[0][: until + 1], risks[1][: until + 1], strict=True):
        assert np.array_equal(found, expected)
    assert not np.array_equal(risks[0][-1], risks[1][-1])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12))
def test_average_precision_is_its_definition(pairs: list[tuple[int, bool]]) -> None:
    pairs = [*pairs, (3, True)]
    risks = np.array([float(risk) for risk, _ in pairs])
    labels = np.array([float(label) for _, label in pairs])
    expected, before = 0.0, 0.0
    for cut in sorted(set(risks.tolist()), reverse=True):
        chosen = labels[risks >= cut]
        recall = chosen.sum() / labels.sum()
        expected += (recall - before) * chosen.mean()
        before = recall
    assert average_precision(risks, labels) == pytest.approx(expected)
