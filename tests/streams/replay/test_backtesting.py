"""A backtest of the live pipeline: the slow version, what it may not know, and what it reports."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from features import DAY, HOUR, CustomerState, Event, Millis
from models.deciding import Ledger
from models.judging import roc_auc
from models.learning import LAST, RISK_PARTS, TrainingExample, in_learning_order
from models.registry import REGISTRY, judge_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle
from tests.streams.replay.backtested import (
    SHOP,
    START,
    TASK,
    WARMUP,
    Found,
    H,
    millis,
    of_events,
    replace,
    replayed,
    shoppers,
)

TICK = H // 32
Key = tuple[str, Millis, str]


# -- the slow version -------------------------------------------------------------------------


class SlowLane:
    """A partition whose events go through `handle` one at a time, and whose customers are all
    looked through whenever time passes."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.book: dict[str, Customer] = {}
        self.watermark = NO_WATERMARK
        self.left: list[tuple[Millis, Arrival]] = []
        reached = 0
        for arrival in arrivals:
            if arrival.event.at <= arrival.timestamp + SHOP.skew:
                reached = max(reached, arrival.event.at)
            self.left.append((reached, arrival))

    def take(self, judge: Any, arrival: Arrival) -> Effects:
        if arrival.event.at <= arrival.timestamp + SHOP.skew:
            fresh = Customer(CustomerState(SHOP.definition), Ledger(), new=True)
            self.book.setdefault(arrival.event.user_id, fresh)
        return self.handle(judge, [arrival], [], self.watermark)

    def pass_until(self, judge: Any, watermark: Millis) -> Effects:
        due = [name for name, customer in self.book.items() if customer.due() <= watermark]
        return self.handle(judge, [], due, max(watermark, self.watermark))

    def handle(
        self, judge: Any, arrivals: Sequence[Arrival], due: Sequence[str], watermark: Millis
    ) -> Effects:
        effects = handle(SHOP, judge, arrivals, due, self.book, watermark)
        self.watermark = effects.watermark
        return effects


def slowly(lanes: Sequence[Sequence[Arrival]], model: str, seed: int) -> list[Effects]:
    """Return what every single event, and every passing of time, brought about."""
    learner = REGISTRY[model].learner(TASK, None)
    judge = judge_of(TASK, None, WARMUP)
    slow = [SlowLane(lane) for lane in lanes]
    end = min(lane.left[0][0] for lane in slow if lane.left)
    effects: list[Effects] = []
    number = 0
    while any(lane.left for lane in slow):
        end += TICK
        waiting: list[TrainingExample] = []
        for lane in slow:
            before = len(effects)
            while lane.left and lane.left[0][0] < end:
                effects.append(lane.take(judge, lane.left.pop(0)[1]))
            reached = end - 1 - SHOP.lateness if lane.left else lane.watermark
            effects.append(lane.pass_until(judge, reached))
            waiting += [each for some in effects[before:] for each in some.examples]
        learner.learn(in_learning_order(waiting, seed))
        number += bool(waiting)
        judge = judge_of(TASK, learner.snapshot(number, {}), WARMUP)
    return effects


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 45 * 24),
        st.sampled_from(["purchase", "purchase", "visit", "complaint"]),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=25, deadline=None)
@given(
    HAPPENINGS,
    st.sampled_from(["bayes", "logistic"]),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_batches_say_what_single_events_say(
    happened: list[tuple[int, int, str]], model: str, partitions: int, chance: random.Random
) -> None:
    events = [
        Event(event_id=str(n), user_id=f"u{who}", type=what, time=START + hour * HOUR, amount=n % 7)
        for n, (who, hour, what) in enumerate(sorted(happened, key=lambda each: each[1]))
    ]
    lanes = [
        [each for each in messy(events, chance) if int(each.event.user_id[1:]) % partitions == lane]
        for lane in range(partitions)
    ]
    found = replayed(lanes, [model], seed=3)
    effects = slowly(lanes, model, seed=3)

    decided = {
        (user, decision.at, decision.cause): decision
        for each in effects
        for user, decision, *_ in each.decided
    }
    decisions = {
        (row["customer"], millis(row["at"]), row["cause"]): (
            row["risk"],
            row["alert"],
            row["why"],
            [tuple(reason.values()) for reason in row["reasons"]],
        )
        for row in found.decisions
    }
    assert len(decisions) == len(found.decisions)
    assert decisions == {
        key: (
            each.risk,
            each.alert,
            each.why,
            [(one.code, SHOP.explainer.say(one), one.contribution) for one in each.grounds],
        )
        for key, each in decided.items()
    }
    labels = {
        (each.user_id, each.at, each.cause): (each.label, each.matured_at)
        for some in effects
        for each in some.examples
        if each.stage == LAST
    }
    said = {
        key: (row["risk"], row["label"], row["matured_at"] and millis(row["matured_at"]))
        for key, row in found.said(model).items()
    }
    assert said == {
        key: (each.risk, *labels.get(key, (None, None))) for key, each in decided.items()
    }
    data = found.report["data"]
    for name, counted in (("applied", "applied"), ("late", "late"), ("refused", "invalid")):
        assert data[name] == sum(each.counts[counted] for each in effects)
    assert data["events"] == len(messy(events, random.Random(0)))


def messy(events: Sequence[Event], chance: random.Random) -> list[Arrival]:
    """Return events as they may arrive: some late, some twice, some from the future."""
    arrivals = []
    clock = 0
    ordered = sorted(events, key=lambda event: event.at + chance.choice((0, 0, 0, 30, 300)) * HOUR)
    for event in ordered:
        clock = max(clock, event.at)
        arrivals.append(Arrival(0, clock, event))
        again = msgspec.structs.replace(event, event_id=event.event_id + "?", time=clock + 2 * DAY)
        arrivals.append(Arrival(0, clock, chance.choice((event, again))))
    return arrivals


# -- what may not be known --------------------------------------------------------------------


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return shoppers(1)


@pytest.fixture(scope="module")
def found(events: list[Event]) -> Found:
    return of_events(events, "bayes", "logistic", vectors=True)


def test_what_is_to_come_does_not_matter(events: list[Event], found: Found) -> None:
    cut = START + 50 * DAY
    past = of_events([each for each in events if each.at < cut], "bayes", "logistic")
    assert len(past.predictions) > 500
    for model in ("bayes", "logistic"):
        whole = found.risks(model)
        assert all(whole[key] == risk for key, risk in past.risks(model).items())
        reached = max(at for _, at, _ in past.risks(model))
        assert reached > cut - 2 * DAY
        assert {key for key in whole if key[1] < reached - DAY} <= past.risks(model).keys()


def test_another_calendar_does_not_matter(events: list[Event], found: Found) -> None:
    years = 3_653 * DAY
    moved = of_events(
        [msgspec.structs.replace(each, time=each.at + years) for each in events], "bayes"
    )
    back = {(who, at - years, why): risk for (who, at, why), risk in moved.risks().items()}
    assert back == found.risks()


def test_names_do_not_matter(events: list[Event], found: Found) -> None:
    renamed = of_events(
        [
            msgspec.structs.replace(each, user_id=f"{each.user_id[::-1]}-{len(each.user_id)}")
            for each in events
        ],
        "bayes",
        "logistic",
    )
    for model in ("bayes", "logistic"):
        risks = renamed.risks(model)
        expected = found.risks(model)
        assert len(risks) == len(expected)
        for (who, at, why), risk in expected.items():
            # The kinds are counted over the panel in the order of hashes: sums round otherwise.
            assert risks[f"{who[::-1]}-{len(who)}", at, why] == pytest.approx(risk, abs=1e-9)


def test_the_order_of_events_of_one_time_hardly_matters() -> None:
    events = shoppers(4, customers=150, by_day=True)
    chance = random.Random(9)
    shuffled = sorted(events, key=lambda event: (event.at, chance.random()))
    assert [each.event_id for each in shuffled] != [each.event_id for each in events]
    aucs = [of_events(each).report["models"][0]["auc"] for each in (events, shuffled)]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.004)


def test_a_score_is_what_the_events_before_it_say(events: list[Event], found: Found) -> None:
    """From scratch: only the events before the decision, and somebody else's to move time on."""
    risks = found.risks()
    keys = sorted((key for key in risks if key[2] == "silence"), key=lambda key: (key[1], key[0]))
    for who, at, why in keys[200 :: len(keys) // 5]:
        before = [each for each in events if each.at < at]
        stranger = Event(event_id="!", user_id="stranger", type="visit", time=at + 2 * DAY)
        assert of_events([*before, stranger]).risks()[who, at, why] == risks[who, at, why]


def test_a_vector_is_what_the_customers_own_events_say(events: list[Event], found: Found) -> None:
    rows = [row for row in found.predictions if row["model"] == "logistic"]
    for row in rows[:: len(rows) // 40]:
        state = CustomerState(SHOP.definition)
        at = millis(row["at"])
        for event in events:
            if event.user_id == row["customer"] and event.at <= at:
                fire(state, event.at)
                state.apply(event)
        fire(state, at)
        assert row["vector"] == SHOP.catalogue.vector(state, at).tolist()


def fire(state: CustomerState, at: Millis) -> None:
    while state.due() <= at:
        state.fire()


def test_labels_that_are_not_known_by_the_end_stay_unknown(
    events: list[Event], found: Found
) -> None:
    watermark = events[-1].at - SHOP.lateness
    purchases: dict[str, list[Millis]] = {}
    for event in events:
        if event.type == "purchase":
            purchases.setdefault(event.user_id, []).append(event.at)
    unknown = 0
    for (who, at, _), row in found.said().items():
        if at + H >= watermark:
            assert row["label"] is None and row["matured_at"] is None
            unknown += 1
        else:
            returned = any(at < bought <= at + H for bought in purchases.get(who, ()))
            assert row["label"] == 1 - returned
            assert millis(row["matured_at"]) == at + H
    assert unknown == found.report["decisions"]["unresolved"] > 50


def test_nothing_is_learnt_before_its_horizon_has_passed(found: Found) -> None:
    """The first stage ends after a quarter of the horizon; whole labels after all of it."""
    versions = sorted((millis(row["at"]), row["version"]) for row in found.said().values())
    first = versions[0][0]
    assert versions[0][1] == "prior"
    assert min(at for at, version in versions if version != "prior") > first + H // 4
    logistic = [(millis(row["at"]), row["version"]) for row in found.said("logistic").values()]
    assert min(at for at, version in logistic if version != "prior") > first + H


# -- models side by side ----------------------------------------------------------------------


def test_who_looks_on_says_what_it_would_say_alone(events: list[Event], found: Found) -> None:
    alone = of_events(events, "logistic")
    assert found.said("logistic").keys() == alone.said("logistic").keys()
    for key, row in alone.said("logistic").items():
        beside = found.said("logistic")[key]
        beside = {name: value for name, value in beside.items() if name != "vector"}
        assert beside == row


def test_the_first_model_decides(found: Found) -> None:
    risks = found.risks("bayes")
    assert len(found.decisions) == len(risks)
    for row in found.decisions:
        assert row["risk"] == risks[row["customer"], millis(row["at"]), row["cause"]]
        assert not row["alert"] or row["risk"] >= SHOP.policy.threshold
    alerts = [row for row in found.decisions if row["alert"]]
    told = found.report["decisions"]
    assert told["alerts"] == len(alerts) > 10
    held = [row for row in alerts if row["arm"] == "holdout"]
    assert told["held_out"] == pytest.approx(len(held) / len(alerts))


def test_stages_multiply_to_the_risk_where_a_model_has_them(found: Found) -> None:
    for row in found.said("bayes").values():
        product = row["stage_1"] * row["stage_2"] * row["stage_3"]
        # But for the digits in which a risk is not told.
        assert product == pytest.approx(row["risk"], abs=0.51 / RISK_PARTS)
    judged = [row for row in found.said("logistic").values() if row["version"] != "prior"]
    assert judged and all(row[f"stage_{n}"] is None for row in judged for n in (1, 2, 3))


def test_a_decision_whose_label_is_not_awaited_is_written_without_one(events: list[Event]) -> None:
    found = of_events(events, shop=replace(SHOP, keep=0.3))
    unkept = found.report["decisions"]["unkept"]
    labels = [row["label"] for row in found.predictions]
    assert 0 < unkept < len(labels)
    assert labels.count(None) == unkept + found.report["decisions"]["unresolved"]
    assert len(labels) == len(found.decisions)


# -- the report -------------------------------------------------------------------------------


def test_the_report_agrees_with_another_opinion(found: Found) -> None:
    for told in found.report["models"]:
        rows = [row for row in found.said(told["model"]).values() if row["label"] is not None]
        agrees(told, rows)
        months = {f"{row['at']:%Y-%m}" for row in rows}
        assert [month["month"] for month in told["months"]] == sorted(months)
        for month in told["months"]:
            agrees(month, [row for row in rows if f"{row['at']:%Y-%m}" == month["month"]], 0.003)


def agrees(told: dict[str, Any], rows: list[dict[str, Any]], ranks: float = 0.001) -> None:
    risks = np.array([row["risk"] for row in rows])
    labels = np.array([row["label"] for row in rows])
    assert told["count"] == len(rows) > 100
    assert told["churned"] == pytest.approx(labels.mean())
    # What goes by rank is counted in bins.
    assert told["auc"] == pytest.approx(metrics.roc_auc_score(labels, risks), abs=ranks)
    precision = metrics.average_precision_score(labels, risks)
    assert told["pr_auc"] == pytest.approx(precision, abs=ranks * 5)
    top = labels[np.argsort(-risks)[: round(len(risks) / 10)]].mean()
    assert told["precision_top_tenth"] == pytest.approx(top, abs=0.02)
    assert told["log_loss"] == pytest.approx(metrics.log_loss(labels, risks))
    assert told["brier"] == pytest.approx(metrics.brier_score_loss(labels, risks))


def test_it_is_told_by_month_how_far_each_model_had_come(found: Found) -> None:
    bayes, logistic = (told["evidence"] for told in found.report["models"])
    assert [each["month"] for each in bayes] == ["2020-01", "2020-02", "2020-03"]
    learnt = [each["learnt"] for each in bayes]
    assert 0 < learnt[0] < learnt[1] < learnt[2]
    assert all(0 < each["evidence"] < 1 for each in bayes)
    assert [each["evidence"] for each in logistic] == [None] * 3


def test_a_new_seed_changes_little() -> None:
    events = shoppers(2, customers=150)
    one, other = (of_events(events, seed=seed) for seed in (0, 1))
    assert one.risks() != other.risks()
    others = other.risks()
    differences = [abs(risk - others[key]) for key, risk in one.risks().items()]
    assert np.mean(differences) < 0.02
    aucs = [auc_of(each.predictions) for each in (one, other)]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.002)


def auc_of(rows: list[dict[str, Any]]) -> float:
    known = [row for row in rows if row["label"] is not None]
    return roc_auc([row["risk"] for row in known], [row["label"] for row in known])
