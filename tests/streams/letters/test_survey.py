from __future__ import annotations

import pytest

from streams.deadletters import HEADER, REDRIVEN, redriven_from
from streams.letters import Letter, TooManyLetters, letter_or_marker, survey
from tests.streams.letters.fakes import CLICKS, Broker, DeadMessage, dead, event, redrive


def ids(letters: list[Letter]) -> list[str]:
    return [letter.letter_id for letter in letters]


def test_a_letter_that_a_crash_repeated_is_shown_and_counted_once() -> None:
    broker = Broker()
    broker.put(dead(0, b"{"), dead(1, b"{"), dead(0, b"{"))
    found = survey(broker.letters, keep=10)
    assert ids(found.letters) == ["clickstream-0-0", "clickstream-0-1"]
    assert (len(found.found), found.waiting, found.left_out) == (2, 2, 0)
    assert found.topics == {CLICKS: 2}


def test_the_newest_are_kept_and_the_rest_is_counted() -> None:
    broker = Broker()
    broker.put(*(dead(n, b"{", reason=f"invalid character (byte {n})") for n in range(10)))
    found = survey(broker.letters, keep=3)
    assert ids(found.letters) == ["clickstream-0-7", "clickstream-0-8", "clickstream-0-9"]
    assert found.left_out == 7
    assert found.reasons == {"invalid character (byte N)": 10}


def test_large_letters_are_kept_up_to_a_bound_and_the_newest_in_any_case() -> None:
    broker = Broker()
    broker.put(*(dead(n, b"x" * 1_000) for n in range(5)))
    assert ids(survey(broker.letters, keep=10, most_bytes=2_500).letters) == [
        "clickstream-0-3",
        "clickstream-0-4",
    ]
    assert ids(survey(broker.letters, keep=10, most_bytes=10).letters) == ["clickstream-0-4"]


def test_reasons_beyond_number_are_counted_together() -> None:
    broker = Broker()
    broker.put(*(dead(n, b"{", reason="x" * n) for n in range(300)))
    found = survey(broker.letters)
    assert len(found.reasons) == 201
    assert found.reasons["others"] == 100


def test_more_letters_than_memory_allows_are_refused() -> None:
    broker = Broker()
    broker.put(*(dead(n, b"{") for n in range(4)))
    with pytest.raises(TooManyLetters, match="more than 3 dead letters"):
        survey(broker.letters, most_ids=3)
    found = survey(broker.letters, lambda letter: letter.why.offset > 0, most_ids=3)
    assert len(found.found) == 3


def test_a_letter_waits_is_redriven_or_came_back() -> None:
    broker = Broker()
    broker.put(dead(0, event("ada")), dead(1, event("ada")), dead(2, event("ada")))
    redrive(broker, ids={"clickstream-0-1", "clickstream-0-2"})
    broker.put(dead(5, event("ada"), redriven="clickstream-0-2"))
    found = survey(broker.letters, keep=9)
    assert [(letter.why.offset, found.state(letter)) for letter in found.letters] == [
        (0, "waiting"),
        (1, "redriven"),
        (2, "refused again"),
        (5, "waiting"),
    ]
    assert found.waiting == 2
    assert found.strange == 0


def test_a_claim_to_have_been_sent_again_is_no_marker() -> None:
    # Any producer may write the header that the worker copies.
    broker = Broker()
    broker.put(dead(0, event("ada")), dead(1, b"{", redriven="clickstream-0-0"))
    found = survey(broker.letters, keep=9)
    assert [found.state(letter) for letter in found.letters] == ["waiting", "waiting"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: b"{"},
        {HEADER: b"\xff"},
        {HEADER: b'{"reason":"r"}'},
        {REDRIVEN: b"clickstream-0-0"},
        {"other": b"x"},
    ],
)
def test_what_is_neither_letter_nor_marker_is_counted_and_left(headers: dict[str, bytes]) -> None:
    broker = Broker()
    broker.put(DeadMessage(b"k", b"v", headers), dead(0, b"{"))
    assert letter_or_marker(broker.letters[0]) is None
    found = survey(broker.letters, keep=9)
    assert (found.strange, ids(found.letters)) == (1, ["clickstream-0-0"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"clickstream-0-12", "clickstream-0-12"),
        (b"", ""),
        (None, ""),
        (b"x" * 301, ""),
        (b"a\nb", ""),
        ("zoë".encode(), ""),
        (b"\xff", ""),
    ],
)
def test_a_header_that_cannot_be_an_id_is_ignored(value: bytes | None, expected: str) -> None:
    assert redriven_from([("other", b"x"), (REDRIVEN, value)]) == expected
