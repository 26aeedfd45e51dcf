"""What follows from an answer: the rules of Standard Webhooks, for every answer there is."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY
from streams.notify.schedule import Answer, Verdict, judge, retry_after

NOW = 1_700_000_000_000
DELAYS = (5_000, 300_000, 1_800_000)


def verdict(
    answer: Answer,
    tries: int = 1,
    until: int = 0,
    strikes: int = 0,
    failures: int = 0,
    dice: float = 0.0,
    delays: tuple[int, ...] = DELAYS,
) -> Verdict:
    return judge(
        answer,
        tries=tries,
        delays=delays,
        now=NOW,
        until=until,
        strikes=strikes,
        failures=failures,
        longest_rest=300_000,
        dice=dice,
    )


answers = st.builds(
    Answer,
    st.one_of(st.sampled_from((0, 410, 429, 502, 504)), st.integers(100, 599)),
    st.just("words"),
    st.one_of(st.none(), st.integers(0, 40 * DAY)),
)


@given(
    answers,
    st.integers(1, 6),
    st.integers(0, 40),
    st.integers(0, 20),
    st.floats(0, 1),
    st.integers(0, 2 * DAY),
)
def test_every_answer_is_judged_by_the_rules(
    answer: Answer, tries: int, strikes: int, failures: int, dice: float, valid: int
) -> None:
    until = NOW + valid if valid else 0
    found = verdict(answer, tries, until, strikes, failures, dice)
    if 200 <= answer.status < 300:
        assert found == Verdict("delivered")
        return
    assert (found.kind == "gone") == (answer.status == 410)
    if found.kind == "gone":
        return
    if tries > len(DELAYS):
        assert found.kind == "dead"
    asked = min(answer.retry_after or 0, DAY)
    slow = answer.status in (429, 502, 504) or failures >= 10
    # It rests if it must or asks to, and never longer than a day.
    assert (found.rest_until > NOW) == (slow or asked > 0)
    assert found.rest_until <= NOW + DAY
    if asked:
        assert found.rest_until == NOW + asked
    elif slow:
        assert NOW + 5_000 <= found.rest_until <= NOW + 300_000
    if found.kind == "again":
        wait = found.at - NOW
        assert wait >= max(DELAYS[tries - 1], asked)
        assert wait <= max(DELAYS[tries - 1] * 1.1, found.rest_until - NOW)
        assert not until or found.at <= until
    elif tries <= len(DELAYS):
        assert "no longer valid" in found.why


@given(st.integers(0, 60), st.sampled_from((429, 502, 504)))
def test_who_says_again_that_it_is_too_much_is_left_in_peace_for_longer(
    strikes: int, status: int
) -> None:
    rests = [verdict(Answer(status, ""), strikes=n).rest_until for n in (strikes, strikes + 1)]
    assert rests[0] <= rests[1] <= NOW + 300_000


def test_the_usual_delays_follow_one_another_and_then_it_is_given_up() -> None:
    waits = []
    tries = 1
    while (found := verdict(Answer(500, "500"), tries)).kind == "again":
        waits.append(found.at - NOW)
        tries += 1
    assert tuple(waits) == DELAYS
    assert (found.kind, found.why) == ("dead", "given up after 4 attempts: 500")


@given(st.integers(0, 10**12))
def test_seconds_and_dates_to_come_back_are_both_understood(seconds: int) -> None:
    wait = min(seconds * 1_000, DAY)
    assert retry_after(str(seconds), NOW) == wait
    at = formatdate(NOW / 1_000 + min(seconds, 10**9), usegmt=True)
    assert retry_after(at, NOW) == wait


@given(st.text(max_size=40))
def test_whatever_else_an_endpoint_says_about_it_breaks_nothing(text: str) -> None:
    wait = retry_after(text, NOW)
    assert wait is None or 0 <= wait <= DAY


@pytest.mark.parametrize("text", ["-5", "1.5", "soon", "", "Mon, 99 Foo 2026", "²"])
def test_what_says_nothing_is_nothing(text: str) -> None:
    assert retry_after(text, NOW) is None
