"""The clock that is not believed when it jumps."""

from __future__ import annotations

import pytest

from features import DAY, MINUTE, SECOND, Millis
from streams.live.clock import PATIENCE, Clock

START: Millis = 1_700_000_000_000


class Hands:
    """A machine's clock and its ticks, set by hand."""

    def __init__(self) -> None:
        self.wall, self.ticks = START, 0
        self.clock = Clock(lambda: self.wall, lambda: self.ticks)

    def pass_by(self, span: Millis) -> Millis:
        self.wall += span
        self.ticks += span
        return self.clock()


def test_it_goes_with_the_machine_and_its_small_corrections() -> None:
    hands = Hands()
    assert hands.pass_by(MINUTE) == START + MINUTE
    hands.wall += 20 * SECOND
    assert hands.pass_by(MINUTE) == START + 2 * MINUTE + 20 * SECOND
    assert hands.clock.trouble == ""


@pytest.mark.parametrize("jump", [365 * DAY, -365 * DAY])
def test_a_jump_is_not_believed_before_it_has_lasted(jump: Millis) -> None:
    hands = Hands()
    hands.wall += jump
    assert hands.pass_by(MINUTE) == START + MINUTE
    assert "jumped" in hands.clock.trouble
    hands.pass_by(PATIENCE - MINUTE)
    assert hands.clock() == START + PATIENCE
    assert hands.pass_by(MINUTE) == START + jump + PATIENCE + MINUTE
    assert hands.clock.trouble == ""


def test_a_jump_that_is_taken_back_leaves_no_trace() -> None:
    hands = Hands()
    hands.wall += DAY
    hands.pass_by(MINUTE)
    hands.wall -= DAY
    assert hands.pass_by(MINUTE) == START + 2 * MINUTE
    hands.wall += DAY
    assert hands.pass_by(PATIENCE - MINUTE) == START + PATIENCE + MINUTE


def test_a_machine_whose_clock_is_wrong_from_the_start_is_held_back_by_the_other_clock() -> None:
    hands = Hands()
    hands.clock.hear(START - 365 * DAY)
    assert hands.pass_by(MINUTE) == START - 365 * DAY + MINUTE
    hands.clock.hear(START + 365 * DAY)
    assert hands.clock() == START + MINUTE
    hands.clock.hear(None)
    assert hands.clock() == START + MINUTE
