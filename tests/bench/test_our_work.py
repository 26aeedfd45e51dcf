"""Our own work as a function: whoever does it, however it is cut, decides the same."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.peers.our_work import Core, alerts_of, arrival
from bench.shopping import DAY, END, HOUR, Message, Mix, event, messages
from bench.threshold import Outcome, calm, decided, decided_alone
from features import decode_event
from streams.pipeline import Effects

SMALL = Mix(events=1_500, customers=150)
Inputs = list[Message]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return list(messages(SMALL))


@pytest.fixture(scope="module")
def policy(inputs: Inputs) -> float:
    # So low that cooldowns count: who forgets the ledger alerts too often.
    return calm(SMALL, inputs, 0.08)


def outcome(effects: list[Effects]) -> Outcome:
    return Outcome(
        sum(len(each.decided) for each in effects), sum(len(alerts_of(each)) for each in effects)
    )


@pytest.mark.parametrize("most", [1, 7])
def test_from_bytes_to_bytes_the_same_is_decided_as_by_a_plain_loop(
    most: int, inputs: Inputs, policy: float
) -> None:
    core, book = Core(policy), {}
    effects = []
    for first in range(0, len(inputs), most):
        batch: dict[bytes, list[bytes]] = {}
        for each in inputs[first : first + most]:
            batch.setdefault(each.key, []).append(each.value)
        for key, values in batch.items():
            book[key], made = core.step(book.get(key), [arrival(value) for value in values])
            effects.append(made)
    alone = decided_alone(inputs, policy)
    assert outcome(effects) == alone
    assert alone.decisions > 50
    assert alone.alerts


def test_in_memory_the_same_is_decided_as_from_bytes(inputs: Inputs, policy: float) -> None:
    core, known = Core(policy), {}
    effects = []
    for each in inputs:
        held = known.setdefault(each.key, core.open(None))
        effects.append(core.take(held, [arrival(each.value)]))
    assert outcome(effects) == decided_alone(inputs, policy)
    for held in known.values():
        assert core.pack(core.open(core.pack(held))) == core.pack(held)


def test_with_the_timers_of_a_partition_last_sessions_are_decided_too(
    inputs: Inputs, policy: float
) -> None:
    whole, alone = decided(inputs, policy), decided_alone(inputs, policy)
    assert whole.decisions > alone.decisions
    assert whole.alerts >= alone.alerts


def test_a_timer_of_a_customer_alone_fires_when_the_customer_comes_again(policy: float) -> None:
    core, data = Core(policy), None
    counts = []
    for number, hours in enumerate((0, 5, 10)):
        value = event(number, "ada", END - DAY + hours * HOUR, "product_viewed", 9.9, 1)
        data, effects = core.step(data, [arrival(value)])
        counts.append([each.decision.cause for each in effects.decided])
    assert counts == [[], ["session_end"], ["session_end"]]


def test_the_highest_threshold_alerts_nobody_and_decides_as_often(
    inputs: Inputs, policy: float
) -> None:
    calmest = decided_alone(inputs, 0.999)
    assert calmest.alerts == 0
    assert calmest.decisions == decided_alone(inputs, policy).decisions


def test_an_event_arrived_when_it_happened_unless_somebody_knows_better(inputs: Inputs) -> None:
    value = inputs[0].value
    assert arrival(value).timestamp == decode_event(value).at
    assert arrival(value, 5).timestamp == 5


def test_late_and_repeated_events_are_told_the_same_however_they_are_cut() -> None:
    core = Core(0.5)
    values = [each.value for each in messages(Mix(600, 4, late=0.2, repeated=0.2))]
    story: dict[str, list[bytes]] = {}
    for value in values:
        story.setdefault(decode_event(value).user_id, []).append(value)
    for mine in story.values():
        whole = core.take(core.open(None), [arrival(value) for value in mine]).counts
        data, counts = None, Counter[str]()
        for value in mine:
            data, effects = core.step(data, [arrival(value)])
            counts += effects.counts
        assert counts == whole
        assert counts["late"] and counts["duplicate"]
