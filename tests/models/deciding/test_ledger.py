"""Predictions wait for their labels, and survive being stored."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.deciding.stored as stored
from features import NEVER, Damaged, Definition, UnknownVersion, build_catalogue
from models.deciding import Because, Decision, Ledger, Obstacle, Play, Prediction, Sent, Standing
from models.judging import CODES, Explainer, Ground, Weights
from models.learning import RISK_PARTS

#: A ledger as it was stored by version 1, whose predictions knew no stages.
STORED_BY_1 = (
    "9501c30591980a29a773696c656e6365cb3fe0000000000000a57072696f72c4020001c3c391990aa773696c65"
    "6e6365cb3fe0000000000000a468696768a774726561746564a57072696f72c3a67261697365649193a161a162cb3ff0000000000000"
)
#: One as version 2 stored it, its decisions in words.
STORED_BY_2 = (
    "9502c30591990a29a773696c656e6365cb3fe0000000000000a57072696f72c4020001c3020191990aa773696c"
    "656e6365cb3fe0000000000000a468696768a774726561746564a57072696f72c3a67261697365649193a161a162cb3ff0000000000000"
)
#: One as version 3 stored it.
STORED_BY_3 = (
    "9a030ac3059193a662617965732d013cc401009091c4179868cb3fe66666666666664b00cd02c9cd0c1ecd03"
    "84c01f9193000cc407027001cdcccc3d"
)
#: The same by version 4, with what a policy file must remember.
STORED_BY_4 = (
    "9b040ac3059193a662617965732d013cc401009091c4179868cb3fe66666666666664b00cd02c9cd0c1ecd03"
    "84c01f9193000cc407027001cdcccc3d939293a467696674a5656d61696cc293a5736f727279a5656d61696cc39200"
    "01920300"
)
#: The same as this version stores it.
STORED = (
    "99050ac30593a662617965732d013c0090c40d0c686acfc04b40c9059e188407953dc400000cc407027001cdcccc3d"
)
STORED_WITH_SENT = (
    "9a050ac30593a662617965732d013c0090c40d0c686acfc04b40c9059e188407953dc400000cc407027001cdcc"
    "cc3d939293a467696674a5656d61696cc293a5736f727279a5656d61696cc3920001920300"
)
#: A simulated customer with eight decisions and two predictions, as version 3 stored it, and as
#: this version does, with risks in three bytes.
MUCH_BY_3 = (
    "9a03cf0000019b6e48df16c3cf000000010e5dde009493a57072696f72003c93a57072696f72013c93a5707269"
    "6f7202cd057893a57072696f720332c408000001020303030397ce0f579cc0ce172c9e00ce269fb200ce269fb2"
    "00ce269fb200ce4d3f6400ce4d3f640098c4129716cb3fe0a2407277f0e200cd10e102c034c4149714cb3fe29d"
    "49fa0dd91600cd1328cd012cc03ac4149738cb3fe46e28e57c252700cd1588cd02eec040c4159818cb3fe67183"
    "49edc2b30700cd187ecd05dcc046c4159818cb3fe7d632e93af6a20f00cd1ad7cd08cac04ac4159818cb3fe8e8"
    "9729a3fdec1600cd1cdacd0bb8c04ec4159818cb3fea6d75f573d75c2500cd202ccd1194c053c4159818cb3feb"
    "76f05b288d063400cd22efcd1770c056ce9a7ec80192930616c43d364d00f000ffd01005c000000300002d0103"
    "030103730034420958334209583542572c783c650efc3d9d9eb33efca0173f3005453f7e8c213f000080bf9307"
    "14c430364c00f000ffc000000000000000003c7300704209586f4209587142572c783b650e7c3d3d057e3e2002"
    "ff3e1bab343f"
)
MUCH = (
    "9905cf0000019b6e48df16c3cf000000010e5dde009ca57072696f72003cc0013cc002cd0578c00332cd06ff97"
    "cd011ecd01b0cd02d0cd02d0cd02d0cd05a0cd05a0c45c09164f50ed20e12102340a1458c2ab20a826ac023a0a"
    "38616b5820882bee05400b186b04bd0720fe30dc0b460b1871a98d0f20d735ca114a0b1876c5f41620da39b817"
    "4e0b187e043b2520ac409423530b1882f6213420ef45f02e5698cd0b40c4000656c4179ace00403c472d01cd10"
    "e003030103cd93e7ce01ba5b2f0754c40693053ccd1680"
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


NUMBERS = st.one_of(
    st.integers(0, 300_000).map(lambda number: number / 100), st.floats(allow_nan=False)
)
GROUNDS = st.one_of(
    st.builds(
        Ground,
        st.just("silence"),
        st.floats(0, 9),
        st.dictionaries(st.sampled_from(["silent", "usual", "share"]), NUMBERS),
    ),
    # Of a cause, or with a number, that nobody foresaw; or in words, as version 2 kept it.
    st.builds(Ground, st.sampled_from(["moon", "silence"]), NUMBERS, st.just({"phase": 0.5})),
    st.builds(Ground, st.just("trouble"), NUMBERS, st.just({}), st.text(max_size=9)),
)
OBSTACLES = st.builds(
    Obstacle,
    st.text(max_size=5),
    st.sampled_from(["other", "below"]),
    st.sampled_from(["", "tier"]),
    st.lists(st.floats(allow_nan=False), max_size=2).map(tuple),
    st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
PLAYS = st.builds(
    Play,
    st.text(max_size=5),
    st.sampled_from(["", "bargains"]),
    st.sampled_from(["", "ten"]),
    held=st.sampled_from(["", "shop", "playbook"]),
    not_before=st.integers(-1, 4_102_444_800_000),
    obstacles=st.lists(OBSTACLES, max_size=3).map(tuple),
)
DECISIONS = st.builds(
    Decision,
    st.integers(0, 4_102_444_800_000),
    st.sampled_from(["silence", "distress", "session_end", "another"]),
    st.floats(0, 1),
    st.sampled_from(["low", "medium", "high"]),
    st.sampled_from(["treated", "holdout"]),
    st.sampled_from(
        ["prior", "bayes-75", "bayes-075", "-", "bayes-", "a-b-9", "x-99999999999999999999"]
    ),
    st.booleans(),
    st.one_of(
        st.builds(Because, st.just("below"), st.tuples(st.just(0.25), st.just(0.6))),
        st.builds(Because, st.just("resting"), st.tuples(st.integers(0, 99), st.just(14.0))),
        st.builds(Because, st.just("hovering"), st.tuples(st.integers(0, 99), NUMBERS)),
        st.builds(Because, st.text(max_size=9), st.just(())),
        st.builds(Because, st.just("unmatched"), st.tuples(st.just(0.7), st.just(0.6))),
    ),
    st.lists(GROUNDS, max_size=3),
    st.one_of(st.none(), st.none(), PLAYS),
)


SENT = st.builds(
    Sent,
    st.integers(0, 4_102_444_800_000),
    st.sampled_from(["", "gift", "call"]),
    st.sampled_from(["", "email"]),
    st.booleans(),
)


@settings(max_examples=150)
@given(
    WAITS,
    st.lists(DECISIONS, max_size=12),
    st.sets(st.integers(0, 12)),
    st.one_of(st.just([]), st.lists(SENT, max_size=4)),
)
def test_a_ledger_is_the_same_after_being_stored(
    waits: list[tuple[int, int]], decisions: list[Decision], points: set[int], sent: list[Sent]
) -> None:
    never, ledger = ledger_of(waits), ledger_of(waits)
    never.sent = ledger.sent = tuple(sent)
    for place, decision in enumerate(decisions):
        never.log(decision)
        ledger.log(decision)
        if place in points:
            ledger = Ledger.decode(ledger.encode())
    again = Ledger.decode(ledger.encode())
    assert again.encode() == ledger.encode() == never.encode()
    assert all(again.has_decided(each.at, each.cause) for each in decisions[-8:])
    last = {(each.at, each.cause) for each in decisions[-8:]}
    assert again.has_decided(7, "silence") is ((7, "silence") in last)
    assert (again.pending, again.decisions) == (ledger.pending, ledger.decisions)
    assert again.sent == tuple(sent)
    assert again.encode()[:2] == (b"\x9a\x05" if sent else b"\x99\x05")
    assert again.decisions == decisions[-8:]
    # Read or not, it is stored alike.
    assert again.encode() == never.encode()


def test_what_is_done_to_the_list_of_decisions_is_done_to_the_ledger() -> None:
    ledger = Ledger()
    for at in range(3):
        ledger.log(decided(at))
    ledger = Ledger.decode(ledger.encode())
    del ledger.decisions[0]
    assert [each.at for each in Ledger.decode(ledger.encode()).decisions] == [1, 2]


def decided(at: int) -> Decision:
    grounds = [Ground("silence", 0.713, {"silent": 31.02, "usual": 9.0})]
    because = Because("reached", (0.7, 0.6))
    return Decision(at, "silence", 0.7, "high", "treated", "bayes-75", True, because, grounds)


VECTORS = st.lists(
    st.one_of(st.integers(0, 300), st.floats(width=32, allow_nan=False)), min_size=9, max_size=9
).map(lambda values: array("f", values).tobytes())


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.one_of(VECTORS, st.binary(max_size=9)), st.booleans(), st.booleans()),
        max_size=6,
    ),
    st.integers(0, 60),
)
def test_predictions_come_back_to_the_last_bit_whoever_is_done_with_before(
    kept: list[tuple[bytes, bool, bool]], watermark: int
) -> None:
    ledger = Ledger()
    for number, (vector, logged, treated) in enumerate(kept):
        if logged:
            ledger.log(decided(number))
        version, risk = ("bayes-75", 0.7) if number % 3 else ("bayes-75", 0.2)
        ledger.keep(Prediction(number, number + 41, "silence", risk, version, vector, treated))
        ledger = Ledger.decode(ledger.encode())
    ledger.mature(watermark)
    there = {each.at: each for each in Ledger.decode(ledger.encode()).pending}
    for number, (vector, _, treated) in enumerate(kept):
        assert (number in there) is (number + 41 > watermark)
        if number in there:
            assert (there[number].vector, there[number].treated) == (vector, treated)
    assert Ledger.decode(ledger.encode()).encode() == ledger.encode()


def test_a_prediction_of_a_decision_takes_few_bytes_and_a_decision_fewer() -> None:
    sizes = []
    vector = array("f", [3.0] * 40 + [0.1] * 14).tobytes()
    ledger = Ledger()
    for at in (10, 1_000_000, 2_000_000):
        ledger.log(decided(at))
        ledger.keep(Prediction(at, at + 41, "silence", 0.7, "bayes-75", vector))
        sizes.append(len(ledger.encode()))
    assert sizes[2] - sizes[1] < 60
    ledger.pending.clear()
    assert sizes[2] - len(ledger.encode()) > 140


def test_every_cause_that_a_model_tells_is_kept_as_numbers() -> None:
    facts = dict.fromkeys(build_catalogue(Definition()).names, 2.0)
    grounds = Explainer().grounds(Weights([1.0] * len(CODES), 0.5), facts, most=len(CODES))
    assert [each.code for each in grounds] == list(CODES)
    for ground in grounds:
        because = Because("below", (0.5, 0.6))
        decision = Decision(1, "silence", 0.5, "low", "treated", "x", False, because, [ground])
        ledger = Ledger()
        ledger.log(decision)
        assert ground.code.encode() not in ledger.encode()
        assert Ledger.decode(ledger.encode()).decisions == [decision]


@pytest.mark.parametrize("newer", [[6, False, -1, [], []], [6, "another shape"]])
def test_what_a_newer_ebbtide_wrote_is_not_guessed_at(newer: list[object]) -> None:
    with pytest.raises(UnknownVersion, match=r"version 6 .* which knows 5"):
        Ledger.decode(msgspec.msgpack.encode(newer))


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**63), st.binary(max_size=9), st.text()),
    lambda inner: st.lists(inner, max_size=10),
    max_leaves=30,
)


@settings(max_examples=300)
@given(st.sampled_from([3, 4, 5]), st.lists(ANYTHING, min_size=8, max_size=10))
def test_what_nobody_wrote_is_refused_or_read_but_never_breaks(
    version: int, fields: list[object]
) -> None:
    try:
        ledger = Ledger.decode(msgspec.msgpack.encode([version, *fields]))
        told = [each.vector for each in ledger.pending], ledger.decisions
    except Damaged as error:
        assert str(error)
    else:
        assert all(isinstance(each, bytes) for each in told[0])


def test_what_this_version_wrote_once_is_read_for_ever() -> None:
    """Change the form, and raise the version with a step in ``STEPS``; not these bytes."""
    ledger = Ledger()
    ledger.log(decided(10))
    ledger.keep(Prediction(10, 41, "silence", 0.7, "bayes-75", array("f", [1, 0.1]).tobytes()))
    ledger.standing = Standing(True, 5)
    assert ledger.note_activity(22)
    assert ledger.encode().hex() == STORED
    ledger.sent = (Sent(7, "gift", "email"), Sent(10, "sorry", "email", True))
    assert ledger.encode().hex() == STORED_WITH_SENT
    assert Ledger.decode(bytes.fromhex(STORED_WITH_SENT)).sent == ledger.sent
    again = Ledger.decode(bytes.fromhex(STORED))
    assert (again.pending, again.decisions) == (ledger.pending, ledger.decisions)
    assert again.standing == ledger.standing
    assert again.encode().hex() == STORED


@pytest.mark.parametrize("stored", [STORED_BY_3, STORED_BY_4])
def test_what_versions_3_and_4_wrote_is_read_still(stored: str) -> None:
    ledger, now = Ledger.decode(bytes.fromhex(stored)), Ledger.decode(bytes.fromhex(STORED))
    assert (ledger.pending, ledger.decisions) == (now.pending, now.decisions)
    assert ledger.standing == now.standing
    sent = (Sent(7, "gift", "email"), Sent(10, "sorry", "email", True))
    assert ledger.sent == (sent if stored == STORED_BY_4 else ())
    assert ledger.encode().hex() == (STORED_WITH_SENT if ledger.sent else STORED)


def test_a_ledger_takes_half_of_what_it_took_and_is_the_same() -> None:
    then, now = Ledger.decode(bytes.fromhex(MUCH_BY_3)), Ledger.decode(bytes.fromhex(MUCH))
    assert now.encode().hex() == MUCH
    assert len(MUCH) < 0.5 * len(MUCH_BY_3)
    assert [each.vector for each in then.pending] == [each.vector for each in now.pending]
    for before, after in zip(then.decisions, now.decisions, strict=True):
        assert after.risk == round(before.risk * RISK_PARTS) / RISK_PARTS != before.risk
        assert after.why == before.why
        assert after.grounds == before.grounds
    # What was not rounded then is not rounded now.
    again = Ledger.decode(then.encode())
    assert (again.pending, again.decisions) == (then.pending, then.decisions)


@pytest.mark.parametrize(
    ("place", "instead"),
    [
        (2, 300),
        (5, 5),
        (6, [1, 2]),
        (7, b"\x7f"),
        (7, b"\x81"),
        (8, [2, b"", 0, 12, "x"]),
        (8, [2, b"", 0, 12]),
        (8, [2, b"", 9, 12, b""]),
    ],
)
def test_a_ledger_of_which_something_is_missing_is_refused(place: int, instead: object) -> None:
    fields = msgspec.msgpack.decode(bytes.fromhex(STORED))
    fields[place] = instead
    if place == 2:
        del fields[2:]
    with pytest.raises(Damaged):
        Ledger.decode(msgspec.msgpack.encode(fields))


def test_what_version_2_wrote_is_read_and_said_in_the_words_of_then() -> None:
    ledger = Ledger.decode(bytes.fromhex(STORED_BY_2))
    assert [(each.at, each.due, each.returned_in, each.passed) for each in ledger.pending] == [
        (10, 41, 2, 1)
    ]
    [decision] = ledger.decisions
    assert decision.why == "raised"
    assert [Explainer().say(each) for each in decision.grounds] == ["b"]
    assert ledger.standing.alerted_at == 5
    again = Ledger.decode(ledger.encode())
    assert (again.pending, again.decisions) == (ledger.pending, ledger.decisions)


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

    monkeypatch.setitem(stored.STEPS, 0, newer)
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
