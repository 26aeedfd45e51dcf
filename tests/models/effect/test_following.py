"""What became of each alerted customer, held to a plain reading of everything at once."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from features import DAY, HOUR, NEVER, Event, Millis, from_datetime
from models.deciding import Alert, Outcome
from models.effect import Following, group_of
from tests.models.effect.alerted import HORIZON, LOYAL, OCCASIONAL, START, alert, event, outcome

NAMES = ("ada", "grace", "joan")
KINDS = ("visit", "purchase", "refund", "order_cancelled", "newsletter_bounced")


def counts(kind: str) -> bool:
    return kind != "newsletter_bounced"


@dataclass
class Plain:
    """The same, read slowly."""

    at: Millis
    arm: str
    back: Millis
    bought: Millis
    spent: float
    days: int
    cost: float


def plainly(alerts: list[Alert], events: list[Event], outcomes: list[Outcome]) -> dict[str, Plain]:
    found = {}
    for name in NAMES:
        mine = sorted(
            (from_datetime(each.decided_at), each.alert_id, each.arm)
            for each in alerts
            if each.user_id == name
        )
        if not mine:
            continue
        at, _, arm = mine[0]
        once = {each.event_id: each for each in events if each.user_id == name}.values()
        active = [each.at for each in once if counts(each.type)]
        spent = 0.0
        for each in once:
            if at < each.at <= at + HORIZON:
                sign = {"purchase": 1, "refund": -1, "order_cancelled": -1}.get(each.type, 0)
                spent += sign * (each.amount or 0.0)
        ids = {each.alert_id for each in alerts if each.user_id == name}
        told: dict[str, Outcome] = {}
        for said in outcomes:
            if said.user_id == name and said.alert_id in ids:
                told.setdefault(said.outcome_id, said)
        found[name] = Plain(
            at,
            arm,
            min((each for each in active if each > at), default=NEVER),
            min(
                (e.at for e in once if e.type == "purchase" and at < e.at <= at + HORIZON),
                default=NEVER,
            ),
            spent,
            len({(at - each) // DAY for each in active if at - HORIZON < each <= at}),
            sum(
                said.cost or 0.0
                for said in told.values()
                if at <= from_datetime(said.time) <= at + HORIZON
            ),
        )
    return found


moments = st.integers(-40, 70).map(lambda days: START + days * DAY) | st.integers(
    -40 * 24, 70 * 24
).map(lambda hours: START + hours * HOUR)
names = st.sampled_from(NAMES)
alerts = st.lists(
    st.builds(alert, names, moments, arm=st.sampled_from(["treated", "holdout"])),
    max_size=6,
    unique_by=lambda each: each.alert_id,
)
events = st.lists(
    st.builds(event, names, moments, st.sampled_from(KINDS), amount=st.integers(1, 50).map(float)),
    max_size=25,
    unique_by=lambda each: each.event_id,
)


@given(alerts, events, st.data())
def test_it_is_what_a_plain_reading_says_in_any_order_and_with_repeats(
    sent: list[Alert], done: list[Event], data: st.DataObject
) -> None:
    said = []
    for number in range(data.draw(st.integers(0, 8)) if sent else 0):
        about = data.draw(st.sampled_from(sent))
        cost = data.draw(st.none() | st.integers(0, 9).map(float))
        at = data.draw(moments)
        said.append(outcome(number % 5, about, at, "redeemed", cost=cost))
    following = Following(counts, HORIZON, ("segment",))
    shuffled = random.Random(data.draw(st.integers(0, 99)))
    for again in shuffled.sample(sent * 2, len(sent) * 2):
        following.alert(again)
    for twice in shuffled.sample(done * 2, len(done) * 2):
        following.event(twice)
    for told in said + said:
        following.outcome(told)
    found = {
        name: Plain(
            each.at, each.arm, each.back, each.bought, each.spent, each.days.bit_count(), each.cost
        )
        for name, each in following.customers.items()
    }
    assert found == plainly(sent, done, said)


def test_what_says_nothing_of_an_alert_is_counted_and_left() -> None:
    following = Following(counts, HORIZON)
    ada, grace = alert("ada"), alert("grace", arm="holdout")
    for each in (ada, grace, ada):
        following.alert(each)
    following.outcome(outcome(1, alert("joan"), START))
    following.outcome(outcome(1, ada, START, user_id="grace"))
    for kind in ("sent", "delivered", "opened"):
        following.outcome(outcome(1, ada, START, kind, outcome_id=kind, cost=1.0))
        following.outcome(outcome(1, grace, START, kind, outcome_id=kind))
    following.outcome(outcome(1, ada, START, "opened", outcome_id="again"))
    following.event(event("joan", START + DAY))
    assert sorted(following.customers) == ["ada", "grace"]
    assert following.customers["ada"].cost == 3.0
    assert dict(following.met) == {
        "alerts": 3,
        "repeated_alerts": 1,
        "strange_outcomes": 2,
        "outcomes": 7,
        **{f"treated_{kind}": 1 for kind in ("sent", "delivered", "opened")},
        **{f"holdout_{kind}": 1 for kind in ("sent", "delivered", "opened")},
        "held_out_contacted": 1,
    }


def test_alerts_that_told_no_cost_are_those_of_the_treated_within_the_horizon() -> None:
    following = Following(counts, HORIZON)
    first, second, third = (alert("ada", START + days * DAY) for days in (0, 20, 31))
    for each in (first, second, third, alert("grace", arm="holdout")):
        following.alert(each)
    assert following.untold() == {"ada": 2}
    following.outcome(outcome(1, second, START + 21 * DAY, cost=0.0))
    assert following.untold() == {"ada": 1}


def test_a_held_out_customer_is_in_the_group_of_what_would_have_been_done() -> None:
    assert group_of(alert("ada", risk=0.65, arm="holdout", vector=OCCASIONAL), ("action",)) == (
        "remind",
    )
    everything = ("action", "cause", "segment", "band")
    treated = alert("ada", action="call", cause="distress", risk=0.95)
    held = alert("ada", arm="holdout", cause="distress", risk=0.95)
    assert group_of(treated, everything) == ("call", "distress", "loyal", "high")
    assert group_of(held, everything) == group_of(treated, everything)
    assert group_of(alert("ada", vector={}), ("segment",)) == ("unknown",)
    assert group_of(alert("ada", vector={**LOYAL, "tenure": 3.0}), ("segment",)) == ("new",)


def test_the_held_out_of_a_playbook_are_with_the_arm_that_they_would_have_had() -> None:
    both = ("playbook", "variant")
    assert group_of(alert("ada"), both) == ("no playbook", "no playbook")
    for arm in ("treated", "holdout"):
        told = alert("ada", arm=arm, playbook="gift", variant="ten")
        assert group_of(told, both) == ("gift", "gift/ten")
