"""The renewal view, against its formula written out kind by kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, build_catalogue
from models.learning import RenewalView
from models.learning.renewal import READS

SHAPES = (0.6, 1.0, 1.7, 3.0)
LEAVING = (0.005, 0.05, 0.2, 0.6)


def slowly(gaps: list[float], silence: float, horizon: float) -> list[float]:
    """Return P(no visit until H/4, H/2, H), P(left), and the means of ln m, ln k and ln p."""
    shortest, longest = max(horizon / 40, 0.8), 10 * horizon
    means = [shortest * (longest / shortest) ** (place / 11) for place in range(12)]
    popularity = {m: math.exp(-(((math.log(m) - math.log(horizon)) / 1.5) ** 2) / 2) for m in means}
    everybody = 16 * sum(popularity.values())
    fade = [0.97 ** (len(gaps) - 1 - place) for place in range(len(gaps))]
    silence = max(silence, 0.0)

    kinds = []
    for m in means:
        for k in SHAPES:
            for p in LEAVING:
                sigma = m / math.gamma(1 + 1 / k)

                def gone(days: float, k: float = k, p: float = p, sigma: float = sigma) -> float:
                    return p + (1 - p) * math.exp(-((days / sigma) ** k))

                score = math.log(popularity[m] / everybody) + math.log(gone(silence))
                for weight, gap in zip(fade, gaps, strict=True):
                    score += weight * (
                        math.log(k)
                        - k * math.log(sigma)
                        + math.log(1 - p)
                        + (k - 1) * math.log(gap)
                        - (gap / sigma) ** k
                    )
                later = [gone(silence + horizon * part) / gone(silence) for part in (0.25, 0.5, 1)]
                kinds.append((score, [*later, p / gone(silence), *map(math.log, (m, k, p))]))
    assert len(kinds) == 192
    top = max(score for score, _ in kinds)
    total = sum(math.exp(score - top) for score, _ in kinds)
    found = [
        sum(math.exp(score - top) * said[place] for score, said in kinds) / total
        for place in range(7)
    ]
    return [min(max(each, 1e-6), 1 - 1e-6) for each in found[:4]] + found[4:]


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 400).map(float), max_size=12),
    st.floats(-0.5, 1_000),
    st.sampled_from([1.0, 7.0, 30.0, 90.0]),
)
def test_the_view_is_its_formula(gaps: list[float], silence: float, horizon: float) -> None:
    fade = [0.97 ** (len(gaps) - 1 - place) for place in range(len(gaps))]
    weighed = list(zip(fade, gaps, strict=True))
    statistics = [
        sum(fade),
        sum(w * math.log(g) for w, g in weighed),
        *(sum(w * g**k for w, g in weighed) for k in SHAPES),
        silence,
    ]
    reading = RenewalView(horizon).read(np.array([statistics]))
    found = [*reading.silent[0], reading.left[0], *reading.means[0]]
    assert found == pytest.approx(slowly(gaps, silence, horizon), rel=1e-7, abs=1e-9)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 60), min_size=0, max_size=8),
    st.lists(st.floats(0, 400), min_size=2, max_size=6),
)
def test_the_longer_the_silence_the_likelier_the_customer_has_left_for_good(
    gaps: list[int], silences: list[float]
) -> None:
    shop = Definition()
    catalogue = build_catalogue(shop)
    state = CustomerState(shop)
    day = 0
    for number, gap in enumerate([0, *gaps]):
        day += gap
        state.apply(Event(event_id=str(number), user_id="a", type="visit", time=day * DAY))
    index = [catalogue.index[name] for name in READS]
    statistics = np.array(
        [
            [catalogue.vector(state, day * DAY + round(silence * DAY))[place] for place in index]
            for silence in sorted(silences)
        ],
        dtype=np.float64,
    )
    reading = RenewalView(shop.horizon_days).read(statistics)
    assert np.all(np.diff(reading.left) >= -1e-9)
    assert np.all((reading.silent > 0) & (reading.silent < 1))
    assert np.all(np.diff(reading.silent, axis=1) <= 1e-12)  # longer is less likely


def test_a_row_is_read_the_same_among_others_as_alone() -> None:
    view = RenewalView(30.0)
    chance = np.random.default_rng(3)
    rows = chance.gamma(1, 10, size=(50, len(READS)))
    together = view.read(rows).silent
    alone = np.vstack([view.read(rows[place : place + 1]).silent for place in range(50)])
    np.testing.assert_array_equal(together, alone)
