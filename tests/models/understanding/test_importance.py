"""Importance is the mean of what each input, and each cause, added to the logits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.judging import CODES, Explainer
from models.judging.causes import code_of
from models.learning import Judgement
from models.understanding import Importance, Share

NAMES = ("orders", "spent", "recency", "coupons_90d")
PARTS = st.lists(
    st.lists(st.integers(-8, 8).map(lambda eighths: eighths / 8), min_size=4, max_size=4),
    min_size=1,
    max_size=6,
)


def judgement(rows: list[list[float]], names: tuple[str, ...] = NAMES) -> Judgement:
    parts = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return Judgement(np.full(len(rows), 0.5), parts, 0.0, names, "bayes-1")


def slowly(rows: list[list[float]], called: list[str]) -> dict[str, Share]:
    """Return the share of each name, row by row; inputs of one name are added up in the row."""
    found = {}
    for name in sorted(set(called)):
        sums = [
            sum(part for part, other in zip(row, called, strict=True) if other == name)
            for row in rows
        ]
        mean, absolute = sum(sums) / len(rows), sum(map(abs, sums)) / len(rows)
        if absolute:
            found[name] = Share(name, mean, absolute)
    return found


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_importance_is_the_mean_over_everything_judged(batches: list[list[list[float]]]) -> None:
    gathered = Importance(Explainer())
    for batch in batches:
        gathered.add(judgement(batch))
    rows = [row for batch in batches for row in batch]
    assert {each.name: each for each in gathered.inputs} == slowly(rows, list(NAMES))
    codes = [code_of(name) for name in NAMES]
    assert {each.name: each for each in gathered.causes} == slowly(rows, codes)
    strengths = [each.mean_abs for each in gathered.inputs]
    assert strengths == sorted(strengths, reverse=True)
    assert {each.name for each in gathered.causes} <= set(CODES)


def test_only_the_rows_that_count_do() -> None:
    gathered, alone = Importance(Explainer()), Importance(Explainer())
    rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]]
    gathered.add(judgement(rows), [0, 2])
    alone.add(judgement([rows[0], rows[2]]))
    assert gathered.inputs == alone.inputs == [Share("orders", 2.0, 2.0)]
    assert gathered.count == 2


def test_a_model_whose_inputs_change_is_held_to_all_it_judged() -> None:
    gathered = Importance(Explainer())
    gathered.add(judgement([[1.0]], ("orders",)))
    gathered.add(judgement([[-2.0, 4.0]], ("orders", "spent")))
    assert gathered.inputs == [Share("spent", 2.0, 2.0), Share("orders", -0.5, 1.5)]


def test_a_model_that_tells_no_parts_has_no_importance() -> None:
    gathered = Importance(Explainer())
    gathered.add(judgement([[], []], ()))
    assert (gathered.count, gathered.told, gathered.inputs, gathered.causes) == (2, False, [], [])
