"""What is written of River's trees is data: read again it is the same, and makes nothing else."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from fractions import Fraction
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import drift, forest, linear_model, stats, tree

from models.registry.written import read, write


def through_json(value: Any) -> Any:
    return read(msgspec.json.decode(msgspec.json.encode(write(value))))


def stream(count: int, seed: int = 1) -> list[tuple[dict[str, float], bool]]:
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        x = {name: float(chance.normal()) for name in "abcde"}
        found.append((x, bool(x["a"] + x["b"] * x["c"] + chance.normal(0, 0.3) > 0)))
    return found


MODELS = {
    "tree": tree.HoeffdingTreeClassifier(leaf_prediction="mc", grace_period=50),
    "adaptive": tree.HoeffdingAdaptiveTreeClassifier(leaf_prediction="mc", grace_period=50, seed=1),
    "forest": forest.ARFClassifier(n_models=3, leaf_prediction="mc", seed=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_read_again_predicts_the_same_and_keeps_its_type(name: str) -> None:
    model = MODELS[name].clone()
    for x, y in stream(3_000):
        model.learn_one(x, y)
    again = through_json(model)
    assert type(again) is type(model)
    for x, _ in stream(50, seed=2):
        assert again.predict_proba_one(x) == model.predict_proba_one(x)
    assert msgspec.json.encode(write(again)) == msgspec.json.encode(write(model))


def test_a_model_without_detectors_goes_on_as_if_it_had_never_stopped() -> None:
    model = MODELS["tree"].clone()
    for x, y in stream(1_500):
        model.learn_one(x, y)
    again = through_json(model)
    for x, y in stream(3_000, seed=2):
        model.learn_one(x, y)
        again.learn_one(x, y)
    assert again.n_leaves == model.n_leaves > 2
    assert write(again) == write(model)


@pytest.mark.parametrize("name", ["adaptive", "forest"])
def test_a_model_with_detectors_goes_on_learning(name: str) -> None:
    model = MODELS[name].clone()
    for x, y in stream(1_000):
        model.learn_one(x, y)
    again = through_json(model)
    for x, y in stream(1_000, seed=2):
        again.learn_one(x, y)
    right = np.mean([again.predict_one(x) == y for x, y in stream(300, seed=3)])
    assert right > 0.7


def test_a_detector_is_started_anew_with_its_settings() -> None:
    detector = drift.ADWIN(delta=0.01, clock=8)
    for value in (0, 1) * 200:
        detector.update(value)
    again = through_json(detector)
    assert (again.delta, again.clock, again.width) == (0.01, 8, 0)
    again.update(1)
    assert again.width == 1


def test_chance_goes_on_where_it_was() -> None:
    chance = random.Random(5)
    chance.gauss(0, 1)
    again = through_json(chance)
    assert [again.random() for _ in range(9)] == [chance.random() for _ in range(9)]
    assert again.gauss(0, 1) == chance.gauss(0, 1)


def test_what_is_shared_stays_shared_also_with_itself() -> None:
    shared = [1.0]
    ring: dict[str, Any] = {"one": shared, "other": (shared, shared)}
    ring["itself"] = ring
    again = through_json(ring)
    assert again["itself"] is again
    assert again["one"] is again["other"][0] is again["other"][1]


def test_counts_still_count_from_nothing() -> None:
    counts: Any = defaultdict(partial(defaultdict, float))
    counts[True][False] += 2.5
    again = through_json(counts)
    again[False][True] += 1
    assert again == {True: {False: 2.5}, False: {True: 1.0}}


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text()
)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(PLAIN, inner), st.sets(PLAIN)
    ),
)


@given(NESTED)
def test_plain_data_come_back_as_they_were(value: Any) -> None:
    again = through_json(value)
    assert again == value
    assert repr(again) == repr(value) or isinstance(value, set | dict | list | tuple)


@pytest.mark.parametrize(
    "value", [object(), os.getcwd, Fraction(1, 2), linear_model.LogisticRegression(), {"a": b"x"}]
)
def test_what_is_not_on_the_list_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match="no way to write"):
        write(value)


def test_a_defaultdict_of_anything_else_is_not_written() -> None:
    with pytest.raises(ValueError, match="no way to write a defaultdict"):
        write(defaultdict(list))


class Trap:
    """Would be sprung by being made, or by being given its attributes."""

    def __init__(self) -> None:
        raise AssertionError("made")

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("given a state")


@pytest.mark.parametrize(
    "data",
    [
        {"shapes": [["os.system"]], "root": ["object", 0]},
        {"shapes": [["Popen", "args"]], "root": ["object", 0, "true"]},
        {"shapes": [[f"{__name__}.Trap"]], "root": ["object", 0]},
        {"shapes": [["ADWIN"]], "root": ["object", 0]},
        {"shapes": [["Var"]], "root": ["detector", 0, 1, 2, 3, 4, 5]},
        {"shapes": [], "root": ["call", "os.system", "true"]},
        {"shapes": [], "root": ["counts", "list"]},
        {"shapes": [], "root": ["same", 7]},
        {"shapes": [], "root": ["object", 3]},
        {"shapes": [], "root": ["chance", 3, "AAAA", None]},
        {"shapes": [], "root": ["dict", 1]},
        {"shapes": [], "root": []},
        {"shapes": [], "root": {"class": "Trap"}},
        {"shapes": [["Var", "ddof"]], "root": ["object", 0]},
        {"root": 1},
    ],
)
def test_data_that_name_anything_else_or_make_no_sense_are_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="the model cannot be read"):
        read(data)


def test_data_nested_without_end_are_refused() -> None:
    root: list[Any] = ["list"]
    for _ in range(100_000):
        root = ["list", root]
    with pytest.raises(ValueError, match="the model cannot be read"):
        read({"shapes": [], "root": root})


def test_an_object_is_made_without_calling_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(stats.Mean())

    def sprung(self: Any) -> None:
        raise AssertionError("called")

    monkeypatch.setattr(stats.Mean, "__init__", sprung)
    assert read(data).get() == 0.0
