from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from features import DAY, build_catalogue
from models.learning import TrainingExample
from streams.composition import definition_of
from streams.letters import Acceptance, Letter, letter_or_marker
from tests.streams.letters.fakes import NOW, SETTINGS, Broker, dead, event


def letter(value: bytes | None, topic: str = "clickstream", key: bytes | None = b"key") -> Letter:
    broker = Broker()
    broker.put(dead(0, value, topic=topic, key=key))
    found = letter_or_marker(broker.letters[0])
    assert isinstance(found, Letter)
    return found


def example(catalogue: str, width: int) -> bytes:
    return msgspec.json.encode(
        TrainingExample(
            example_id="x",
            user_id="ada",
            at=0,
            matured_at=1,
            cause="silence",
            label=1,
            risk=0.5,
            model_version="prior",
            treated=False,
            catalogue=catalogue,
            vector=[0.0] * width,
        )
    )


ACCEPTANCE = Acceptance(SETTINGS, NOW)


@pytest.mark.parametrize("topic", ["clickstream", "clickstream-rekeyed"])
def test_an_event_is_accepted_up_to_the_allowed_skew(topic: str) -> None:
    assert ACCEPTANCE.refusal(letter(event("ada", at=NOW + DAY), topic)) is None
    refusal = ACCEPTANCE.refusal(letter(event("ada", at=NOW + DAY + 1), topic))
    assert refusal is not None
    assert refusal.field == "time"
    assert "in the future by more than 1 days" in refusal.reason


def test_what_came_over_http_is_for_its_sender_to_send_again() -> None:
    found = letter(event("ada"))
    came = msgspec.structs.replace(found.why, topic="collect/web")
    refusal = ACCEPTANCE.refusal(replace(found, why=came))
    assert refusal is not None
    assert refusal.final
    assert refusal.reason.startswith("came over HTTP from web")


def test_an_example_is_accepted_if_its_features_are_those_of_the_learner() -> None:
    catalogue = build_catalogue(definition_of(SETTINGS))
    width = len(catalogue.names)
    good = letter(example(catalogue.fingerprint, width), "training")
    assert ACCEPTANCE.refusal(good) is None
    assert ACCEPTANCE.key(good) == b"key"
    for value in (example("other", width), example(catalogue.fingerprint, 1), b"{", b"\xff", None):
        assert ACCEPTANCE.refusal(letter(value, "training")) is not None


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (event("ada"), b"ada"),
        (b'{"user_id": "ada", "time": "never"}', b"ada"),
        (b'{"user_id": ""}', b"shop"),
        (b'{"user_id": 7}', b"shop"),
        (b'{"user_id": "\xff"}', b"shop"),
        (b"[" * 100_000 + b"]" * 100_000, b"shop"),
        (b"{", b"shop"),
        (None, b"shop"),
    ],
)
def test_an_event_is_keyed_by_its_customer_as_far_as_that_can_be_read(
    value: bytes | None, key: bytes
) -> None:
    assert ACCEPTANCE.key(letter(value, key=b"shop")) == key
