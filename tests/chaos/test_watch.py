"""Stalls and recoveries are read off the looks at the marks."""

from __future__ import annotations

import pytest

from tests.chaos.watch import Look, longest_stall, recovered_after


def looks(*each: tuple[float, int | None, int]) -> list[Look]:
    return [Look(at, None if place is None else (place,), (end,)) for at, place, end in each]


@pytest.mark.parametrize(
    ("seen", "stall"),
    [
        (looks((0, 5, 5), (9, 5, 5)), 0.0),
        (looks((0, 1, 9), (1, 2, 9), (2, 3, 9), (3, 9, 9)), 1.0),
        (looks((0, 1, 9), (1, 1, 9), (4, 1, 9), (5, 2, 9), (6, 9, 9)), 5.0),
        # Redis does not answer: nobody knows of any progress.
        (looks((0, 1, 9), (1, 2, 9), (2, None, 9), (6, None, 9), (7, 3, 9), (8, 9, 9)), 6.0),
        # What came to lie there in the meantime counts from when it came.
        (looks((0, 5, 5), (10, 5, 8), (12, 8, 8)), 2.0),
        # It still stands at the end.
        (looks((0, 1, 2), (3, 1, 2)), 3.0),
        # Set back is not standing still.
        (looks((0, 5, 9), (1, 2, 9), (2, 9, 9)), 1.0),
        ([], 0.0),
    ],
)
def test_the_longest_stall_is_the_longest_time_without_progress(
    seen: list[Look], stall: float
) -> None:
    assert longest_stall(seen) == stall


def test_one_partition_that_stands_still_is_seen_among_others_that_move() -> None:
    seen = [Look(at, (at, 3), (100, 4)) for at in range(8)]
    assert longest_stall(seen) == 7
    assert recovered_after(seen, 2) is None


@pytest.mark.parametrize(
    ("seen", "took"),
    [
        (looks((0, 1, 9), (1, 1, 9), (2, 1, 9), (3, 2, 9)), 2.0),
        (looks((0, 1, 9), (1, 1, 9), (2, 1, 9)), None),
        # Its last commit, just before it died, is no recovery.
        (looks((0, 1, 9), (2, 2, 9), (3, 2, 9)), None),
        (looks((0, 1, 9), (2, 2, 9), (8, 2, 9), (9, 3, 9)), 8.0),
        (looks((0, 9, 9), (1.5, 9, 9)), 0.5),
        (looks((0, 1, 9), (2, None, 9), (3, 1, 9), (4, 2, 9)), 3.0),
        ([], None),
    ],
)
def test_it_has_recovered_when_everything_has_moved_or_caught_up(
    seen: list[Look], took: float | None
) -> None:
    assert recovered_after(seen, 1) == took
