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

#: A ledger as it was stored by version 1, whose predictions knew no stages.
STORED_BY_1 = (
    "9501c30591980a29a773696c656e6365cb3fe0000000000000a57072696f72c4020001c3c391990aa773696c65"
    "6e6365cb3fe0000000000000a468696768a774726561746564a57072696f72c3a67261697365649193a161a162cb3ff0000000000000"
)
#: One as this version stores it.
STORED = (
    "9502c30591990a29a773696c656e6365cb3fe0000000000000a57072696f72c4020001c3020191990aa773696c"
    "656e6365cb3fe0000000000000a468696768a774726561746564a57072696f72c3a67261697365649193a161a162cb3ff0000000000000"
)
WAITS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=8)


def ledger_of(waits: list[tuple[int, int]]) -> Ledger:
    ledger = Ledger()
    for at, horizon in waits:
        ledger.keep(Prediction(at, at + horizon + 1, "silence", 0.5, "prior", b"\x00\x01"))
    return ledger


@settings(max_examples=200)
@given(
    WAITS,
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=6),
    st.integers(0, 90),
)
def test_the_first_activity_says_in_which_stage_a_customer_came_back(
    waits: list[tuple[int, int]], activity: list[tuple[int, int]], watermark: int
) -> None:
    """Activities as (when it was, how far the watermark was when it came)."""
    ledger = ledger_of(waits)
    matured = []
    for known, at in sorted((known, at) for at, known in activity):
        matured += ledger.mature(min(known, watermark))
        if known <= watermark:
            ledger.note_activity(at)
        ledger = Ledger.decode(ledger.encode())
    matured += ledger.mature(watermark)
    assert ledger.mature(watermark) == []

    told = [
        (each.prediction.at, each.prediction.due - each.prediction.at - 1, each.stage)
        for each in matured
    ]
    expected = []
    for at, horizon in waits:
        ends = [at + round(horizon * cut) for cut in (0.25, 0.5, 1)]
        returned_in = 3
        for moment, known in activity:
            if at < moment and known <= watermark:
                still = (n for n in range(3) if moment <= ends[n] and known <= ends[n])
                returned_in = min(returned_in, next(still, 3))
        passed = [n for n in range(3) if ends[n] < watermark]
        expected += [(at, horizon, n) for n in passed if n == 2 or returned_in >= n]
        for each in matured:
            if (each.prediction.at, each.prediction.due - each.prediction.at - 1) == (at, horizon):
                assert each.label == (returned_in > each.stage)
                assert each.matured_at == ends[each.stage]
                assert each.returned_in == (returned_in if not each.label else 3)
    assert sorted(told) == sorted(expected)
    due = ledger.due()
    assert due == NEVER if not ledger.pending else due > watermark


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


@pytest.mark.parametrize("newer", [[3, False, -1, [], []], [3, "another shape"]])
def test_what_a_newer_ebbtide_wrote_is_not_guessed_at(newer: list[object]) -> None:
    with pytest.raises(UnknownVersion, match=r"version 3 .* which knows 2"):
        Ledger.decode(msgspec.msgpack.encode(newer))


def test_what_this_version_wrote_once_is_read_for_ever() -> None:
    """Change the form, and raise the version with a step in ``STEPS``; not these bytes."""
    stored = bytes.fromhex(STORED)
    ledger = Ledger.decode(stored)
    assert [(each.at, each.due, each.returned_in, each.passed) for each in ledger.pending] == [
        (10, 41, 2, 1)
    ]
    assert [each.why for each in ledger.decisions] == ["raised"]
    assert ledger.standing.alerted_at == 5
    assert ledger.encode() == stored


def test_of_what_version_1_wrote_only_the_whole_horizon_is_told() -> None:
    came = Ledger.decode(bytes.fromhex(STORED_BY_1))
    assert (came.due(), came.note_activity(20)) == (41, False)
    ((_, *told),) = came.mature(41)
    assert told == [2, 40, 0, None]

    away = ledger_of([])
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED_BY_1))
    fields[3][0][-1] = False
    away = Ledger.decode(msgspec.msgpack.encode(fields))
    again = Ledger.decode(away.encode())
    ((_, *told),) = away.mature(41)
    assert told == [2, 40, 1, None]
    assert again.note_activity(20)
    ((_, *told),) = again.mature(41)
    assert told == [2, 40, 0, None]


def test_what_an_older_version_wrote_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(old: list[Any]) -> list[Any]:
        return [2, True, *old[1:]]

    monkeypatch.setitem(ledgers.STEPS, 0, newer)
    ledger = Ledger.decode(msgspec.msgpack.encode([0, 5, [], []]))
    assert (ledger.standing.raised, ledger.standing.alerted_at) == (True, 5)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.integers(0, 60)),
        st.tuples(st.just("note"), st.integers(0, 120)),
        st.tuples(st.just("mature"), st.integers(0, 120)),
    ),
    max_size=25,
)


@settings(max_examples=300)
@given(STEPS)
def test_what_a_ledger_remembers_of_its_own_work_changes_nothing(
    steps: list[tuple[str, int]],
) -> None:
    ledger, forgetful = Ledger(), Ledger()
    for verb, at in steps:
        # Read again it knows neither what is due next nor from when on nothing is news.
        forgetful = Ledger.decode(forgetful.encode())
        if verb == "keep":
            for each in (ledger, forgetful):
                each.keep(Prediction(at, at + 41, "silence", 0.4, "prior", b""))
        elif verb == "note":
            news = forgetful.note_activity(at)
            assert ledger.awaits(at) >= news
            assert ledger.note_activity(at) == news
        else:
            assert ledger.mature(at) == forgetful.mature(at)
        assert ledger.pending == forgetful.pending
        assert ledger.due() == forgetful.due()
