"""Decisions taken again: all the same, unless something of what was recorded is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from features import DAY, CustomerState, Definition, Event, Millis, build_catalogue
from models.deciding import Alert, Ledger, Policy
from models.judging import Explainer
from models.learning import Snapshot, TrainingExample
from models.limits import MemoryLimits
from models.playbooks import Steering, read_plan
from models.registry import REGISTRY, judge_of, prior_judge
from streams.composition import task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Shop, handle
from streams.verify.records import Records
from streams.verify.redeciding import Expected, Redeciding, Retold
from streams.verify.versions import elsewhere
from tests.models.playbooks.lessons import group_of, learnt_of

DEFINITION = Definition(horizon=30 * DAY)
SHOP = Shop(
    DEFINITION,
    build_catalogue(DEFINITION),
    Policy(threshold=0.4, holdout=0.0),
    Explainer(),
    lateness=0,
    skew=DAY,
)
TASK = task_of(SHOP)
ADA = "ada"


def visits(days: list[int]) -> list[Arrival]:
    """Return Ada's visits; the last one only moves time."""
    return [
        Arrival(
            place,
            day * DAY,
            Event(
                event_id=str(place),
                user_id=ADA,
                type="visit",
                time=day * DAY,
                traits={"tier": "gold"} if day == 9 else {},
            ),
        )
        for place, day in enumerate(days)
    ]


#: Who calls whom: the second is asked for by a trait, which comes later than the first alert.
PLAN = read_plan(
    """
    version = 1
    holdout = { share = 0.0 }
    [[playbook]]
    name = "gold"
    when = { traits = { tier = "gold" }, reasons = "silence" }
    action = { kind = "call", channel = "phone" }
    [[playbook]]
    name = "others"
    when = { risk = { min = 0.5 } }
    action = { kind = "message", channel = "email" }
    """,
    (),
)
PLANNED = replace(SHOP, plan=PLAN)
#: There is never money for the first two, and the last is for few.
POOR = replace(
    SHOP,
    plan=read_plan(
        """
        version = 1
        holdout = { share = 0.0 }
        [[playbook]]
        name = "gold"
        when = { traits = { tier = "gold" } }
        budget = { month = 3.00 }
        action = { kind = "call", channel = "phone", cost = 4.00 }
        [[playbook]]
        name = "others"
        budget = { month = 0.40 }
        action = { kind = "message", channel = "email", cost = 0.50 }
        [[playbook]]
        name = "free"
        when = { traits = { tier = "gold" } }
        action = { kind = "message", channel = "email" }
        """,
        (),
    ),
    policy=Policy(threshold=0.01, holdout=0.0, cooldown=0, hysteresis=0),
)


class Day:
    """What workers and a learner did, and what lies in the topics and in the store."""

    def __init__(self, shop: Shop = SHOP) -> None:
        self.shop = shop
        self.snapshot: Snapshot | None = None
        self.alerts: list[Alert] = []
        self.examples: list[TrainingExample] = []
        self.models: list[Snapshot] = []
        self.customer = Customer(CustomerState(DEFINITION), Ledger(), new=True)
        self.decided = 0
        self.codes: Counter[str] = Counter()
        self.watermark: Millis = NO_WATERMARK
        learner = REGISTRY["bayes"].learner(TASK, None)
        grant = MemoryLimits().grant
        # From the beginning of the log to its end, and with a model that grows.
        for arrival in visits([0, 9, 17, 27, 35, 80, 88, 150, 158, 240]):
            judge = judge_of(TASK, self.snapshot, 0)
            book = {ADA: self.customer}
            effects = handle(shop, judge, [arrival], (), book, self.watermark, grant)
            self.watermark = effects.watermark
            self.alerts += effects.alerts
            self.examples += effects.examples
            self.decided += len(effects.decided)
            self.codes.update(each.decision.because.code for each in effects.decided)
            learner.learn(effects.examples)
            snapshot = learner.snapshot(len(self.models) + 1, {})
            # A shop's first days are judged by the prior.
            self.snapshot = snapshot if len(self.models) > 3 else None
            self.models.append(REGISTRY["bayes"].for_workers(snapshot))

    def retold(self, shop: Shop | None = None, on_their_way: int = 0) -> Retold:
        shop = shop or self.shop
        redeciding = Redeciding(shop)
        book = {ADA: Customer(CustomerState(DEFINITION), Ledger(), new=True)}
        log = visits([0, 9, 17, 27, 35, 80, 88, 150, 158, 240])
        redeciding.watch(handle(shop, prior_judge(TASK), log, (), book, NO_WATERMARK))
        redeciding.expect(Expected(ADA, self.customer.ledger, self.watermark, on_their_way))
        records = Records(redeciding.customers.__contains__, TASK)
        records.read_alerts(map(message, self.alerts))
        records.read_training(map(message, self.examples))
        records.read_models(map(message, self.models))
        return redeciding.retell(records)


def message(what: Any) -> SimpleNamespace:
    key = what.version.encode() if isinstance(what, Snapshot) else b"ada"
    return SimpleNamespace(key=key, value=msgspec.json.encode(what))


def test_all_is_as_it_was_decided() -> None:
    day = Day()
    retold = day.retold()
    assert (retold.differences, retold.counts["unknown"]) == ([], 0)
    assert retold.counts["equal"] == day.decided > 20
    assert len({alert.model_version for alert in day.alerts}) > 1


def test_what_limits_left_room_for_is_taken_from_what_was_done() -> None:
    day = Day(POOR)
    assert day.codes["unfunded"]
    assert {alert.playbook for alert in day.alerts} == {"free"}
    retold = day.retold()
    assert (retold.differences, retold.counts["unknown"]) == ([], 0)
    assert retold.counts["equal"] == day.decided > 20
    # What was never sent was not done: what came after it would have been decided otherwise.
    del day.alerts[-1]
    assert day.retold().differences


def changed(alert: Alert, **fields: Any) -> Alert:
    return msgspec.structs.replace(alert, **fields)


def lose_an_alert(day: Day) -> None:
    del day.alerts[1]


def send_another(day: Day) -> None:
    day.alerts.append(changed(day.alerts[0], alert_id="f" * 32))


def send_what_was_not_decided(day: Day) -> None:
    silent = next(each for each in day.examples if each.whole and not each.treated)
    wrong = changed(day.alerts[0], alert_id=silent.example_id)
    day.alerts.append(wrong)


def say_another_risk(day: Day) -> None:
    day.alerts[0] = changed(day.alerts[0], risk=day.alerts[0].risk / 2)


def say_another_vector(day: Day) -> None:
    day.alerts[0] = changed(day.alerts[0], vector=day.alerts[0].vector | {"recency": 1.25})


def judge_by_another_model(day: Day) -> None:
    state = day.models[5].state
    wrong = {**state, "popularity": state["popularity"][::-1]}
    day.models[5] = msgspec.structs.replace(day.models[5], state=wrong)


def decide_otherwise(day: Day) -> None:
    last = day.customer.ledger.decisions[-1]
    day.customer.ledger.decisions[-1] = msgspec.structs.replace(last, alert=not last.alert)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lose_an_alert, "its alert is not in the topic"),
        (send_another, "there is an alert, but no such decision point"),
        (send_what_was_not_decided, "there is an alert, but now there is none"),
        (say_another_risk, "the alert says"),
        (say_another_vector, "the alert's recency was 1.25"),
        (judge_by_another_model, "bayes-6 now says"),
        (decide_otherwise, "was decided, and now"),
    ],
)
def test_what_is_not_as_it_was_decided_is_named(change: Callable[[Day], None], said: str) -> None:
    day = Day()
    change(day)
    retold = day.retold()
    assert any(said in each["reason"] for each in retold.differences), retold.differences
    assert {each["customer"] for each in retold.differences} == {ADA}
    assert retold.counts["different"] == len(retold.differences)


def test_an_alert_that_waits_in_the_outbox_is_not_missed() -> None:
    day = Day()
    lose_an_alert(day)
    assert day.retold(on_their_way=1).differences == []


def test_another_policy_would_decide_otherwise() -> None:
    retold = Day().retold(replace(SHOP, policy=Policy(threshold=0.9, holdout=0.0)))
    assert retold.counts["different"] > 3


def test_what_a_plan_chose_is_chosen_again_by_what_was_known_then() -> None:
    day = Day(PLANNED)
    assert {alert.playbook for alert in day.alerts} == {"gold", "others"}
    retold = day.retold()
    assert (retold.differences, retold.counts["unknown"]) == ([], 0)
    assert retold.counts["equal"] == day.decided
    # Another plan that were the same version would have decided otherwise.
    gold, others = PLAN.playbooks
    swapped = replace(PLANNED, plan=replace(PLAN, playbooks=(others, gold)))
    assert day.retold(swapped).counts["different"] > 0
    # Where there is no file any more, that of then is not at hand.
    assert day.retold(SHOP).counts["different"] == 0
    assert day.retold(SHOP).reasons[elsewhere(PLAN.fingerprint)] == len(day.alerts)


def test_what_was_steered_is_steered_again_and_by_other_things_learnt_it_would_not_be() -> None:
    def learnt(playbook: str, explore: float = 0.01) -> Shop:
        told = learnt_of(group_of(playbook, -0.2, 0.1), by=())
        steering = Steering("response.json", explore, learnt=told)
        return replace(PLANNED, plan=replace(PLAN, steering=steering))

    day = Day(learnt("gold"))
    assert {alert.playbook for alert in day.alerts} == {"others"}
    assert {alert.steering for alert in day.alerts} == {"agreed", "steered"}
    retold = day.retold()
    assert (retold.differences, retold.counts["unknown"]) == ([], 0)
    assert retold.counts["equal"] == day.decided
    for other in (learnt("others"), learnt("gold", explore=1.0), PLANNED):
        assert day.retold(other).counts["different"] > 0
    # The same is done, for another reason.
    said = Day(PLANNED).retold(learnt("nobody")).differences
    assert "by what was learnt, and now agreed" in said[0]["reason"]


def test_what_is_not_recorded_any_more_is_unknown_and_not_different() -> None:
    day = Day()
    del day.models[:]
    retold = day.retold()
    assert retold.differences == []
    assert retold.counts["unknown"] > 10
    assert retold.counts["equal"] > 0  # what the prior judged

    day = Day()
    day.examples, day.alerts = [], []
    kept = len(day.customer.ledger.pending) + len(day.customer.ledger.decisions)
    retold = day.retold()
    assert retold.differences == []
    assert 0 < retold.counts["equal"] <= kept < day.decided
