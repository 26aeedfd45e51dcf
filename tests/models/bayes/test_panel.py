"""The panel: who is of it, and what is known of them by now."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features import DAY
from models.bayes.panel import Panel

QUIET = [2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 10.0]


def silences(panel: Panel, now: int, lag: int = 7 * DAY) -> list[float]:
    return sorted(panel.statistics(now, lag)[:, -1].tolist())


@given(st.permutations([f"u{number}" for number in range(40)]), st.integers(1, 60))
def test_the_panel_is_the_same_in_whatever_order_customers_come(
    names: list[str], size: int
) -> None:
    def seen(order: list[str]) -> str:
        panel = Panel(range(7), size)
        for name in order:
            panel.see(name, 0, DAY, silent=True, last=False, vector=[float(name[1:])] * 7)
        assert len(panel) == min(size, 40)
        return panel.dump()

    assert seen(names) == seen(sorted(names))


def test_silence_is_known_as_far_as_the_last_stage_that_passed_in_silence() -> None:
    panel = Panel(range(7))
    panel.see("ada", 0, 7 * DAY, silent=True, last=False, vector=QUIET)
    assert silences(panel, 50 * DAY) == [17.0]
    panel.see("ada", 0, 15 * DAY, silent=False, last=False, vector=QUIET)
    assert silences(panel, 50 * DAY) == [17.0]


def test_who_was_silent_to_the_end_stays_silent_until_somebody_says_otherwise() -> None:
    panel = Panel(range(7))
    panel.see("ada", 0, 30 * DAY, silent=True, last=True, vector=QUIET)
    assert silences(panel, 30 * DAY) == [40.0]
    # A return would be heard of 7 days later.
    assert silences(panel, 100 * DAY) == [103.0]
    panel.see("ada", 95 * DAY, 102 * DAY, silent=False, last=False, vector=[*QUIET[:-1], 0.5])
    assert silences(panel, 150 * DAY) == [0.5]


def test_what_an_older_look_says_changes_nothing() -> None:
    panel = Panel(range(7))
    panel.see("ada", 20 * DAY, 27 * DAY, silent=True, last=False, vector=QUIET)
    before = panel.dump()
    panel.see("ada", 0, 30 * DAY, silent=True, last=True, vector=[1.0] * 7)
    assert panel.dump() == before


@given(st.integers(0, 50), st.integers(1, 30))
def test_written_down_and_read_again_it_is_the_same(count: int, size: int) -> None:
    def look(panel: Panel, numbers: range) -> Panel:
        for number in numbers:
            vector = np.random.default_rng(number).gamma(1, 9, 7).astype(np.float32).tolist()
            panel.see(f"u{number % 31}", number, number + 5, silent=True, last=False, vector=vector)
        return panel

    written = json.loads(json.dumps(look(Panel(range(7), size), range(count)).dump()))
    resumed = look(Panel.load(written, range(7), size), range(count, count + 40))
    unbroken = look(Panel(range(7), size), range(count + 40))
    assert resumed.dump() == unbroken.dump()
    assert np.array_equal(resumed.statistics(99, 7), unbroken.statistics(99, 7))
