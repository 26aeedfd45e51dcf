"""A shop with a policy file: the risk is the gate, the plan chooses, and all of it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import hypothesis
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, CustomerState, Millis, from_datetime
from models.deciding import Alert, Decision, Ledger
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle
from tests.streams.pipeline.judges import Told
from tests.streams.pipeline.logs import CUTS, LIMITS, visits
from tests.streams.pipeline.miniature import run_through, shop_with
from tests.streams.pipeline.sameness import assert_same
from tests.streams.planned import LIMITED, NAMES, PLAN, Wavering, by_hand, logs, planned

MANY = tuple(f"shopper-{number}" for number in range(100))
CHANNELS = {"sorry": "email", "call": "phone", "bargain": "email"}
SUGGESTED = {"sorry": "apologise", "call": "call", "ten": "offer", "nothing": "none"}


def handled(shop: Shop, log: Sequence[Arrival]) -> Effects:
    book = {
        name: Customer(CustomerState(shop.definition), Ledger(), new=True)
        for name in (*NAMES, "clock")
    }
    effects = handle(shop, Wavering(shop), log, (), book, NO_WATERMARK)
    rest = handle(shop, Wavering(shop), [], sorted(NAMES), book, effects.watermark)
    effects.alerts += rest.alerts
    effects.decided += rest.decided
    return effects


def traits_at(log: Sequence[Arrival], name: str, decision: Decision) -> dict[str, str]:
    """Return what the shop had said by then: of what went wrong, with that event."""
    known: dict[str, str] = {}
    unsubscribed = False
    for arrival in log:
        event = arrival.event
        now = event.at == decision.at and decision.cause == "distress"
        if event.user_id == name and (event.at < decision.at or now):
            known.update({key: str(value) for key, value in event.traits.items()})
            unsubscribed |= event.type == "unsubscribed"
    # Whatever the shop says of it later: it is the customer's own word.
    return known | {"news": "no"} if unsubscribed else known


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.tuples(logs(), st.just(False)),
        # Few, to whom much would be done.
        st.tuples(logs(NAMES[:2], 30), st.just(True)),
    )
)
def test_a_plan_decides_what_the_file_says_by_hand(what: tuple[list[Arrival], bool]) -> None:
    log, limited = what
    cooldown = 0 if limited else 2 * DAY
    shop = planned(LIMITED if limited else PLAN, cooldown)
    effects = handled(shop, log)
    done: dict[str, list[tuple[Millis, str, str]]] = {}
    alerts = {(each.user_id, from_datetime(each.decided_at)): each for each in effects.alerts}
    raised: dict[str, bool] = {}
    alerted: dict[str, Millis] = {}
    told = 0
    for name, decision, *_ in effects.decided:
        at, risk = decision.at, decision.risk
        open_gate = (
            risk >= 0.5
            and at - alerted.get(name, -(10**15)) >= cooldown
            and (not raised.get(name) or decision.cause == "distress" or risk < 0.4)
        )
        if risk < 0.4:
            raised[name] = False
        if not open_gate:
            assert not decision.alert
            assert decision.play is None
            continue
        before = done.setdefault(name, [])
        traits = traits_at(log, name, decision)
        said = by_hand(name, at, decision.cause, risk, traits, before if limited else None)
        play = decision.play
        assert play is not None
        assert shop.plan is not None
        assert play.policy == shop.plan.fingerprint
        if said is None or said.playbook == "peace":
            assert decision.because.code == ("unmatched" if said is None else "spared")
            assert play.playbook == ("" if said is None else "peace")
            assert not decision.alert
            continue
        raised[name], alerted[name] = True, at
        before.append((at, said.playbook, "" if said.arm == "nothing" else CHANNELS[said.playbook]))
        assert decision.alert
        assert decision.because.code == "reached"
        assert (play.playbook, play.variant) == (said.playbook, said.arm)
        assert bool(play.held) is said.held is (decision.arm == "holdout")
        alert = alerts[name, at]
        told += 1
        assert (alert.arm, alert.playbook, alert.variant) == (
            decision.arm,
            said.playbook,
            said.arm,
        )
        kind = SUGGESTED[said.arm if said.playbook == "bargain" else said.playbook]
        assert alert.action == ("none" if said.held else kind)
        waits = alert.not_before is not msgspec.UNSET
        assert waits is (said.not_before > at)
        if alert.not_before is not msgspec.UNSET:
            assert from_datetime(alert.not_before) == said.not_before
        assert from_datetime(alert.valid_until) == said.not_before + 5 * DAY
    assert told == len(effects.alerts)
    hypothesis.target(told)


@settings(max_examples=40, deadline=None)
@given(logs(NAMES[:3]), CUTS, LIMITS)
def test_with_a_plan_too_it_does_not_matter_how_the_log_is_cut(
    log: list[Arrival], cuts: list[tuple[int, bool]], limit: int
) -> None:
    shop = planned(LIMITED, 0)
    whole = run_through(shop, Wavering(shop), log)
    assert_same(run_through(shop, Wavering(shop), log, cuts, limit), whole)


def test_what_was_done_is_remembered_and_told_and_a_plan_without_limits_keeps_nothing() -> None:
    log = visits(*((day, NAMES[1]) for day in range(40)))
    for shop, kept in ((planned(LIMITED, 0), True), (planned(PLAN, 0), False)):
        book = {NAMES[1]: Customer(CustomerState(shop.definition), Ledger(), new=True)}
        effects = handle(shop, Told(0.9), log, (), book, NO_WATERMARK)
        calm = handle(shop, Told(0.1), visits((41, NAMES[1])), (), book, effects.watermark)
        late = visits((42, NAMES[1]), (43, NAMES[1]))
        again = handle(shop, Told(0.9), late, (), book, calm.watermark)
        (alert, *_) = effects.alerts
        ledger = Ledger.decode(book[NAMES[1]].ledger.encode())
        assert bool(ledger.sent) is kept
        if kept:
            assert {(each.playbook, each.channel) for each in ledger.sent} == {("call", "phone")}
            assert alert.playbook == "call"
        assert again.decided


def the_alert(playbook: str) -> tuple[Alert, Decision]:
    """Return an alert of a playbook that somebody is not held out of, and its decision."""
    log = visits(*((day + n / 100, name) for day in range(40) for n, name in enumerate(NAMES)))
    log = [
        Arrival(place, each.timestamp, msgspec.structs.replace(each.event, traits={"news": "yes"}))
        for place, each in enumerate(log)
    ]
    shop = planned()
    book = {name: Customer(CustomerState(shop.definition), Ledger(), new=True) for name in NAMES}
    effects = handle(shop, Wavering(shop), log[:100], (), book, NO_WATERMARK)
    late = log[100].timestamp + 60 * DAY
    clock = Arrival(999, late, msgspec.structs.replace(log[0].event, event_id="x", time=late))
    more = handle(shop, Wavering(shop), [clock], sorted(NAMES), book, effects.watermark)
    alerts = [*effects.alerts, *more.alerts]
    alert = next(
        each
        for each in alerts
        if (each.playbook, each.arm) == (playbook, "treated") and each.action != "none"
    )
    decision = next(
        each.decision
        for each in (*effects.decided, *more.decided)
        if each.user_id == alert.user_id and each.decision.at == from_datetime(alert.decided_at)
    )
    return alert, decision


def test_an_alert_tells_the_offer_in_the_words_of_the_file() -> None:
    alert, decision = the_alert("bargain")
    told: dict[str, Any] = msgspec.to_builtins(alert)
    assert (told["policy"], told["currency"]) == (PLAN.fingerprint, "EUR")
    assert (told["playbook"], told["variant"], told["channel"]) == ("bargain", "ten", "email")
    assert (told["holdout_share"], told["variant_share"]) == (0.25, round(2 / 3, 12))
    offer = told["offer"]
    assert (offer["kind"], offer["cost"], offer["depth"]) == ("coupon", 0.6, 0.1)
    assert from_datetime(alert.offer.expires) == decision.at + 7 * DAY  # type: ignore[union-attr,arg-type]
    assert told["value"] > 0
    assert "not_before" not in told
    assert decision.why.endswith("; playbook bargain, arm ten: coupon over email")
    assert decision.play is not None
    obstacles = [(each.playbook, each.code) for each in decision.play.obstacles]
    assert obstacles == [("sorry", "other"), ("peace", "unknown"), ("call", "below")]
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


def test_an_alert_tells_how_likely_its_arms_were() -> None:
    log = visits(*((day, NAMES[1]) for day in range(40)))
    shop = planned()
    book = {NAMES[1]: Customer(CustomerState(shop.definition), Ledger(), new=True)}
    (alert, *_) = handle(shop, Told(0.9), log, (), book, NO_WATERMARK).alerts
    # The shop holds out a quarter, and of the others this playbook a half.
    assert (alert.playbook, alert.holdout_share, alert.variant_share) == ("call", 0.625, 1.0)


def test_who_was_given_the_arm_that_does_nothing_teaches_like_one_held_out() -> None:
    shop = planned()
    told = {name: by_hand(name, 0, "silence", 0.6, {"news": "yes"}) for name in MANY}
    idle = next(
        name for name, each in told.items() if each and each.arm == "nothing" and not each.held
    )
    log = visits(*((day, idle) for day in range(40)))
    log = [
        Arrival(n, each.timestamp, msgspec.structs.replace(each.event, traits={"news": "yes"}))
        for n, each in enumerate(log)
    ]
    book = {idle: Customer(CustomerState(shop.definition), Ledger(), new=True)}
    effects = handle(shop, Told(0.6), log, (), book, NO_WATERMARK)
    assert [each.action for each in effects.alerts] == ["none"]
    assert [each.arm for each in effects.alerts] == ["treated"]
    at = from_datetime(effects.alerts[0].decided_at)
    taught = [each.treated for each in effects.examples if each.at == at]
    assert taught and not any(taught)


def test_without_a_plan_an_alert_says_what_it_always_said() -> None:
    shop = replace(planned(), plan=None)
    log = visits(*((day, NAMES[1]) for day in range(40)))
    book = {NAMES[1]: Customer(CustomerState(shop.definition), Ledger(), new=True)}
    (alert, *_) = handle(shop, Told(0.6), log, (), book, NO_WATERMARK).alerts
    assert list(msgspec.to_builtins(alert)) == [
        *("alert_id", "user_id", "decided_at", "valid_until", "cause", "risk", "band", "reasons"),
        *("silence_days", "action", "arm", "horizon_days", "model_version", "catalogue", "vector"),
        "v",
    ]
    assert shop_with().plan is None
