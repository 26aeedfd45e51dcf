"""Why somebody was contacted or not, held against the decisions that a pipeline took."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Definition, Event, Millis
from models.deciding import (
    DECISIONS_KEPT,
    WHY,
    Because,
    Cause,
    Decision,
    Ledger,
    Play,
    Policy,
    decision_id,
)
from models.judging import LANGUAGES
from streams.answers import CODES, Answer, NotKept, answer, read_words, why_of

POLICY = Policy(threshold=0.6, hysteresis=0.1, cooldown=14 * DAY, holdout=0.0)
HOLDING = Policy(threshold=0.6, hysteresis=0.1, cooldown=14 * DAY, holdout=0.999999)
DEFINITION = Definition(horizon=30 * DAY, active=90 * DAY)


class Told:
    """A customer who came on day 0, and the decisions since, as the workers take them."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.state = CustomerState(DEFINITION)
        self.state.apply(Event(event_id="1", user_id="ada", type="visit", time=DAY))
        self.ledger = Ledger()

    def judge(self, at: Millis, risk: float, cause: Cause = "silence") -> Told:
        verdict = self.policy.decide("ada", at, cause, risk, self.ledger.standing)
        self.ledger.standing = verdict.standing
        self.ledger.log(
            Decision(
                *(at, cause, risk, verdict.band, verdict.arm, "prior", verdict.alert),
                *(verdict.because, []),
            )
        )
        return self

    def played(self, at: Millis, code: str, play: Play, arm: str = "treated") -> Told:
        """Decide as a plan has it."""
        because, alert = Because(code, (0.7, 0.6)), code == "reached"
        decision = Decision(at, "silence", 0.7, "high", arm, "prior", alert, because, [], play)
        self.ledger.log(decision)
        return self

    def asked(self, at: Millis, held_out: bool = False, language: str = "en") -> Answer:
        ledger = Ledger.decode(self.ledger.encode())
        return answer(
            *("ada", self.state, ledger.decisions, ledger.standing, at),
            held_out=held_out,
            language=language,
        )


@pytest.mark.parametrize(
    ("day", "code", "text", "alerted"),
    [
        (2, "unjudged", "not judged by then: no look was due yet", None),
        (4, "below", "risk 0.30 is below 0.60", None),
        (11, "contacted", "risk 0.70 is at or above 0.60", 10),
        (16, "resting", "alerted 5 days ago, and left in peace for 14", 10),
        (31, "hovering", "alerted 20 days ago, and the risk has not been below 0.50 since", 10),
        (
            91,
            "gone",
            "gone: no activity since 1970-01-02T00:00Z, which is longer than churn.active = 90d, so"
            " nobody looks any more",
            10,
        ),
    ],
)
def test_the_last_decision_by_then_is_the_answer(
    day: int, code: str, text: str, alerted: int | None
) -> None:
    told = Told().judge(3 * DAY, 0.3).judge(10 * DAY, 0.7).judge(15 * DAY, 0.7).judge(30 * DAY, 0.8)
    found = told.asked(day * DAY)
    assert (found.code, found.text) == (code, text)
    assert found.contacted is (code == "contacted")
    assert found.alerted_at == (None if alerted is None else alerted * DAY)


def test_who_is_held_out_was_not_contacted_though_there_was_an_alert() -> None:
    found = Told(HOLDING).judge(10 * DAY, 0.7).asked(11 * DAY)
    assert (found.code, found.contacted, found.held_out) == ("held out", False, True)
    assert found.text == (
        "held out, so that what alerts bring can be measured (policy.holdout); else, risk 0.70 is"
        " at or above 0.60"
    )
    plain = found.as_dict()
    assert plain["alert_id"] == decision_id("ada", 10 * DAY, "silence")
    assert (plain["code"], plain["last_alert"]) == ("held_out", "1970-01-11T00:00:00Z")


@pytest.mark.parametrize(
    ("because", "play", "code", "text"),
    [
        ("reached", Play("f", "gift", "ten", "coupon", "email"), "contacted", "arm ten: coupon"),
        (
            "reached",
            Play("f", "gift", "b", "nothing"),
            "nothing",
            "nothing is done, for comparison",
        ),
        (
            *("reached", Play("f", "gift", "ten", "coupon", "email", held="playbook")),
            *("held out", "held out of playbook gift"),
        ),
        ("unmatched", Play("f"), "unmatched", "no playbook is for this customer now"),
        (
            "spared",
            Play("f", "peace", "only", "nothing"),
            "spared",
            "playbook peace: nothing",
        ),
    ],
)
def test_what_a_plan_said_is_told(because: str, play: Play, code: str, text: str) -> None:
    arm = "holdout" if play.held else "treated"
    found = Told().played(10 * DAY, because, play, arm).asked(11 * DAY)
    assert (found.code, found.contacted) == (code, code == "contacted")
    assert text in found.text


def test_why_is_told_in_chinese_too_and_what_an_older_version_said_as_it_was() -> None:
    told = Told().played(DAY, "reached", Play("f", "gift", "ten", "coupon", "email"))
    told.judge(3 * DAY, 0.3)
    first, second = told.ledger.decisions
    said = "流失风险0.70.达到阈值0.60.方案gift.分组ten.coupon, email"
    assert re.fullmatch(said, why_of(first, "zh"))
    assert re.fullmatch("流失风险0.30.低于阈值0.60", why_of(second, "zh"))
    assert why_of(second) == second.why
    old = msgspec.structs.replace(second, because=Because("it rained"))
    assert why_of(old, "zh") == "it rained"


def test_the_arm_is_that_of_the_decision_and_where_there_is_none_that_of_now() -> None:
    assert Told(HOLDING).judge(3 * DAY, 0.3).asked(4 * DAY).held_out
    assert not Told().judge(3 * DAY, 0.3).asked(4 * DAY, held_out=True).held_out
    assert Told().asked(2 * DAY, held_out=True).held_out


def test_of_what_is_no_longer_kept_nothing_is_made_up() -> None:
    told = Told()
    for day in range(DECISIONS_KEPT + 3):
        told.judge((3 + day) * DAY, 0.3)
    with pytest.raises(NotKept, match=r"the last 8 decisions on ada are kept, from 1970-01-07"):
        told.asked(5 * DAY)
    assert told.asked(6 * DAY).code == "below"
    with pytest.raises(
        NotKept, match="ada was first seen at 1970-01-02T00:00:00Z, after 1970-01-01"
    ):
        told.asked(0)


def test_an_alert_that_has_left_the_log_is_still_known_as_the_last_one() -> None:
    told = Told().judge(3 * DAY, 0.9)
    for day in range(DECISIONS_KEPT + 1):
        told.judge((4 + day) * DAY, 0.9)
    found = told.asked(12 * DAY)
    assert (found.code, found.alerted_at) == ("resting", 3 * DAY)


def test_without_any_activity_that_counts_there_was_no_look() -> None:
    state = CustomerState(Definition(activity=frozenset({"purchase"})))
    state.apply(Event(event_id="1", user_id="ada", type="visit", time=DAY))
    found = answer("ada", state, [], Ledger().standing, 500 * DAY, held_out=False)
    assert (found.code, found.text) == (
        *("unjudged", "not judged so far: nothing yet that counts as activity (purchase)"),
    )


def test_on_a_visitor_nothing_is_decided() -> None:
    state = Told().state
    asked = answer("anon:1", state, [], Ledger().standing, 5 * DAY, held_out=False, judged=False)
    assert (asked.code, asked.contacted) == ("visitor", False)
    assert "churn.visitors" in asked.text


@pytest.mark.parametrize("day", [2, 4, 11, 16, 31, 91])
@pytest.mark.parametrize("policy", [POLICY, HOLDING])
def test_whatever_the_answer_is_it_is_told_in_chinese_too(day: int, policy: Policy) -> None:
    told = Told(policy)
    told.judge(3 * DAY, 0.3).judge(10 * DAY, 0.7).judge(15 * DAY, 0.7).judge(30 * DAY, 0.8)
    here, there = told.asked(day * DAY), told.asked(day * DAY, language="zh")
    assert (there.code, there.alerted_at) == (here.code, here.alerted_at)
    assert re.search("[\u4e00-\u9fff]", there.text) and "{" not in there.text
    numbers = r"\d+(?:\.\d+)?"
    assert sorted(re.findall(numbers, there.text)) == sorted(re.findall(numbers, here.text))


def test_every_answer_has_words_in_every_language_and_the_english_ones_are_the_decisions() -> None:
    words = read_words()
    assert {code: words[code]["en"] for code in WHY} == WHY
    for name, entry in words.items():
        assert set(entry) == set(LANGUAGES), name
        asked = [sorted(re.findall(r"{\w*", entry[language])) for language in LANGUAGES]
        assert asked[0] == asked[1], name


@pytest.mark.parametrize("code", ["below", "resting", "hovering"])
def test_words_of_an_older_version_are_understood(code: str) -> None:
    words = str(Because(code, (3.0, 0.5)))
    decision = Decision(5, "silence", 0.3, "low", "treated", "prior", False, Because(words), [])
    state = Told().state
    found = answer("ada", state, [decision], Ledger().standing, 2 * DAY, held_out=False)
    assert (found.code, found.text) == (code, words)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0.2, 0.55, 0.7])), max_size=7),
    st.integers(1, 140),
    st.booleans(),
)
def test_somebody_was_contacted_if_the_last_decision_was_an_alert_and_only_then(
    looks: list[tuple[int, float]], day: int, held: bool
) -> None:
    told, at = Told(HOLDING if held else POLICY), 1
    last = None
    for pause, risk in looks:
        at += pause
        if at > 90:
            break
        before = told.ledger.standing
        told.judge(at * DAY, risk)
        if at <= day:
            last = told.policy.decide("ada", at * DAY, "silence", risk, before)
    found = told.asked(day * DAY)
    assert found.code in CODES
    gone = day - 1 >= 90
    assert found.contacted is (last is not None and last.alert and not held and not gone)
    assert (found.code == "gone") is gone
    assert (found.code == "unjudged") is (last is None and not gone)
