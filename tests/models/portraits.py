"""Random vectors and examples for the models' tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from features import DAY, Catalogue, CustomerState, Definition, Event, build_catalogue
from models.learning import NOT_YET, TrainingExample
from models.registry import Task

SHOP = Definition(horizon=30 * DAY, traits=("tier",))
CATALOGUE = build_catalogue(SHOP)
TASK = Task(CATALOGUE, SHOP.horizon_days, SHOP.active_days)
INPUTS = TASK.inputs
#: The largest value that the catalogue lets through.
LIMIT = 1e9


def customers(count: int, seed: int) -> npt.NDArray[np.float32]:
    """Return vectors of customers who came a few times and then fell silent."""
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        state = CustomerState(SHOP)
        now = int(chance.integers(0, 300)) * DAY
        for visit in range(int(chance.integers(1, 8))):
            kind = ("purchase", "visit", "product_added", "complaint")[chance.integers(0, 4)]
            state.apply(
                Event(
                    event_id=f"{number}-{visit}",
                    user_id=str(number),
                    type=kind,
                    time=now,
                    amount=float(chance.gamma(2, 20)),
                    traits={"tier": str(chance.integers(0, 3))},
                )
            )
            now += int(chance.gamma(1, 12) * DAY)
            while state.due() <= now:
                state.fire()
        rows.append(CATALOGUE.vector(state, now + int(chance.gamma(1, 20) * DAY)))
    return np.array(rows, dtype=np.float32)


def examples_of(
    vectors: npt.NDArray[np.float32], labels: Sequence[int], catalogue: Catalogue = CATALOGUE
) -> list[TrainingExample]:
    """Return matured examples."""
    return [
        TrainingExample(
            example_id=f"e{number}",
            user_id=f"u{number}",
            at=number * DAY,
            matured_at=(number + 30) * DAY,
            cause="silence",
            label=label,
            risk=0.5,
            model_version="prior",
            treated=False,
            catalogue=catalogue.fingerprint,
            vector=vector.tolist(),
            returned_in=NOT_YET if label else number % NOT_YET,
        )
        for number, (vector, label) in enumerate(zip(vectors, labels, strict=True))
    ]


def some_examples(count: int = 80, seed: int = 1) -> list[TrainingExample]:
    """Return examples in which silence and chance decide."""
    vectors = customers(count, seed)
    chance = np.random.default_rng(seed)
    silent = vectors[:, CATALOGUE.index["recency"]]
    return examples_of(vectors, [int(s * chance.gamma(1, 1) > 15) for s in silent])


def vectors_within(least: float, most: float = LIMIT) -> st.SearchStrategy[list[float]]:
    """Return vectors of any finite values within bounds, the bounds and zero among them."""
    value = st.one_of(
        st.sampled_from([0.0, least, most, 1.0]),
        st.floats(least, most, allow_nan=False, width=32),
    )
    length = len(CATALOGUE.names)
    return st.lists(value, min_size=length, max_size=length)
