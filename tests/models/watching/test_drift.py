"""Drift: a shop that changes raises an alarm soon, and one that does not raises none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest
from river import drift

from features import DAY
from models.learning import LAST, NOT_YET, TrainingExample, Weighing
from models.watching.drift import Adwin, Alarm, PageHinkley, Watch
from models.watching.stability import Stability
from tests.models.portraits import CATALOGUE

H, A = 30 * DAY, 90 * DAY
NAMES = CATALOGUE.names
RECENCY = CATALOGUE.index["recency"]
CHANGE = 300


def shop(
    seed: int,
    days: int = 420,
    customers: int = 300,
    churn: Callable[[int], float] = lambda day: 0.25,
    silence: Callable[[int], float] = lambda day: 10.0,
    risk: float = 0.25,
) -> list[TrainingExample]:
    """Return the examples of a shop, four decisions of a customer in a horizon.

    Whether a customer churns is drawn once a horizon: the labels of one hang together.
    """
    chance = np.random.default_rng(seed)
    found = []
    # A customer's own level stays; what differs from day to day is the rest.
    level = chance.gamma(2.0, 0.5, (customers, len(NAMES)))
    for day in range(0, days, 7):
        fate = np.random.default_rng((seed, day // 28)).random(customers)
        vectors = level * chance.gamma(2.0, 0.5, level.shape)
        vectors[:, RECENCY] *= silence(day)
        for customer in range(customers):
            at = day * DAY + customer
            name = f"{customer}-{day}"
            for stage, cut in ((0, 0.25), (LAST, 1.0)):
                churned = bool(fate[customer] < churn(day))
                found.append(
                    TrainingExample(
                        example_id=name if stage else f"{name}.0",
                        user_id=f"u{customer}",
                        at=at,
                        matured_at=at + round(cut * H),
                        cause="silence",
                        stage=stage,
                        returned_in=NOT_YET,
                        label=int(churned),
                        risk=risk,
                        model_version="bayes-1",
                        treated=False,
                        catalogue=CATALOGUE.fingerprint,
                        vector=vectors[customer].tolist() if stage == 0 else (),
                    )
                )
    return sorted(found, key=lambda each: each.matured_at)


def alarms(
    examples: Sequence[TrainingExample], chunk: int = 500, *, restarts: bool = False
) -> list[Alarm]:
    watch, stability, found = Watch(), Stability(), []
    for first in range(0, len(examples), chunk):
        some = examples[first : first + chunk]
        found += watch.look(some, stability, NAMES, Weighing(), H, A, 0.2)
        if restarts:
            watch = msgspec.json.decode(msgspec.json.encode(watch), type=Watch)
            stability = msgspec.json.decode(msgspec.json.encode(stability), type=Stability)
    return found


def test_a_stable_shop_raises_no_alarm() -> None:
    assert [alarm for seed in range(6) for alarm in alarms(shop(seed))] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_new_base_rate_raises_alarms_soon(seed: int) -> None:
    changed = shop(seed, churn=lambda day: 0.5 if day >= CHANGE else 0.25)
    found = alarms(changed)
    known = (CHANGE + 30) * DAY
    assert {alarm.detector for alarm in found} == {"adwin", "page-hinkley"}
    assert {alarm.feature for alarm in found} == {"loss"}
    assert known <= found[0].at <= known + H
    # Each starts anew after its alarm and finds the shop as it is now.
    assert len(found) <= 4


def test_a_lower_loss_is_no_alarm() -> None:
    better = shop(1, churn=lambda day: 0.1 if day >= CHANGE else 0.25)
    assert alarms(better) == []


def test_customers_who_look_different_raise_one_alarm_that_names_the_feature() -> None:
    slower = shop(2, silence=lambda day: 30.0 if day >= CHANGE else 10.0)
    [alarm] = alarms(slower)
    assert (alarm.detector, alarm.feature) == ("stability", "recency")
    assert CHANGE * DAY < alarm.at <= CHANGE * DAY + H
    assert alarm.numbers["features"] == 1
    assert alarm.numbers["index"] > alarm.numbers["threshold"] >= 0.2


def test_restarts_and_other_chunks_change_nothing() -> None:
    changed = shop(
        3,
        churn=lambda day: 0.5 if day >= CHANGE else 0.25,
        silence=lambda day: 30.0 if day >= CHANGE else 10.0,
    )
    found = alarms(changed)
    assert {alarm.detector for alarm in found} == {"adwin", "page-hinkley", "stability"}
    assert alarms(changed, restarts=True) == found
    assert sorted(map(repr, alarms(changed, 37))) == sorted(map(repr, found))


def test_what_became_of_those_who_were_sent_something_says_nothing_of_the_model() -> None:
    changed = shop(4, churn=lambda day: 0.5 if day >= CHANGE else 0.25)
    assert alarms([msgspec.structs.replace(each, treated=True) for each in changed]) == []


def test_a_sample_of_many_customers_stays_small_and_is_the_same_in_any_chunks() -> None:
    many = shop(5, days=112, customers=3_000)

    def taken(chunk: int) -> Stability:
        stability = Stability()
        for first in range(0, len(many), chunk):
            stability.look(many[first : first + chunk], NAMES, H, 0, 0.2)
            assert len(stability.customers) <= 8 * 1_000
            assert len(stability.rows) <= 1_000 * 4 * len(NAMES)
        return stability

    assert msgspec.json.encode(taken(700)) == msgspec.json.encode(taken(2_311))
    assert taken(700).size > 250


@pytest.mark.parametrize("seed", range(5))
def test_adwin_cuts_where_river_does(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = np.concatenate(
        [chance.beta(2, 8, 3_000), chance.beta(2, 5, 3_000), chance.beta(3, 4, 3_000)]
    )
    ours, theirs = Adwin(delta=0.002), drift.ADWIN(delta=0.002)
    cuts: tuple[list[int], list[int]] = ([], [])
    for place, value in enumerate(values):
        if ours.update(value):
            cuts[0].append(place)
        theirs.update(value)
        if theirs.drift_detected:
            cuts[1].append(place)
            # River starts anew after each cut, and so does whoever raises the alarm here.
            ours = Adwin(delta=0.002)
    # River asks for 10 values and we for 500 before the first look.
    late = [min(abs(there - here) for here in cuts[0]) for there in cuts[1]]
    assert len(cuts[1]) >= 2
    assert max(late) <= 64


def test_adwin_knows_the_mean_and_spread_of_its_window() -> None:
    chance = np.random.default_rng(7)
    values = chance.random(5_000)
    window = Adwin()
    for value in values:
        assert not window.update(value)
    assert window.width == 5_000
    assert window.total / window.width == pytest.approx(values.mean())
    assert window.squares / window.width == pytest.approx(values.var(), rel=1e-6)
    assert sum(len(row) for row in window.rows) < 80


def test_page_hinkley_means_the_same_whatever_the_unit() -> None:
    chance = np.random.default_rng(8)
    values = np.concatenate([chance.normal(0, 1, 3_000), chance.normal(0.6, 1, 3_000)])

    def first(scale: float) -> int:
        detector = PageHinkley()
        return next(n for n, value in enumerate(values) if detector.update(value * scale))

    assert 3_000 < first(1.0) < 4_000
    assert first(1.0) == first(1_024.0)
