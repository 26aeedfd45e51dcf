"""However the log is cut into batches, the same is decided, learnt and stored."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.pipeline import Arrival, Shop
from tests.streams.pipeline.judges import JUDGES, prior_of
from tests.streams.pipeline.logs import CUTS, LIMITS, SHOPS, logs, visits
from tests.streams.pipeline.miniature import run_through, shop_with
from tests.streams.pipeline.sameness import assert_same, by_customer

BEHIND_THE_WATERMARK = visits((0, "ada"), (10, "björn"), (2, "ada"), (40, "björn"))


# Ada's second visit comes when the watermark has passed it: what was due by then has been looked
# at, whether in a batch before it or on its arrival.
@hypothesis.example(BEHIND_THE_WATERMARK, shop_with(), prior_of, [(2, True)], 4)
@settings(max_examples=120)
@given(logs(), SHOPS, JUDGES, CUTS, LIMITS)
def test_it_does_not_matter_how_the_log_is_cut_into_batches(
    log: list[Arrival],
    shop: Shop,
    judge_of: Any,
    cuts: list[tuple[int, bool]],
    limit: int,
) -> None:
    judge = judge_of(shop)
    whole = run_through(shop, judge, log)
    assert_same(run_through(shop, judge, log, cuts, limit), whole)


@settings(max_examples=60)
@given(logs(), SHOPS, CUTS)
def test_with_the_prior_the_stored_bytes_are_the_same_however_the_log_is_cut(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    judge = prior_of(shop)
    whole = run_through(shop, judge, log)
    assert run_through(shop, judge, log, cuts, 2).records == whole.records


# All of ada's looks fall due at once, or the first of them before the others.
@hypothesis.example(visits((0, "ada"), (10, "björn"), (100, "björn")), 1, [(2, True)], 4)
# A label is known just before another look falls due, and both before the next batch.
@hypothesis.example(visits((0, "ada"), (30, "ada"), (31, "björn")), 1, [(1, False)], 1)
@settings(max_examples=60)
@given(logs(), st.integers(1, 3), CUTS, LIMITS)
def test_how_many_predictions_are_kept_does_not_depend_on_the_batches_either(
    log: list[Arrival], max_pending: int, cuts: list[tuple[int, bool]], limit: int
) -> None:
    shop = shop_with(max_pending=max_pending)
    judge = prior_of(shop)
    whole = run_through(shop, judge, log)
    assert_same(run_through(shop, judge, log, cuts, limit), whole)


@settings(max_examples=40)
@given(logs(), SHOPS, CUTS)
def test_the_same_log_sent_again_decides_and_changes_nothing(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    judge = prior_of(shop)
    once = run_through(shop, judge, log)
    again = [Arrival(each.offset + len(log), each.timestamp, each.event) for each in log]
    twice = run_through(shop, judge, [*log, *again], cuts)
    assert twice.alerts == once.alerts or by_customer(twice.alerts) == by_customer(once.alerts)
    assert by_customer(twice.examples) == by_customer(once.examples)
    assert twice.records == once.records
    assert twice.counts["applied"] == once.counts["applied"]
