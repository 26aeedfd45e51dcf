from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaError

from features import DAY
from streams.deadletters import REDRIVEN
from streams.letters import survey
from tests.streams.letters.fakes import CLICKS, LETTERS, NOW, Broker, dead, event, redrive


def values(broker: Broker, topic: str = CLICKS) -> list[bytes | None]:
    return [message.value for message in broker.topics[topic]]


def test_a_letter_is_sent_as_it_was_to_where_it_lay_and_names_itself() -> None:
    broker = Broker()
    spaced = b'{ "event_id":"1","user_id":"ada","type":"visit","time":1800000000000 }'
    broker.put(dead(7, spaced, key=b"shop", partition=3))
    assert redrive(broker).sent == 1
    [sent] = broker.topics[CLICKS]
    assert sent.value == spaced
    assert sent.key == b"ada", "an event belongs on the partition of its customer"
    assert sent.headers == {REDRIVEN: b"clickstream-3-7"}


def test_what_was_moved_to_its_customers_partition_goes_back_to_the_front_door() -> None:
    broker = Broker()
    broker.put(dead(7, event("ada"), topic="clickstream-rekeyed"))
    assert redrive(broker).sent == 1
    assert values(broker) == [event("ada")]
    assert "clickstream-rekeyed" not in broker.topics


def test_a_second_redrive_sends_nothing() -> None:
    broker = Broker()
    broker.put(dead(0, event("ada")), dead(1, event("eve")))
    assert redrive(broker).sent == 2
    again = redrive(broker)
    assert (again.sent, again.already) == (0, 2)
    assert len(broker.topics[CLICKS]) == 2
    assert len(broker.letters) == 4, "each has one marker"


def test_a_letter_that_a_crash_repeated_is_sent_once_also_after_its_marker() -> None:
    broker = Broker()
    letter = dead(0, event("ada"))
    broker.put(letter, letter)
    assert redrive(broker).sent == 1
    broker.put(letter)
    assert redrive(broker).already == 1
    assert values(broker) == [event("ada")]


def test_a_topic_created_anew_counts_from_zero_and_its_letters_are_others() -> None:
    broker = Broker()
    broker.put(dead(0, event("ada"), timestamp=NOW))
    redrive(broker)
    broker.put(dead(0, event("eve"), timestamp=NOW + DAY))
    assert redrive(broker).sent == 1
    assert values(broker) == [event("ada"), event("eve")]


def test_a_crash_between_sending_and_marking_loses_nothing_and_can_send_twice() -> None:
    broker = Broker(breaks=3)  # both events and one of the markers
    broker.put(*(dead(n, event("ada", number=n)) for n in range(2)))
    with pytest.raises(KafkaError):
        redrive(broker)
    assert broker.acknowledged == [CLICKS, CLICKS, LETTERS]
    broker.breaks = None
    assert redrive(broker).sent == 1
    assert values(broker) == [event("ada", number=n) for n in (0, 1, 1)]
    assert redrive(broker).sent == 0


def test_what_was_acknowledged_before_an_error_is_marked() -> None:
    class Stumbling(Broker):
        """Refuses the second event, and nothing else."""

        def acknowledge(self, sent):  # type: ignore[no-untyped-def]
            if self.breaks is not None and sent.message.value == event("ada", number=1):
                raise KafkaError("no")
            return Broker.acknowledge(self, sent)

    broker = Stumbling(breaks=100)
    broker.put(*(dead(n, event("ada", number=n)) for n in range(3)))
    with pytest.raises(KafkaError):
        redrive(broker)
    assert broker.acknowledged == [CLICKS, LETTERS]
    broker.breaks = None
    assert redrive(broker).sent == 2
    assert values(broker) == [event("ada", number=n) for n in range(3)]


@given(st.data())
def test_whenever_it_is_cut_short_every_letter_arrives_and_none_is_sent_after_its_marker(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(1, 8))
    at_once = data.draw(st.integers(1, 4))
    broker = Broker()
    broker.put(*(dead(n, event("ada", number=n)) for n in range(count)))
    for breaks in data.draw(st.lists(st.integers(0, 6), max_size=4)):
        broker.breaks = len(broker.acknowledged) + breaks
        marked = len(broker.letters) - count
        sent = len(broker.topics[CLICKS])
        with suppress(KafkaError):
            redrive(broker, at_once=at_once)
        new = broker.topics[CLICKS][sent:]
        assert all(
            message.value != event("ada", number=n) for message in new for n in range(marked)
        )
    broker.breaks = None
    redrive(broker, at_once=at_once)
    assert set(values(broker)) == {event("ada", number=n) for n in range(count)}
    assert len(broker.letters) == 2 * count
    assert redrive(broker).sent == 0


def test_messages_of_a_customer_keep_the_order_of_their_log_within_what_is_in_memory() -> None:
    broker = Broker()
    broker.put(*(dead(n, event("ada", number=n), partition=n % 2) for n in (4, 0, 2, 1, 5, 3)))
    redrive(broker)
    assert values(broker) == [event("ada", number=n) for n in (0, 2, 4, 1, 3, 5)]


def test_no_more_is_on_its_way_than_is_allowed_at_once() -> None:
    broker = Broker()
    broker.put(*(dead(n, event("ada", number=n)) for n in range(20)))
    assert redrive(broker, at_once=3).sent == 20
    assert broker.most_flying == 3
    assert values(broker) == [event("ada", number=n) for n in range(20)]


def test_what_would_be_refused_again_stays_and_says_why_unless_forced() -> None:
    broker = Broker()
    broker.put(dead(0, b"{"), dead(1, event("ada", at=NOW + 2 * DAY)), dead(2, event("ada")))
    done = redrive(broker)
    assert (done.sent, done.left) == (1, 2)
    assert [(letter_id, why.field) for letter_id, why in done.told] == [
        ("clickstream-0-0", ""),
        ("clickstream-0-1", "time"),
    ]
    assert redrive(broker, now=NOW + DAY).sent == 1, "its time has come"
    assert redrive(broker, force=True).sent == 1
    assert values(broker)[-1] == b"{"
    assert broker.topics[CLICKS][-1].key == b"key"


def test_what_nobody_reads_or_nothing_can_carry_is_not_even_sent_by_force() -> None:
    broker = Broker(biggest=1_000)
    broker.put(
        dead(0, event("ada"), topic="elsewhere"),
        dead(1, None, key=None),
        dead(2, b"x" * 1_500),
        dead(3, b"x" * 3_000),
        dead(4, event("ada")),
    )
    done = redrive(broker, force=True)
    assert (done.sent, done.left) == (1, 4)
    assert [letter_id for letter_id, _ in done.told] == [
        "elsewhere-0-0",
        "clickstream-0-1",
        "clickstream-0-3",
        "clickstream-0-2",
    ]
    assert survey(broker.letters).waiting == 4


def test_only_those_asked_for_are_sent() -> None:
    broker = Broker()
    broker.put(*(dead(n, event("ada", number=n)) for n in range(4)))
    assert redrive(broker, ids={"clickstream-0-1", "clickstream-0-3"}).sent == 2
    assert values(broker) == [event("ada", number=n) for n in (1, 3)]


def test_a_dry_run_counts_and_sends_nothing() -> None:
    broker = Broker()
    broker.put(dead(0, event("ada")), dead(1, b"{"))
    done = redrive(broker, dry_run=True)
    assert (done.sent, done.left) == (1, 1)
    assert len(broker.letters) == 2
    assert CLICKS not in broker.topics


def test_a_message_that_was_refused_again_can_be_sent_again_under_its_new_id() -> None:
    broker = Broker()
    broker.put(dead(0, event("ada")))
    redrive(broker)
    broker.put(dead(9, event("ada"), redriven="clickstream-0-0"))
    assert redrive(broker).sent == 1
    assert broker.topics[CLICKS][-1].headers == {REDRIVEN: b"clickstream-0-9"}
    assert redrive(broker).sent == 0
