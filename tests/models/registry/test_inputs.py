"""Whatever the catalogue says of a customer becomes finite numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.registry.inputs import Inputs
from models.registry.registry import prior_judge
from tests.models.portraits import CATALOGUE, INPUTS, LIMIT, SHOP, TASK, customers, vectors_within


@settings(max_examples=60)
@given(vectors_within(-LIMIT), st.sampled_from([0.5, 30.0, 365.0]))
def test_inputs_are_finite_for_any_finite_vector(vector: list[float], horizon: float) -> None:
    inputs = Inputs(CATALOGUE, horizon)
    rows = np.array([vector], dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        matrix = inputs.matrix(rows)
    assert matrix.shape == (1, len(inputs.names))
    assert np.all(np.isfinite(matrix))


@settings(max_examples=100)
@given(vectors_within(0.0), st.sampled_from([0.5, 30.0, 365.0]))
def test_inputs_are_finite_for_whatever_a_catalogue_can_say(
    vector: list[float], horizon: float
) -> None:
    vector[CATALOGUE.index["since_negative"]] = -1.0
    inputs = Inputs(CATALOGUE, horizon)
    assert np.all(np.isfinite(inputs.matrix(np.array([vector], dtype=np.float32))))


def test_the_inputs_of_a_customer_counted_by_hand() -> None:
    state = CustomerState(SHOP)
    for number, (kind, day) in enumerate((("purchase", 0), ("complaint", 10))):
        state.apply(
            Event(event_id=str(number), user_id="a", type=kind, time=day * DAY, amount=-19.0)
        )
    vector = CATALOGUE.vector(state, 40 * DAY)
    named = dict(zip(INPUTS.names, INPUTS.matrix(np.array([vector]))[0], strict=True))
    assert named["recency"] == pytest.approx(math.log(31))
    assert named["spent"] == pytest.approx(-math.log(20))
    assert named["trend"] == pytest.approx(1.5)  # a ratio is used as it is
    assert named["trouble"] == pytest.approx(1 / (1 + 30 / 30))
    decay = math.log(2) / 30
    faded = 0.5 ** (40 / 30) + 0.5 ** (30 / 30)
    exposure = (1 - math.exp(-decay * 40)) / decay
    assert named["rate_h"] == pytest.approx(
        math.log(30 * (faded + 0.3) / (exposure + 15)), rel=1e-6
    )
    risk = prior_judge(TASK).judge(np.array([vector])).risks[0]
    assert named["renewal"] == pytest.approx(math.log(risk / (1 - risk)))


def test_who_never_had_trouble_has_no_trouble_and_it_fades_to_a_bound() -> None:
    vector = customers(1, 0)
    place = CATALOGUE.index["since_negative"]
    column = INPUTS.names.index("trouble")
    said = {}
    for since in (-1.0, 0.0, 30.0, 12 * 30.0, LIMIT):
        vector[0, place] = since
        said[since] = INPUTS.matrix(vector)[0, column]
    assert said == {-1.0: 0, 0.0: 1, 30.0: 0.5, 360.0: 1 / 13, LIMIT: 1 / 13}


def test_a_trait_and_every_feature_outside_the_view_is_an_input_once() -> None:
    names = INPUTS.names
    assert len(set(names)) == len(names)
    assert {f"trait_tier_{number}" for number in range(8)} <= set(names)
    plain = Inputs(build_catalogue(Definition()), 30.0)
    assert set(plain.names) < set(names)
    assert {"recency", "overdue", "spent", "gap_mean", "rate_4h", "left"} <= set(plain.names)
    assert not {"gaps", "gap_log", "visit_silence", "visits_h"} & set(plain.names)
