"""How long customers stay, against the product of those who stayed on each day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.judging import survival

ROWS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=60)
@given(ROWS)
def test_the_share_that_is_left_is_the_product_of_those_who_stayed(
    rows: list[tuple[int, bool]],
) -> None:
    found = survival([days for days, _ in rows], [gone for _, gone in rows])
    for day, alive in zip(found.days, found.alive, strict=True):
        left = 1.0
        for earlier in range(int(day) + 1):
            there = sum(days >= earlier for days, _ in rows)
            gone = sum(days == earlier and over for days, over in rows)
            left *= 1 - gone / there if there else 1
        assert alive == pytest.approx(left)
    assert found.days[0] == 0
    assert (found.low <= found.alive + 1e-12).all() and (found.alive <= found.high + 1e-12).all()
    assert np.isfinite(found.low).all() and np.isfinite(found.high).all()


def test_who_is_still_there_makes_the_shop_look_as_it_is_and_not_worse() -> None:
    rng = np.random.default_rng(1)
    life, watched = rng.exponential(100, 2_000), rng.uniform(0, 200, 2_000)
    found = survival(np.minimum(life, watched), life <= watched)
    place = np.searchsorted(found.days, 69.3) - 1
    assert found.low[place] < 0.5 < found.high[place]


def test_nobody_has_no_curve_and_what_makes_no_sense_is_refused() -> None:
    assert len(survival([], []).days) == 0
    with pytest.raises(ValueError, match="nobody stays for -1 days"):
        survival([-1], [True])
    with pytest.raises(ValueError, match="one end a customer"):
        survival([1, 2], [True])
