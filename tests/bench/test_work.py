"""The work that Ebbtide is compared by: is it the same for all, and is all of it done?"""

from __future__ import annotations

import doctest
from collections import Counter
from types import ModuleType

import pytest

from bench import against, latency, sending, telling, traffic, watching
from bench.against import PEERS, Run
from bench.peers import our_work
from bench.peers.work import (
    Shopper,
    Visit,
    decode_shopper,
    decode_visit,
    encode_shopper,
    expected,
    features,
    take,
)
from bench.sending import quantile
from bench.shopping import HOUR, MINUTE, Mix, messages
from bench.telling import replaced
from features import decode_event
from streams.topics import partition_of

SMALL = Mix(events=2_000, customers=200)


def test_the_input_is_the_same_for_the_same_seed_only() -> None:
    once, again = list(messages(SMALL)), list(messages(SMALL))
    other = list(messages(Mix(events=2_000, customers=200, seed=8)))
    assert once == again
    assert once != other


def test_every_event_is_valid_and_lies_on_its_customers_partition() -> None:
    for message in messages(SMALL):
        event = decode_event(message.value)
        assert event.user_id.encode() == message.key
        assert partition_of(message.key, SMALL.partitions) == message.partition


def test_few_customers_bring_most_of_the_events() -> None:
    counts = Counter(message.key for message in messages(Mix(events=20_000, customers=2_000)))
    tenth = sum(count for _, count in counts.most_common(200))
    assert tenth > 20_000 / 2


def test_events_come_in_order_of_time_unless_some_are_to_be_late() -> None:
    times = [decode_event(each.value).at for each in messages(SMALL)]
    assert times == sorted(times)
    late = [decode_event(e.value).at for e in messages(Mix(2_000, 200, late=0.2))]
    newest, behind = 0, 0
    for time in late:
        newest = max(newest, time)
        behind += newest - time > HOUR
    assert 300 < behind < 500


def test_so_many_events_are_repeated_as_were_asked_for() -> None:
    counts = Counter(each.value for each in messages(Mix(2_400, 200, repeated=0.2)))
    assert sum(counts.values()) == 2_400
    assert len(counts) == 2_000


def test_a_decision_falls_at_the_beginning_of_a_session_and_at_a_complaint() -> None:
    shopper = Shopper()
    told = [
        take(shopper, Visit("ada", kind, minute * MINUTE)) is not None
        for minute, kind in ((0, "visit"), (29, "visit"), (60, "visit"), (61, "complaint"))
    ]
    assert told == [True, False, True, True]


def test_windows_forget_what_is_too_old() -> None:
    shopper = Shopper()
    for hour in range(24 * 200):
        take(shopper, Visit("ada", "visit", hour * HOUR))
    assert len(shopper.hours) == 48
    assert len(shopper.days) == 90


def test_a_shopper_is_the_same_after_a_trip_to_the_store() -> None:
    shopper = Shopper()
    for number in range(50):
        take(shopper, Visit("ada", "purchase", number * HOUR, price=2.5))
    again = decode_shopper(encode_shopper(shopper))
    assert again == shopper
    assert features(again, 60 * HOUR) == features(shopper, 60 * HOUR)


def test_the_threshold_lets_one_in_a_hundred_events_alert() -> None:
    values = [each.value for each in messages(Mix(5_000, 500))]
    decisions, alerts, threshold = expected(values, 0.01)
    book: dict[str, Shopper] = {}
    risks = []
    for value in values:
        visit = decode_visit(value)
        risk = take(book.setdefault(visit.user_id, Shopper()), visit)
        if risk is not None:
            risks.append(risk)
    assert decisions == len(risks)
    assert sum(risk > threshold for risk in risks) == alerts == 50


def test_of_equal_risks_none_or_all_alert() -> None:
    first = Visit("", "visit", 0)
    values = [b'{"user_id":"u%d","type":"visit","time":0}' % number for number in range(40)]
    assert expected(values, 0.1) == (40, 0, take(Shopper(), first))


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_a_quantile_is_the_value_that_the_share_does_not_exceed(share: float, value: int) -> None:
    assert quantile([float(each) for each in range(100, 0, -1)], share) == value


def test_a_run_too_short_for_its_cpu_time_to_be_known_has_no_ratio_of_it() -> None:
    peers = [peer for peer in PEERS if peer.name in ("ebbtide", "bare")]
    runs = [Run("ebbtide", 0, 30.0, 1, 1, 0.0, 1), Run("bare", 0, 60.0, 1, 1, 0.5, 1)]
    bare, ebbtide = against.rows(runs, peers)
    assert (bare["ahead"], bare["ahead_cpu"], ebbtide["ahead_cpu"]) == (0.5, None, None)


def test_the_same_work_comes_first_then_whoever_is_faster() -> None:
    rates = {"raw": 9.0, "loop": 4.0, "naive": 1.0, "bare": 3.0, "ebbtide": 2.0}
    runs = [Run(name, 0, rate, 1, 1, 0.5, 1) for name, rate in rates.items()]
    found = against.rows(runs, PEERS)
    assert [row["peer"] for row in found] == ["bare", "ebbtide", "loop", "naive", "raw"]
    assert [row["ahead"] for row in found] == [2 / 3, 1, 0.5, 2, 2 / 9]


def test_results_without_a_place_in_the_readme_are_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        replaced("nothing here", "compare", "table")


@pytest.mark.parametrize(
    "module", [against, our_work, latency, sending, telling, traffic, watching]
)
def test_the_examples_of_the_benchmarks_are_true(module: ModuleType) -> None:
    told = doctest.testmod(module)
    assert told.attempted
    assert not told.failed
