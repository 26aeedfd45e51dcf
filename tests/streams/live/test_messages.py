"""A message comes out of the outbox as it went in, and each kind goes where it belongs."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from features import to_datetime
from models.deciding import Alert, Reason
from models.learning import TrainingExample
from streams.deadletters import HEADER, LARGEST, DeadLetter
from streams.live.messages import (
    Message,
    alert_message,
    example_message,
    letter_message,
    pack,
    unpack,
)

BYTES = st.none() | st.binary(max_size=40)


@given(
    st.builds(
        Message,
        st.sampled_from(["interventions", "training", "models", "dead_letters"]),
        BYTES,
        BYTES,
        st.lists(st.tuples(st.text(max_size=10), st.binary(max_size=10)), max_size=3),
    )
)
def test_what_is_packed_is_unpacked(message: Message) -> None:
    assert unpack(pack(message)) == message


def test_an_alert_is_keyed_by_its_customer_and_carries_its_attributes() -> None:
    alert = Alert(
        alert_id="a-1",
        user_id="björn",
        decided_at=to_datetime(86_400_000),
        valid_until=to_datetime(2 * 86_400_000),
        cause="silence",
        risk=0.7,
        band="high",
        reasons=[Reason("silence", "silent for 9 days", 0.4)],
        silence_days=9.0,
        action="remind",
        arm="treated",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector={"recency": 9.0},
    )
    message = alert_message(alert)
    assert (message.topic, message.key) == ("interventions", "björn".encode())
    assert message.value is not None
    assert msgspec.json.decode(message.value, type=Alert) == alert
    assert dict(message.headers)["ce_id"] == b"a-1"
    assert dict(message.headers)["ce_time"] == b"1970-01-02T00:00:00.000Z"


def test_an_example_goes_to_training() -> None:
    example = TrainingExample(
        example_id="e",
        user_id="ada",
        at=1,
        matured_at=2,
        cause="silence",
        label=1,
        risk=0.5,
        model_version="prior",
        treated=False,
        catalogue="c",
        vector=[0.1, 1e9],
    )
    message = example_message(example)
    assert (message.topic, message.key) == ("training", b"ada")
    assert message.value is not None
    assert msgspec.json.decode(message.value, type=TrainingExample) == example


@given(BYTES, BYTES)
def test_a_dead_letter_keeps_the_message_byte_for_byte(
    key: bytes | None, value: bytes | None
) -> None:
    letter = DeadLetter(reason="why", field="time", topic="t", partition=1, offset=2, timestamp=3)
    message = letter_message(letter, key, value)
    assert (message.topic, message.key, message.value) == ("dead_letters", key, value)
    [(name, body)] = message.headers
    assert name == HEADER
    assert msgspec.json.decode(body, type=DeadLetter) == letter


def test_of_a_message_too_large_to_be_kept_the_letter_says_where_it_lies() -> None:
    letter = DeadLetter(reason="?", field="", topic="t", partition=1, offset=2, timestamp=3)
    kept = letter_message(letter, b"k", bytes(LARGEST - 1))
    cut = letter_message(letter, b"k", bytes(LARGEST))
    assert kept.value == bytes(LARGEST - 1)
    assert (cut.key, cut.value) == (b"k", None)
    [(_, why)] = cut.headers
    assert msgspec.json.decode(why, type=DeadLetter).cut == LARGEST
