"""What the shop's limits are asked: until when, and what silence means then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE
from models.limits import MemoryLimits
from models.playbooks import Situation, choose, read_plan, request_of

PLAN = read_plan(
    """
    version = 1
    holdout = { share = 0.0 }
    [[playbook]]
    name = "gift"
    budget = { day = 20.00 }
    action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 4.00 }
    [[playbook]]
    name = "call"
    budget = { day = 20.00, month = 90.00 }
    action = { kind = "call", channel = "phone", cost = 3.00 }
    """,
    (),
)


def test_a_coupon_that_nobody_speaks_of_goes_back_and_a_call_was_made() -> None:
    at = 100 * DAY
    asked = request_of(PLAN, choose(PLAN, Situation("ada", at, risk=0.7, band="high")), 5 * DAY)
    assert asked is not None
    gift, call = asked.choices
    # Two days after it has expired, or after the alert was of use.
    assert (gift.name, gift.until, gift.silent_use) == ("gift", at + 9 * DAY, False)
    assert (call.name, call.until, call.silent_use) == ("call", at + 7 * DAY, True)
    assert [take.pot.name for take in call.takes] == ["call/1970-04-11", "call/1970-04"]


RATED = read_plan(
    """
    version = 1
    holdout = { share = 0.0 }
    limits = { rate = { most = 3, per = "6m" } }
    [[playbook]]
    name = "note"
    action = { kind = "message", channel = "email" }
    """,
    (),
)


@given(st.lists(st.integers(0, 3 * 60), max_size=200))
def test_a_rate_of_short_spans_is_kept_in_any_ten_of_them_but_for_a_tenth(
    minutes: list[int],
) -> None:
    """In whatever order alerts are decided: spans are those of the clock."""
    limits = MemoryLimits()
    sent = []
    for number, minute in enumerate(minutes):
        at = 20_000 * DAY + minute * MINUTE
        who = Situation(f"c{number}", at, risk=0.7, band="high")
        asked = request_of(RATED, choose(RATED, who), 5 * DAY)
        assert asked is not None
        [answer] = limits.grant([asked], 20_000 * DAY)
        if answer.granted:
            sent.append(at)
    for first in sent:
        assert sum(first <= at < first + HOUR for at in sent) <= 33
        assert sum(first <= at < first + 6 * MINUTE for at in sent) <= 6
