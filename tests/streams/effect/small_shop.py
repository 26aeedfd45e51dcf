"""A shop whose alerts, events and outcomes are made up, and a plain reading of what they say."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features import DAY, HOUR, Event, Millis, from_datetime, to_datetime
from models.deciding import Alert, Outcome, Reason

START: Millis = 1_767_225_600_000
HORIZON, GONE = 30 * DAY, 90 * DAY
HOLDOUT, MARGIN, COST = 0.3, 0.4, 0.5
LIFE = {"tenure": 100.0, "visit_days": 12.0, "gap_mean": 8.0, "gap_usual": 8.0}


@dataclass
class SmallShop:
    """What was written, in the order in which it was."""

    alerts: list[Alert] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def small_shop(seed: int, customers: int = 600, lift: float = 0.5) -> SmallShop:
    """Return a shop with repeats, second alerts, late outcomes, and people who were not alerted."""
    rng = random.Random(seed)
    made = SmallShop()
    for number in range(customers):
        name = f"shopper-{number}"
        at = START + rng.randrange(60 * 24) * HOUR
        treated = rng.random() >= HOLDOUT
        offered = rng.random() < 0.5
        made.alerts.append(_alert(name, at, treated, offered))
        if rng.random() < 0.2:
            made.alerts.append(_alert(name, at + 20 * DAY, treated, not offered))
        keen = rng.random()
        for _ in range(int(4 * keen)):
            _do(made, rng, name, at - rng.randrange(1, 60 * 24) * HOUR)
        if rng.random() < 0.1 + 0.5 * keen + lift * treated * offered:
            for _ in range(rng.randrange(1, 4)):
                days = rng.choice([20, 20, 20, 100])
                _do(made, rng, name, at + rng.randrange(1, days * 24) * HOUR)
        if treated and rng.random() < 0.9:
            made.outcomes.append(_outcome(made.alerts[-1], "delivered", HOUR, 1.25))
            if rng.random() < 0.3:
                made.outcomes.append(_outcome(made.alerts[-1], "redeemed", 5 * DAY, 2.5))
    for number in range(50):
        _do(made, rng, f"stranger-{number}", START + number * DAY)
    # Time moves on, so that it is known of all what became of them.
    made.events.append(Event(event_id="end", user_id="stranger", type="visit", time=_end()))
    rng.shuffle(made.events)
    made.events += rng.sample(made.events, 100)
    made.alerts += rng.sample(made.alerts, 40)
    # A repeat that says something else counts no more than one that says the same.
    for said in rng.sample(made.outcomes, 60):
        more = Outcome(
            outcome_id=said.outcome_id,
            alert_id=said.alert_id,
            user_id=said.user_id,
            type="failed",
            time=said.time,
            cost=99.0,
        )
        made.outcomes.append(more)
    return made


def _end() -> Millis:
    return START + 170 * DAY


def _alert(name: str, at: Millis, treated: bool, offered: bool) -> Alert:
    return Alert(
        alert_id=f"{name}@{at}",
        user_id=name,
        decided_at=to_datetime(at),
        valid_until=to_datetime(at + 7 * DAY),
        cause="silence",
        risk=0.85 if offered else 0.65,
        band="high",
        reasons=[Reason("silence", "silent for 31 days", 1.0)],
        silence_days=31.0,
        action=("offer" if offered else "remind") if treated else "none",
        arm="treated" if treated else "holdout",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector=LIFE,
    )


def _do(made: SmallShop, rng: random.Random, name: str, at: Millis) -> None:
    kind = rng.choice(["visit", "purchase", "purchase", "refund"])
    event_id = f"{name}/{len(made.events)}"
    amount = float(rng.randrange(5, 80))
    made.events.append(Event(event_id=event_id, user_id=name, type=kind, time=at, amount=amount))


def _outcome(about: Alert, kind: Any, after: Millis, cost: float) -> Outcome:
    return Outcome(
        outcome_id=f"{about.alert_id}/{kind}",
        alert_id=about.alert_id,
        user_id=about.user_id,
        type=kind,
        time=to_datetime(from_datetime(about.decided_at) + after),
        cost=cost,
    )


def plainly(shop: SmallShop) -> dict[str, dict[str, Any]]:
    """Return, by action and for all, what a patient reader of the three lists would find."""
    rows: list[dict[str, Any]] = []
    sent = {each.alert_id: each for each in shop.alerts}.values()
    done = {each.event_id: each for each in shop.events}.values()
    told: dict[tuple[str, str], Outcome] = {}
    for outcome in shop.outcomes:
        told.setdefault((outcome.user_id, outcome.outcome_id), outcome)
    for name in sorted({each.user_id for each in sent}):
        mine = sorted((from_datetime(a.decided_at), a) for a in sent if a.user_id == name)
        at, first = mine[0]
        acts = [each for each in done if each.user_id == name]
        after = [each for each in acts if at < each.at <= at + HORIZON]
        before = [each for each in acts if at - HORIZON < each.at <= at]
        cost = 0.0
        for when, alert in mine:
            about = [each for each in told.values() if each.alert_id == alert.alert_id]
            costs = [
                each.cost or 0.0 for each in about if at <= from_datetime(each.time) <= at + HORIZON
            ]
            cost += sum(costs)
            if not about and alert.arm == "treated" and when <= at + HORIZON:
                cost += COST
        rows.append(
            {
                "action": "offer" if first.risk > 0.8 else "remind",
                "treated": first.arm == "treated",
                "returned": float(bool(after)),
                "repurchased": float(any(each.type == "purchase" for each in after)),
                "margin": MARGIN * _money(after) - cost,
                "gone": float(not any(at < each.at <= at + GONE for each in acts)),
                "known": [
                    first.risk,
                    np.log1p(len({(at - each.at) // DAY for each in before})),
                    np.log1p(max(_money(before), 0.0)),
                ],
            }
        )
    found = {}
    for group in ("all", "offer", "remind"):
        some = [row for row in rows if group in ("all", row["action"])]
        found[group] = {
            figure: _compared(some, figure)
            for figure in ("returned", "repurchased", "margin", "gone")
        }
    return found


def _money(events: list[Event]) -> float:
    signs = {"purchase": 1, "refund": -1}
    return sum(signs.get(each.type, 0) * (each.amount or 0.0) for each in events)


def _compared(rows: list[dict[str, Any]], figure: str) -> dict[str, float]:
    """Compare the arms; the difference is the arm's slope in a regression on what was known."""
    values = np.array([row[figure] for row in rows])
    arms = np.array([row["treated"] for row in rows])
    columns = np.column_stack([np.ones(len(rows)), arms, [row["known"] for row in rows]])
    slopes = np.linalg.lstsq(columns, values, rcond=None)[0]
    return {
        "treated": int(arms.sum()),
        "held_out": int((~arms).sum()),
        "treated_mean": values[arms].mean(),
        "held_out_mean": values[~arms].mean(),
        "difference": slopes[1],
    }
