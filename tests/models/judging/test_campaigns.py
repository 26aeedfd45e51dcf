"""What alerts come to, against the sums of somebody who goes through the calendar by hand."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, HOUR
from models.judging import Campaign, Offer, campaign, silences

A = 30 * DAY
OFFER = Offer(cost=5.0, margin=100.0, saved=0.2)


@dataclass
class Life:
    """When somebody was there, and when they were judged, in hours."""

    visits: list[int]
    looks: list[int]
    alerted: list[bool] = field(default_factory=list)

    def last(self, look: int) -> int:
        return max(visit for visit in self.visits if visit <= look)


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """Return customers who are judged after every visit, and now and then in between."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        visits = sorted(draw(st.sets(st.integers(0, 100 * 24), min_size=1, max_size=5)))
        others = draw(st.sets(st.integers(visits[0], 110 * 24), max_size=6))
        looks = sorted({visit for visit in visits} | others)
        looks = [look for look in looks if Life(visits, []).last(look) > look - 30 * 24]
        alerted = draw(st.lists(st.booleans(), min_size=len(looks), max_size=len(looks)))
        found.append(Life(visits, looks, alerted))
    return found


def by_hand(everybody: list[Life], end: int) -> tuple[int, int, list[float]]:
    """Return how many silences reached A, how many of them had an alert, and how early."""
    gone, leads = 0, []
    for life in everybody:
        for visit, after in zip(life.visits, [*life.visits[1:], end], strict=True):
            if after - visit < 30 * 24:
                continue
            gone += 1
            during = [
                look
                for look, alert in zip(life.looks, life.alerted, strict=True)
                if alert and life.last(look) == visit
            ]
            if during:
                leads.append((visit + 30 * 24 - during[0]) / 24)
    return gone, len(leads), leads


def told(everybody: list[Life], end: int) -> Campaign:
    rows = [
        (who, look, (look - life.last(look)) / 24, alert)
        for who, life in enumerate(everybody)
        for look, alert in zip(life.looks, life.alerted, strict=True)
    ]
    # Not in the order of customers: as they were written down.
    rows.sort(key=lambda row: (row[1], row[0]))
    who, looks, silent, alerted = (np.array(column) for column in zip(*rows, strict=True))
    at = looks.astype(np.int64) * HOUR
    found = silences(who, at, silent.astype(np.float32), A, end * HOUR)
    unknown = np.full(len(rows), np.nan)
    return campaign(alerted, np.zeros(len(rows)), who, at, unknown, unknown, found)


@given(lives())
def test_who_was_gone_and_who_was_alerted_before_is_what_a_calendar_says(
    everybody: list[Life],
) -> None:
    end = 120 * 24
    found = told(everybody, end)
    gone, foreseen, leads = by_hand(everybody, end)
    assert (found.gone, found.foreseen) == (gone, foreseen)
    assert found.recall == pytest.approx(foreseen / gone if gone else math.nan, nan_ok=True)
    median = statistics.median(leads) if leads else math.nan
    assert found.lead_days == pytest.approx(median, nan_ok=True)


def test_who_came_back_and_was_not_judged_since_is_not_gone() -> None:
    at = [20 * DAY]
    for last, gone in ((10 * DAY, True), (39 * DAY, False), (41 * DAY, True)):
        found = silences(["a"], at, [10], A, 100 * DAY, last_at=[last])
        assert found.gone.tolist() == [gone]


def some(alerted: list[int], days: list[float], **more: object) -> Campaign:
    count = len(days)
    at = (np.array(days) * DAY).astype(np.int64)
    who = np.arange(count) % 3
    silent = silences(who, at, np.zeros(count), A, 1000 * DAY)
    held = more.pop("held", [False] * count)
    risks = more.pop("risks", [0.5] * count)
    labels = more.pop("labels", [math.nan] * count)
    return campaign(alerted, held, who, at, risks, labels, silent, **more)  # type: ignore[arg-type]


def test_days_without_an_alert_count_among_the_days() -> None:
    found = some([1, 1, 1, 0, 1], [0.1, 0.2, 0.9, 5, 9.9])
    assert (found.alerts, found.days, found.customers) == (4, 10, 3)
    assert (found.a_day, found.a_day_95, found.most_a_day) == (0.4, 3.0, 3)
    rare = some([1] * 3 + [0], [0.1, 0.2, 0.9, 199])
    assert (rare.a_day_95, rare.most_a_day) == (0.0, 3)


def test_precision_is_of_alerts_whose_label_is_known() -> None:
    found = some([1, 1, 1, 0], [1, 2, 3, 4], labels=[1, 0, math.nan, 1])
    assert (found.known, found.churned, found.precision) == (2, 1, 0.5)


def test_only_those_not_held_out_cost_and_bring_something() -> None:
    found = some(
        *([1, 1, 1, 1, 0], [1, 2, 3, 4, 5]),
        held=[True, False, False, False, False],
        risks=[0.9, 0.8, 0.7, 0.6, 0.5],
        labels=[1, 1, 0, math.nan, 1],
        offer=OFFER,
    )
    assert (found.alerts, found.held_out, found.cost) == (4, 1, 15.0)
    assert found.promised == pytest.approx(20 * (0.8 + 0.7 + 0.6) - 15)
    assert found.found == pytest.approx(20 * 1 - 10)


def test_an_alert_that_goes_out_when_the_customer_is_gone_has_foreseen_nothing() -> None:
    at = np.array([29 * DAY])
    within = silences(["a"], at, [29], A, 100 * DAY)
    for late, foreseen in ((0, 1), (DAY, 0)):
        found = campaign([True], [False], ["a"], at, [0.9], [1], within, sent_at=at + late)
        assert found.foreseen == foreseen


def test_without_alerts_or_decisions_nothing_can_be_told() -> None:
    none = some([0, 0], [1, 2], offer=OFFER)
    assert (none.alerts, none.cost, none.promised, none.found) == (0, 0.0, 0.0, 0.0)
    assert math.isnan(none.precision) and math.isnan(none.lead_days)
    empty = some([], [])
    assert (empty.days, empty.most_a_day) == (0, 0)
    assert math.isnan(empty.a_day) and math.isnan(empty.recall)


def test_rows_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ValueError, match="one value of everything"):
        some([1], [1, 2])
