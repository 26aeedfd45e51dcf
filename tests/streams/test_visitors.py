"""Visitors, who have not said who they are: known as customers are, and not judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from features import DAY
from streams.composition import shop_of
from streams.pipeline import Arrival
from streams.settings import load_settings
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import Told
from tests.streams.pipeline.miniature import Run, run_through, shop_with


def seen(user: str, *, visitors: bool = False) -> Run:
    """Somebody comes twice, complains, and falls silent; the other one only moves time."""
    shop = replace(shop_with(), visitors=visitors)
    kinds = ("visit", "complaint", "visit")
    events = [happened(day, kind, START + day * DAY, user) for day, kind in enumerate(kinds)]
    events.append(happened(9, "visit", START + 80 * DAY, "other"))
    log = [Arrival(number, event.at, event) for number, event in enumerate(events)]
    return run_through(shop, Told(0.9), log)


@pytest.mark.parametrize("user", ["anon:5f3c", "hidden:07"])
def test_nothing_is_decided_on_who_is_no_customer(user: str) -> None:
    run, customer = seen(user), seen("ada")
    assert {alert.user_id for alert in run.alerts} <= {"other"}
    assert {example.user_id for example in run.examples} <= {"other"}
    assert not run.ledger(user).decisions
    assert not run.ledger(user).pending
    assert "ada" in {alert.user_id for alert in customer.alerts}
    assert "ada" in {example.user_id for example in customer.examples}
    assert customer.ledger("ada").decisions
    # What is known does not depend on whether anybody judges.
    assert run.records[user].state == seen(user, visitors=True).records[user].state
    assert run.counts["applied"] == customer.counts["applied"]


def test_a_shop_that_wants_it_judges_visitors_and_never_the_collective_names() -> None:
    assert "anon:5f3c" in {alert.user_id for alert in seen("anon:5f3c", visitors=True).alerts}
    assert not seen("hidden:07", visitors=True).ledger("hidden:07").decisions
    wanted = load_settings(environ={"EBB_VISITORS": "true"}).settings
    assert shop_of(wanted).visitors
    assert not shop_of(load_settings(environ={}).settings).visitors
    assert shop_of(wanted).definition.fingerprint == shop_with().definition.fingerprint
