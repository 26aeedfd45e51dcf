"""Predictions wait for their labels, and survive being stored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.deciding.ledger as ledgers
from features import NEVER, UnknownVersion
from models.deciding import Decision, Ledger, Prediction

#: A ledger as it was stored by version 1.
STORED = (
    "9501c30591980a29a773696c656e6365cb3fe0000000000000a57072696f72c4020001c3c391990aa773696c65"
    "6e6365cb3fe0000000000000a468696768a774726561746564a57072696f72c3a67261697365649193a161a162cb3ff0000000000000"
)
WAITS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=8)


def ledger_of(waits: list[tuple[int, int]]) -> Ledger:
    ledger = Ledger()
    for at, horizon in waits:
        ledger.keep(Prediction(at, at + horizon + 1, "silence", 0.5, "prior", b"\x00\x01"))
    return ledger


@settings(max_examples=100)
@given(WAITS, st.lists(st.integers(0, 90), max_size=6), st.integers(0, 90))
def test_activity_within_a_horizon_is_a_return_in_whatever_order_it_comes(
    waits: list[tuple[int, int]], activity: list[int], watermark: int
) -> None:
    ledger = ledger_of(waits)
    for at in activity:
        ledger.note_activity(at)
    ledger = Ledger.decode(ledger.encode())
    assert ledger.due() == min((at + horizon + 1 for at, horizon in waits), default=NEVER)

    matured = ledger.mature(watermark)
    assert [(each.at, each.due - each.at - 1) for each in matured] == [
        (at, horizon) for at, horizon in waits if at + horizon < watermark
    ]
    for each in [*matured, *ledger.pending]:
        horizon = each.due - each.at - 1
        assert each.returned is any(each.at < at <= each.at + horizon for at in activity)
    assert len(matured) + len(ledger.pending) == len(waits)
    assert ledger.mature(watermark) == []


@settings(max_examples=50)
@given(WAITS, st.integers(0, 20))
def test_a_ledger_is_the_same_after_being_stored(waits: list[tuple[int, int]], count: int) -> None:
    ledger = ledger_of(waits)
    for number in range(count):
        ledger.log(
            Decision(
                number, "silence", 0.1, "low", "treated", "prior", False, "why", [("a", "b", 1.0)]
            )
        )
    again = Ledger.decode(ledger.encode())
    assert again.encode() == ledger.encode()
    assert (again.pending, again.decisions) == (ledger.pending, ledger.decisions)
    assert len(again.decisions) == min(count, 8)
    assert again.has_decided(count - 1, "silence") is (count > 0)
    assert not again.has_decided(count - 1, "distress")


@pytest.mark.parametrize("newer", [[2, False, -1, [], []], [2, "another shape"]])
def test_what_a_newer_ebbtide_wrote_is_not_guessed_at(newer: list[object]) -> None:
    with pytest.raises(UnknownVersion, match=r"version 2 .* which knows 1"):
        Ledger.decode(msgspec.msgpack.encode(newer))


def test_what_this_version_wrote_once_is_read_for_ever() -> None:
    """Change the form, and raise the version with a step in ``STEPS``; not these bytes."""
    stored = bytes.fromhex(STORED)
    ledger = Ledger.decode(stored)
    assert [(each.at, each.due, each.returned) for each in ledger.pending] == [(10, 41, True)]
    assert [each.why for each in ledger.decisions] == ["raised"]
    assert ledger.standing.alerted_at == 5
    assert ledger.encode() == stored


def test_what_an_older_version_wrote_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(old: list[Any]) -> list[Any]:
        return [1, True, *old[1:]]

    monkeypatch.setitem(ledgers.STEPS, 0, newer)
    ledger = Ledger.decode(msgspec.msgpack.encode([0, 5, [], []]))
    assert (ledger.standing.raised, ledger.standing.alerted_at) == (True, 5)
