"""What is sent at a set rate, and how long what was sent took."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.sending import Sent, Told, delays
from bench.shopping import DAY, END, MINUTE, Message, messages
from bench.traffic import Plan, number_of, probe, traffic
from features import decode_event
from streams.topics import partition_of

ONE_BY_ONE = Plan(rate=1_000, seconds=2, customers=300, tag=4)
IN_SESSIONS = Plan(rate=1_000, seconds=2, customers=300, sessions=True)


@pytest.mark.parametrize("plan", [ONE_BY_ONE, IN_SESSIONS], ids=["one by one", "in sessions"])
def test_one_event_in_a_hundred_is_a_probe_which_says_its_number(plan: Plan) -> None:
    coming = list(traffic(plan, 4, END))
    assert len(coming) == plan.total == 2_000
    events = [decode_event(each.value) for each in coming]
    probes = {n: each for n, each in enumerate(events) if each.user_id.startswith("probe-")}
    assert list(probes) == list(range(0, 2_000, 100))
    assert [number_of(each.user_id) for each in probes.values()] == list(probes)
    assert {each.type for each in probes.values()} == {"complaint"}
    assert len({each.user_id for each in probes.values()}) == 20
    assert len({each.event_id for each in events}) == 2_000
    for message, each in zip(coming, events, strict=True):
        assert message.key == each.user_id.encode()
        assert message.partition == partition_of(message.key, 4)


def test_one_by_one_time_goes_at_the_rate_from_the_given_moment_on() -> None:
    times = [decode_event(each.value).at for each in traffic(ONE_BY_ONE, 4, END)]
    assert times == list(range(END, END + 2_000))


def test_in_sessions_it_is_what_peers_are_compared_with_but_for_the_probes() -> None:
    coming = list(traffic(IN_SESSIONS, 4, 0))
    plain = list(messages(IN_SESSIONS.mix(4)))
    others = [place for place, each in enumerate(coming) if b"probe-" not in each.key]
    assert len(others) == 1_980
    assert [coming[place] for place in others] == [plain[place] for place in others]
    times = [decode_event(each.value).at for each in coming]
    assert times == sorted(times)


def test_in_sessions_events_are_as_dense_in_time_for_any_number_of_them() -> None:
    for seconds in (2, 20):
        mix = Plan(rate=1_000, seconds=seconds, sessions=True).mix(4)
        assert mix.events / mix.days == pytest.approx(100_000)


def test_customers_in_sessions_come_again_within_minutes() -> None:
    def again(plan: Plan) -> float:
        seen: Counter[str] = Counter()
        last: dict[str, int] = {}
        for each in map(decode_event, (m.value for m in _regulars(plan))):
            if each.user_id in last:
                seen["soon"] += each.at - last[each.user_id] < 30 * MINUTE
                seen["all"] += 1
            last[each.user_id] = each.at
        return seen["soon"] / seen["all"]

    wide = Plan(rate=1_000, seconds=20, customers=20_000, sessions=True)
    assert again(wide) > 0.9
    neighbours = [each.key for each in _regulars(wide)]
    alone = [each.key for each in _regulars(Plan(rate=1_000, seconds=20))]
    assert len(set(neighbours[:200])) < len(set(alone[:200])) / 1.5


def _regulars(plan: Plan) -> list[Message]:
    return [each for each in traffic(plan, 4, END - DAY) if not each.key.startswith(b"probe-")]


def test_a_probe_waits_from_when_it_was_due_until_the_broker_has_its_alert() -> None:
    sent = Sent(200, 2, began=50_000, seconds=1.0, late=0.0, rate=100.0, ticks=0.0, homes=b"")
    plan = Plan(100, 2)
    told = [
        Told(probe(plan, 0), 0, "prior", 50_030),
        Told(probe(plan, 100), 1, "prior", 51_012),
        Told("customer-0000001", 1, "prior", 51_500),
        Told(probe(Plan(100, 2, tag=9), 0), 1, "prior", 49_000),
    ]
    assert delays(told, sent) == [30, 12]
