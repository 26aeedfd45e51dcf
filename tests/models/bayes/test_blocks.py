"""A block learnt in plain loops, compiled or not, is what the scaler and the filters make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bayes import blocks, compiled
from models.bayes.blocks import Block
from models.bayes.kalman import Filter, Scaler
from models.bayes.signs import OFFSETS, SIGNS
from models.learning import CUTS, Floats

COLUMNS = len(SIGNS) + len(OFFSETS)


def a_block(seed: int, count: int) -> Block:
    chance = np.random.default_rng(seed)
    return Block(
        chance.normal(2.0, 3.0, (count, COLUMNS)) * (chance.random((count, COLUMNS)) < 0.8),
        chance.integers(0, 3, count),
        chance.integers(0, 2, count),
        chance.choice([0.0, 0.4, 1.0, 3.0], count),
        chance.choice([0.0, 0.01, 0.3, 9.0], count),
    )


def learnt(learn: blocks.LearnBlock, *given: Block) -> tuple[Scaler, list[Filter]]:
    scaler, filters = Scaler(COLUMNS), [Filter(len(SIGNS)) for _ in CUTS]
    for block in given:
        learn(scaler, filters, block)
    return scaler, filters


def in_loops(function: Callable[..., Any] = compiled.learn_block) -> blocks.LearnBlock:
    return lambda scaler, filters, block: blocks.learn_compiled(function, scaler, filters, block)


def beliefs(filters: list[Filter]) -> Floats:
    return np.array([[*each.weights, *each.covariance.ravel()] for each in filters])


def assert_alike(one: tuple[Scaler, list[Filter]], other: tuple[Scaler, list[Filter]]) -> None:
    assert one[0].dump() == other[0].dump()
    assert beliefs(one[1]) == pytest.approx(beliefs(other[1]), rel=1e-9, abs=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_loops_learn_what_the_scaler_and_the_filters_learn(seed: int, count: int) -> None:
    block = a_block(seed, count)
    assert_alike(learnt(in_loops(), block), learnt(blocks.learn_block, block))


def test_the_scale_is_the_same_to_the_last_bit_and_the_covariance_stays_symmetric() -> None:
    scaler, filters = learnt(in_loops(), a_block(1, 60), a_block(2, 20))
    assert scaler.dump() == learnt(blocks.learn_block, a_block(1, 60), a_block(2, 20))[0].dump()
    for each in filters:
        assert (each.covariance == each.covariance.T).all()


def test_it_does_not_matter_in_which_blocks_examples_come() -> None:
    whole = a_block(3, 50)
    pieces = [Block(*(each[some] for each in whole)) for some in (slice(0, 17), slice(17, 50))]
    one, two = learnt(in_loops(), whole), learnt(in_loops(), *pieces)
    assert one[0].dump() == two[0].dump()
    assert beliefs(one[1]).tobytes() == beliefs(two[1]).tobytes()


def test_compiled_it_says_the_same() -> None:
    pytest.importorskip("numba")
    fast = blocks.fastest()
    assert fast is not blocks.learn_block
    block = a_block(4, 300)
    assert_alike(learnt(fast, block), learnt(blocks.learn_block, block))


def test_without_a_compiler_the_filters_learn_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numba", None)
    assert blocks.fastest.__wrapped__() is blocks.learn_block
