"""BG/NBD against the paper's own numbers, and against customers simulated by its assumptions."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp2f1

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.learning import Floats, TrainingExample
from models.registry.bgnbd import (
    BgNbdJudge,
    Buyers,
    Spread,
    alive,
    bgnbd_learner,
    fit,
    log_likelihood,
    silent,
)
from models.registry.task import Task
from tests.models.portraits import TASK, customers, examples_of

#: Fader, Hardie and Lee (2005), table 2: 2,357 customers of CDNOW in 39 weeks, in weeks.
PAPER = Spread(r=0.243, alpha=4.414, a=0.793, b=2.426)
START = Spread(r=0.5, alpha=10.0, a=1.0, b=3.0)


def cdnow() -> Buyers:
    spec = find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        pytest.skip("pip install --no-deps --require-hashes -r requirements/data.txt brings it")
    path = Path(folders[0]) / "datasets" / "cdnow_customers_summary.csv"
    with path.open(encoding="utf-8") as file:
        rows = [
            (float(row["frequency"]), float(row["recency"]), float(row["T"]))
            for row in csv.DictReader(file)
        ]
    return Buyers(*np.array(rows).T)


def test_the_likelihood_is_that_of_the_paper() -> None:
    buyers = cdnow()
    assert len(buyers.repeats) == 2_357
    assert log_likelihood(PAPER, buyers).sum() == pytest.approx(-9582.4, abs=0.05)


def test_the_numbers_found_are_those_of_the_paper() -> None:
    assert fit(cdnow(), START) == pytest.approx(PAPER, rel=0.01)


def test_the_buyer_of_the_paper_is_as_alive_as_there() -> None:
    buyer = Buyers(np.array([2.0]), np.array([30.43]), np.array([38.86]))
    r, alpha, a, b = PAPER
    x, seen, ahead = 2.0, 38.86, 39.0
    # E[Y(39)] = 1.226 in the paper; its denominator is 1 / P(alive).
    shrink = ((alpha + seen) / (alpha + seen + ahead)) ** (r + x) * hyp2f1(
        r + x, b + x, a + b + x - 1, ahead / (alpha + seen + ahead)
    )
    expected = (a + b + x - 1) / (a - 1) * (1 - shrink) * alive(PAPER, buyer)[0]
    assert expected == pytest.approx(1.226, abs=0.001)


def simulated(
    shop: Spread, count: int, seed: int, until: float, ahead: float
) -> tuple[Buyers, Floats]:
    """Return customers by the model's own story, and whether nothing came afterwards."""
    chance = np.random.default_rng(seed)
    rows, nothing = [], []
    for _ in range(count):
        rate = chance.gamma(shop.r, 1 / shop.alpha)
        leaving = chance.beta(shop.a, shop.b)
        now, last, visits, after = 0.0, 0.0, 0, 0
        while True:
            now += chance.exponential(1 / rate)
            if now > until + ahead:
                break
            if now <= until:
                visits, last = visits + 1, now
            else:
                after += 1
            if chance.random() < leaving:
                break
        rows.append((visits, last, until))
        nothing.append(after == 0)
    return Buyers(*np.array(rows, dtype=np.float64).T), np.array(nothing, dtype=np.float64)


SHOP = Spread(r=0.8, alpha=6.0, a=0.9, b=3.0)


def test_of_those_with_a_risk_so_many_are_silent() -> None:
    buyers, nothing = simulated(SHOP, 20_000, 1, until=30.0, ahead=10.0)
    risks = silent(SHOP, buyers, 10.0)
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.0)):
        among = (risks >= low) & (risks < high)
        assert among.sum() > 500
        error = 4 * np.sqrt(0.25 / among.sum())
        assert nothing[among].mean() == pytest.approx(risks[among].mean(), abs=error)


def test_the_spread_of_simulated_customers_is_found_again() -> None:
    buyers, nothing = simulated(SHOP, 4_000, 2, until=40.0, ahead=10.0)
    found = fit(buyers, START)
    assert silent(found, buyers, 10.0) == pytest.approx(silent(SHOP, buyers, 10.0), abs=0.05)
    assert silent(found, buyers, 10.0).mean() == pytest.approx(nothing.mean(), abs=0.02)


@given(
    st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9), st.sampled_from([PAPER, SHOP, START])
)
def test_a_probability_is_one_however_far_out_a_customer_lies(
    repeats: float, last: float, more: float, shop: Spread
) -> None:
    buyer = Buyers(np.array([repeats]), np.array([last]), np.array([last + more]))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert 0 <= alive(shop, buyer)[0] <= 1
        assert 0 <= silent(shop, buyer, 30.0)[0] <= 1


def test_customers_of_the_stream_become_what_the_model_reads() -> None:
    definition = Definition(horizon=30 * DAY)
    catalogue = build_catalogue(definition)
    task = Task(catalogue, 30.0, 90.0)
    chance = np.random.default_rng(3)
    examples = []
    for number in range(120):
        state = CustomerState(definition)
        now = 0
        for visit in range(1 + number % 6):
            state.apply(
                Event(event_id=f"{number}.{visit}", user_id=f"u{number}", type="visit", time=now)
            )
            now += (1 + int(chance.integers(1, 20))) * DAY
        at = 200 * DAY
        while state.due() <= at:
            state.fire()
        examples.append(
            TrainingExample(
                **{"example_id": f"e{number}", "user_id": f"u{number}", "at": at, "risk": 0.5},
                **{"matured_at": at + (30 + number % 2) * DAY, "cause": "silence"},
                **{"label": number % 2, "model_version": "prior", "treated": False},
                catalogue=catalogue.fingerprint,
                vector=list(catalogue.vector(state, at)),
            )
        )
    learner = bgnbd_learner(task, None)
    learner.learn(sorted(examples, key=lambda each: each.matured_at))
    first = learner.snapshot(1, {})
    assert first.state["fitted"] == 60
    judge = BgNbdJudge(task, first)

    index = catalogue.index
    vectors = np.array([each.vector for each in examples], dtype=np.float32)
    repeats = vectors[:, index["visit_days"]].astype(np.float64) - 1
    span = vectors[:, index["visit_span"]].astype(np.float64)
    silence = vectors[:, index["visit_silence"]].astype(np.float64)
    # Counted from the middle of the first visit day.
    buyers = Buyers(repeats, span - 0.5 - silence, span - 0.5)
    expected = silent(Spread(*first.state["shop"]), buyers, 30.0)
    assert judge.judge(vectors).risks == pytest.approx(expected, abs=1e-5)


def test_the_silent_are_known_for_no_longer_than_those_who_came() -> None:
    learner = bgnbd_learner(TASK, None)
    vectors = np.repeat(customers(1, 1), 2, axis=0)
    learner.learn(
        [
            msgspec.structs.replace(each, at=90 * DAY, matured_at=120 * DAY)
            for each in examples_of(vectors, [0, 1])
        ]
    )
    panel = learner.belief.panel  # type: ignore[attr-defined]  # this belief has one
    came, silent_one = (panel.statistics(120 * DAY, 30 * DAY)[:, -1]).tolist()
    assert came == silent_one
    # A month later, of who was silent to the end, nothing new has been heard.
    later = sorted(panel.statistics(150 * DAY, 30 * DAY)[:, -1].tolist())
    assert later == [came, came + 30]
