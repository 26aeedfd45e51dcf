"""Who wants no messages any more: known from the log, and otherwise as if nothing had been said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given, settings

from features import DAY, CustomerState, Event, Word, encode_state
from models.deciding import Ledger
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import Told
from tests.streams.pipeline.miniature import run_through, shop_with
from tests.streams.pipeline.sameness import assert_close, by_customer
from tests.streams.planned import NAMES, Wavering, logs, planned

SHOP = replace(planned(), plan=None)


def arriving(*events: Event) -> list[Arrival]:
    return [Arrival(number, event.at, event) for number, event in enumerate(events)]


def ada() -> Customer:
    return Customer(CustomerState(SHOP.definition), Ledger(), new=True)


def take(customer: Customer, *events: Event) -> Effects:
    shop = shop_with(lateness=0)
    return handle(shop, Told(0.9), arriving(*events), (), {"ada": customer}, NO_WATERMARK)


@settings(max_examples=40, deadline=None)
@given(logs(NAMES[:3]))
def test_a_no_decides_nothing_where_no_plan_asks_for_it(log: Sequence[Arrival]) -> None:
    # Who says nothing else is told from nobody only by what they said.
    spoken = [each for each in log if each.event.type != "unsubscribed"]
    with_noes = run_through(SHOP, Wavering(SHOP), log)
    without = run_through(SHOP, Wavering(SHOP), spoken)
    assert_close(by_customer(with_noes.alerts), by_customer(without.alerts))
    assert_close(by_customer(with_noes.examples), by_customer(without.examples))


@given(st.sampled_from(["unsubscribed", "subscribed"]), st.booleans())
def test_what_comes_too_late_is_stored_all_the_same(kind: str, trait: bool) -> None:
    customer = ada()
    take(customer, happened(1, "visit", START + 200 * DAY))
    customer.state_changed = False
    traits = {"news": "yes"} if trait else {}
    effects = take(customer, happened(2, kind, START, traits=traits))
    assert customer.state_changed
    assert customer.state.traits.words == {"": Word(START, kind == "subscribed")}
    assert effects.counts["too_late"] == (kind == "subscribed")
    before = encode_state(customer.state)
    customer.state_changed = False
    effects = take(customer, happened(3, "identified", START, traits={"tier": "gold"}))
    assert effects.counts["too_late"] == 1
    assert customer.state_changed
    assert encode_state(customer.state) != before


def test_a_no_is_counted_as_what_it_is_and_answers_no_prediction() -> None:
    customer = ada()
    effects = take(customer, happened(1, "visit", START), happened(2, "complaint", START + 1))
    [prediction] = customer.ledger.pending
    waiting = prediction.returned_in
    no = happened(3, "unsubscribed", START + DAY)
    effects = take(customer, no, no)
    assert customer.ledger.pending[0].returned_in == waiting
    counts = effects.counts
    assert (counts["applied"], counts["unsubscribed"], counts["duplicate"]) == (1, 1, 1)
    assert counts["unknown_type"] == 0
    assert (customer.state.events, customer.state.last_activity) == (2, START + 1)
    take(customer, happened(4, "visit", START + DAY))
    assert customer.ledger.pending[0].returned_in < waiting


def test_a_yes_is_a_visit() -> None:
    customer = ada()
    effects = take(customer, happened(1, "subscribed", START + 5))
    assert (effects.counts["subscribed"], customer.state.events) == (1, 1)
    assert customer.state.last_activity == START + 5
