"""The 26 signs against their definitions, one by one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.bayes.signs import OFFSETS, SIGNS, Signs
from tests.models.portraits import CATALOGUE, customers, vectors_within

H, A = 30.0, 90.0
READER = Signs(CATALOGUE, H, A)
AT_FIRST = READER.kinds.at_first


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def slowly(events: list[tuple[int, str, float]], at: float) -> dict[str, float]:
    """Return the signs of a customer from (day, type, amount), as the recipe says them."""
    days = sorted({day for day, _, _ in events})
    gaps = [later - earlier for earlier, later in pairwise(days)]
    amounts = [amount for _, kind, amount in events if kind == "purchase"]
    trouble = [day for day, kind, _ in events if kind == "complaint"]
    tenure = at - days[0]
    found = {
        "recency": math.log1p(at - days[-1]),
        "visit_days": math.log1p(len(days)),
        "tenure": math.log1p(tenure),
        "events": math.log1p(len(events)),
        "gap_last": math.log1p(gaps[-1] if gaps else 0),
        "gap_mean": math.log1p(sum(gaps) / len(gaps) if gaps else 0),
        "negatives": math.log1p(len(trouble)),
        "spent": math.log1p(sum(amounts)),
        "order_mean": math.log1p(sum(amounts) / len(amounts) if amounts else 0),
        "rate_own": math.log(H * (len(days) - 0.5) / (tenure + A / 2)),
    }
    rates = []
    for name, share in (("h4", 0.25), ("h2", 0.5), ("h", 1.0), ("2h", 2.0), ("4h", 4.0)):
        decay = math.log(2) / (share * H)
        count = sum(math.exp(-decay * (at - day)) for day in days)
        exposure = (1 - math.exp(-decay * tenure)) / decay
        rates.append((name, math.log(H * (count + 0.3) / (exposure + H / 2))))
        if name == "2h":
            ratio = (0.5 * H + exposure) / (1.5 * H + exposure)
            found["rate_none"] = logit(ratio ** (0.3 + count))
    found |= {f"rate_{name}": rate for name, rate in rates}
    for (name, rate), (longer, other) in pairwise(rates):
        found[f"rate_{name}_{longer}"] = rate - other
    found["trouble"] = 1 / (1 + min(at - trouble[-1], 4 * A) / H) if trouble else 0.0
    fade = [0.97 ** (len(gaps) - 1 - place) for place in range(len(gaps))]
    statistics = [
        sum(fade),
        sum(w * math.log(g) for w, g in zip(fade, gaps, strict=True)),
        *(
            sum(w * float(g) ** k for w, g in zip(fade, gaps, strict=True))
            for k in (0.6, 1, 1.7, 3)
        ),
        max(at - days[-1] - 0.5, 0),
    ]
    said = READER.kinds.read(np.array([statistics]), AT_FIRST)
    found["renewal"] = logit(float(said.silent[0, 2]))
    found["left"] = logit(float(said.left[0]))
    found |= zip(SIGNS[22:25], said.means[0].tolist(), strict=True)
    return found | {
        name: logit(float(hazard)) for name, hazard in zip(OFFSETS, said.hazards[0], strict=True)
    }


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(["purchase", "visit", "complaint"]),
            st.floats(1, 200),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 200),
)
def test_each_sign_is_what_the_recipe_says(
    steps: list[tuple[int, str, float]], silence: int
) -> None:
    state = CustomerState(Definition(traits=("tier",)))
    day, events = 19_000, []
    for number, (pause, kind, amount) in enumerate(steps):
        day += pause
        # The shop's own cap on one absurd price is not in question here.
        amount = round(min(amount, 40.0), 2)
        events.append((day, kind, amount))
        state.apply(
            Event(event_id=str(number), user_id="a", type=kind, time=day * DAY, amount=amount)
        )
    vector = CATALOGUE.vector(state, (day + silence) * DAY)
    row = READER.matrix(np.array([vector]), AT_FIRST)[0]
    expected = slowly(events, float(day + silence))
    found = dict(zip((*SIGNS, *OFFSETS), row.tolist(), strict=True))
    assert found == pytest.approx(expected, rel=2e-5, abs=2e-5)


@given(vectors_within(-1e9))
def test_any_vector_gives_finite_signs(vector: list[float]) -> None:
    row = READER.matrix(np.array([vector], dtype=np.float32), AT_FIRST)
    assert row.shape == (1, len(SIGNS) + len(OFFSETS))
    assert np.isfinite(row).all()


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_vector_is_read_alike_alone_and_among_others(size: int) -> None:
    vectors = customers(28, 3)
    whole = READER.matrix(vectors, AT_FIRST)
    parts = [READER.matrix(vectors[start : start + size], AT_FIRST) for start in range(0, 28, size)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_catalogue_may_have_more_features_in_another_order() -> None:
    shop = Definition(traits=("city", "tier"))
    other = build_catalogue(shop)
    vector = np.array([customers(1, 2)[0]])
    by_name = dict(zip(CATALOGUE.names, vector[0].tolist(), strict=True))
    same = np.array([[by_name.get(name, 1.0) for name in other.names]], dtype=np.float32)
    found = Signs(other, H, A).matrix(same, AT_FIRST)
    assert np.array_equal(found, READER.matrix(vector, AT_FIRST))
