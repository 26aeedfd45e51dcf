from __future__ import annotations

import json
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from streams.letters import Letter, as_dict, escaped, letter_or_marker, readable
from tests.streams.letters.fakes import Broker, dead


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_nothing_that_a_message_holds_commands_the_terminal(value: bytes) -> None:
    assert escaped(value).isprintable()
    assert readable(value).replace("\n", "").isprintable()
    quoted = b'{"a": ' + json.dumps(value.decode("latin-1"), ensure_ascii=False).encode() + b"}"
    assert readable(quoted).replace("\n", "").isprintable()


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_a_reason_holds_commands_the_terminal(reason: str) -> None:
    assert escaped(reason).isprintable()


def test_a_long_message_is_cut_and_says_so() -> None:
    for value in (b"x" * 10_000, b'{"a": "%s"}' % (b"x" * 10_000)):
        assert len(readable(value)) < 5_000
        assert readable(value).endswith("--raw writes all of it")


@given(st.none() | st.binary(), st.none() | st.binary())
def test_json_holds_the_message_byte_for_byte(key: bytes | None, value: bytes | None) -> None:
    broker = Broker()
    broker.put(dead(0, value, key=key))
    letter = letter_or_marker(broker.letters[0])
    assert isinstance(letter, Letter)
    told = json.loads(json.dumps(as_dict(letter, "waiting")))
    for name, data in (("key", key), ("value", value)):
        raw = told[f"{name}_base64"]
        assert (None if raw is None else b64decode(raw)) == data
        assert told[name] is None or told[name].encode() == data
