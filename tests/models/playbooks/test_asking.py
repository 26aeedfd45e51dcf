"""What the shop's limits are asked: until when, and what silence means then."""

from __future__ import annotations

from features import DAY
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
