"""A finished backtest of a shop that never was: every file of its folder, small, from a seed.

``python -m tests.streams.report.shelf FOLDER --customers 40000`` writes a large one, to time a
report with.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from features import DAY, HOUR, MINUTE, Millis, to_iso
from models.deciding import Policy, Standing
from models.judging import (
    Pooled,
    average_precision,
    calibration_error,
    log_loss,
    precision_at,
    roc_auc,
)
from streams.report import FORMAT

START: Millis = 1_735_689_600_000  # 2025-01-01
DAYS = 330
H, A = 30 * DAY, 90 * DAY
POLICY = Policy(threshold=0.6, hysteresis=0.1, cooldown=14 * DAY, holdout=0.1)
LADDER = (H // 4, H // 2, H, 2 * H)
MODELS = ("bayes", "recency")
OFFER = {"cost": 5.0, "margin": 100.0, "saved": 0.2, "capacity": 3}
TOLD = ("silence", "activity", "money", "trouble")
MOST_STORIES, MOST_EVENTS = 400, 300

MOMENT = pa.timestamp("ms", tz="UTC")
PREDICTIONS = pa.schema(
    [
        ("model", pa.string()),
        ("customer", pa.string()),
        ("at", MOMENT),
        ("cause", pa.string()),
        ("segment", pa.string()),
        ("tenure_days", pa.float32()),
        ("silence_days", pa.float32()),
        ("risk", pa.float64()),
        ("stage_1", pa.float64()),
        ("stage_2", pa.float64()),
        ("stage_3", pa.float64()),
        ("version", pa.string()),
        ("label", pa.int8()),
        ("matured_at", MOMENT),
    ]
)
REASON = pa.struct([("code", pa.string()), ("text", pa.string()), ("contribution", pa.float64())])
DECISIONS = pa.schema(
    [
        ("customer", pa.string()),
        ("at", MOMENT),
        ("cause", pa.string()),
        ("segment", pa.string()),
        ("silence_days", pa.float32()),
        ("risk", pa.float64()),
        ("band", pa.string()),
        ("arm", pa.string()),
        ("alert", pa.bool_()),
        ("why", pa.string()),
        ("version", pa.string()),
        ("reasons", pa.list_(REASON)),
    ]
)
CUSTOMERS = pa.schema(
    [
        ("customer", pa.string()),
        ("first_at", MOMENT),
        ("last_at", MOMENT),
        ("last_activity_at", MOMENT),
        ("events", pa.int64()),
        ("activity_days", pa.int32()),
        ("orders", pa.int32()),
        ("spent", pa.float64()),
        ("active_months", pa.list_(pa.int16())),
    ]
)
STORIES = pa.schema(
    [("customer", pa.string()), ("at", MOMENT), ("type", pa.string()), ("amount", pa.float64())]
)


@dataclass
class Shopper:
    """Somebody of the shop: what they did, and what is looked at of it."""

    name: str
    gap: float
    mood: float
    visits: list[Millis] = field(default_factory=list)
    events: list[tuple[Millis, str, float | None]] = field(default_factory=list)


def shoppers(count: int, seed: int) -> list[Shopper]:
    """Return those who came, each with a rhythm of their own until they leave."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        one = Shopper(f"c-{number:05}", chance.lognormvariate(2.3, 0.7), chance.gauss(0, 0.2))
        leaves = 1.0 if chance.random() < 0.2 else chance.uniform(0.02, 0.2)
        day = chance.uniform(0, 0.75 * DAYS)
        while day < DAYS:
            at = START + int(day * DAY)
            one.visits.append(at)
            one.events.append((at, "product_viewed", None))
            amount = round(chance.lognormvariate(3, 0.7), 2)
            one.events.append((at + MINUTE, "purchase", amount))
            if chance.random() < leaves:
                if chance.random() < 0.5:
                    one.events.append((at + 5 * HOUR, "complaint", None))
                break
            day += max(chance.expovariate(1 / one.gap), 0.5)
        found.append(one)
    return found


def _looks(one: Shopper, end: Millis) -> Iterator[tuple[Millis, str, Millis]]:
    """Yield when and why somebody is looked at, and when they had last done something."""
    trouble = [at for at, kind, _ in one.events if kind == "complaint"]
    for place, visit in enumerate(one.visits):
        after = one.visits[place + 1] if place + 1 < len(one.visits) else end + 1
        last = visit + MINUTE
        points = [(last + 30 * MINUTE, "session_end")]
        points += [(at, "distress") for at in trouble if visit < at < after]
        points += [(last + wait, "silence") for wait in LADDER]
        for at, cause in sorted(points):
            if at < after and at <= end:
                yield at, cause, last


def _landmark_looks(one: Shopper, end: Millis) -> Iterator[tuple[Millis, str, Millis]]:
    at = START + 91 * DAY
    while at <= end:
        last = max((visit + MINUTE for visit in one.visits if visit + MINUTE < at), default=0)
        if last >= at - A:
            yield at, "landmark", last
        at += 14 * DAY


def _segment(visits: int, tenure: Millis) -> str:
    if tenure < H:
        return "new"
    if visits == 1:
        return "one-time"
    rate = visits * H / tenure
    return "occasional" if rate < 1 else "regular" if rate < 3 else "loyal"


def _risks(one: Shopper, silence: Millis, cause: str, number: int) -> tuple[float, float]:
    dice = int.from_bytes(blake2b(f"{one.name}{number}".encode(), digest_size=4).digest()) / 2**32
    score = 1.1 * math.log1p(silence / DAY / one.gap) - 1.3 + one.mood + (dice - 0.5) / 2
    score += 1.5 if cause == "distress" else 0.0
    plain = 0.2 + 0.65 * silence / (silence + H)
    return 1 / (1 + math.exp(-score)), round(plain, 3)


def _reasons(one: Shopper, cause: str, risk: float) -> list[dict[str, Any]]:
    codes = ["trouble"] if cause == "distress" else ["silence"]
    codes += ["activity"] if one.gap < 12 else ["money"] if risk > 0.5 else []
    return [
        {"code": code, "text": f"{code} of {one.gap:.0f} days", "contribution": 0.5 / (place + 1)}
        for place, code in enumerate(codes)
    ]


def shelve(
    folder: Path,
    *,
    mode: str = "events",
    customers: int = 240,
    seed: int = 7,
    models: Sequence[str] = MODELS,
    offer: dict[str, Any] | None = None,
) -> Path:
    """Write the folder of a finished backtest, and return it.

    Parameters
    ----------
    folder
        Created if it is not there.
    mode
        ``events``, as live, or ``landmarks``: every 14 days everybody is judged, nothing decided.
    customers, seed
        How many, and who; 240 make some 3,500 predictions of each model.
    models
        One or both of `MODELS`.
    offer
        As of the report, such as `OFFER`; None for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shop = shoppers(customers, seed)
    end = max(at for one in shop for at, _, _ in one.events)
    looks = _looks if mode == "events" else _landmark_looks
    said: list[dict[str, Any]] = []
    decided: list[dict[str, Any]] = []
    for one in shop:
        standing = Standing()
        for number, (at, cause, last) in enumerate(looks(one, end)):
            later = [visit for visit in one.visits if at < visit <= at + H]
            known = at + H <= end
            risks = _risks(one, at - last, cause, number)
            row = {
                "customer": one.name,
                "at": at,
                "cause": cause,
                "segment": _segment(sum(v < at for v in one.visits), at - one.visits[0]),
                "tenure_days": (at - one.visits[0]) / DAY,
                "silence_days": (at - last) / DAY,
                "label": int(not later) if known else None,
                "matured_at": at + H if known else None,
                "risks": risks,
            }
            said.append(row)
            if mode == "events":
                verdict = POLICY.decide(one.name, at, cause, risks[0], standing)  # type: ignore[arg-type]  # a cause
                standing = verdict.standing
                decided.append(
                    {
                        name: row[name]
                        for name in ("customer", "at", "cause", "segment", "silence_days")
                    }
                    | {
                        "risk": risks[0],
                        "band": verdict.band,
                        "arm": verdict.arm,
                        "alert": verdict.alert,
                        "why": verdict.why,
                        "version": "bayes-1",
                        "reasons": _reasons(one, cause, risks[0]),
                    }
                )
    said.sort(key=lambda row: row["at"])
    decided.sort(key=lambda row: row["at"])
    _write(folder / "predictions.parquet", _predictions(said, models), PREDICTIONS)
    _write(folder / "decisions.parquet", decided, DECISIONS)
    _write(folder / "customers.parquet", [_customer(one) for one in shop], CUSTOMERS)
    _write(folder / "stories.parquet", _stories(shop, seed), STORIES)
    report = _report(mode, models, shop, said, decided, end, offer)
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return folder


def _write(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    pa.parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def _predictions(said: Sequence[dict[str, Any]], models: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for model in models:
        for row in said:
            risk = row["risks"][MODELS.index(model)]
            stage = risk ** (1 / 3) if model == "bayes" else None
            found.append(
                {"model": model, "risk": risk, "version": f"{model}-1"}
                | dict.fromkeys(("stage_1", "stage_2", "stage_3"), stage)
                | {name: value for name, value in row.items() if name != "risks"}
            )
    return found


def _customer(one: Shopper) -> dict[str, Any]:
    times = [at for at, _, _ in one.events]
    bought = [(at, amount) for at, kind, amount in one.events if kind == "purchase"]
    first = _month(times[0])
    return {
        "customer": one.name,
        "first_at": min(times),
        "last_at": max(times),
        "last_activity_at": max(at for at, _ in bought),
        "events": len(times),
        "activity_days": len({at // DAY for at, _ in bought}),
        "orders": len(bought),
        "spent": sum(amount or 0 for _, amount in bought),
        "active_months": sorted({_month(at) - first for at, _ in bought}),
    }


def _month(at: Millis) -> int:
    day = datetime.fromtimestamp(at / 1000, UTC)
    return day.year * 12 + day.month - 1


def _stories(shop: Sequence[Shopper], seed: int) -> list[dict[str, Any]]:
    by_hash = sorted(shop, key=lambda one: blake2b(f"{seed}|{one.name}".encode()).digest())
    return [
        {"customer": one.name, "at": at, "type": kind, "amount": amount}
        for one in sorted(by_hash[:MOST_STORIES], key=lambda one: one.name)
        for at, kind, amount in one.events[-MOST_EVENTS:]
    ]


def _report(
    mode: str,
    models: Sequence[str],
    shop: Sequence[Shopper],
    said: Sequence[dict[str, Any]],
    decided: Sequence[dict[str, Any]],
    end: Millis,
    offer: dict[str, Any] | None,
) -> dict[str, Any]:
    events = sum(len(one.events) for one in shop)
    causes = [row["cause"] for row in decided]
    alerts = [row for row in decided if row["alert"]]
    held = sum(row["arm"] == "holdout" for row in alerts)
    landmarks = {"start": to_iso(START + 91 * DAY), "step": "14d", "score_from": None}
    return {
        "format": FORMAT,
        "mode": mode,
        "configuration": {
            "source": "shelf.csv",
            "models": list(models),
            "seed": 0,
            "horizon": "30d",
            "active": "90d",
            "activity": ["purchase"],
            "session_gap": "30m",
            "waits": ["180h", "15d", "30d", "60d"],
            "multiples": [],
            "lateness": "1h",
            "skew": "1d",
            "keep": 1.0,
            "max_pending": 32,
            "warmup": 500,
            "threshold": POLICY.threshold,
            "hysteresis": POLICY.hysteresis,
            "cooldown": "14d",
            "holdout": POLICY.holdout,
            "weights": {"returned": 1.0, "churned": 1.0, "treated": 1.0, "memory": 8.0},
            "catalogue": "0123456789abcdef",
            "landmarks": landmarks if mode == "landmarks" else None,
        },
        "data": {
            "events": events,
            "first": to_iso(min(one.events[0][0] for one in shop)),
            "last": to_iso(end),
            "fingerprint": "00112233445566778899aabbccddeeff",
            "applied": events,
            "late": 0,
            "duplicate": 0,
            "too_late": 0,
            "refused": 0,
            "unknown_type": 0,
            "customers": len(shop),
        },
        "decisions": {
            "count": len(decided),
            "silence": causes.count("silence"),
            "session_end": causes.count("session_end"),
            "distress": causes.count("distress"),
            "matured": sum(row["label"] is not None for row in said),
            "unresolved": sum(row["label"] is None for row in said),
            "unkept": 0,
            "alerts": len(alerts),
            "held_out": held / len(alerts) if alerts else None,
        },
        "models": [_model(model, mode, said) for model in models],
        "offer": offer,
    }


def _model(model: str, mode: str, said: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = [row for row in said if row["label"] is not None]
    at = np.array([row["at"] for row in known])
    risks = np.array([row["risks"][MODELS.index(model)] for row in known])
    labels = np.array([row["label"] for row in known])
    whole = Pooled()
    whole.add(risks, labels)
    found: dict[str, Any] = {"model": model} | whole.summary()
    found["calibration"] = whole.calibration()
    if mode == "landmarks":
        looks = [_look(int(each), risks[at == each], labels[at == each]) for each in np.unique(at)]
        for name in ("auc", "pr_auc", "precision_top_tenth"):
            found[name] = float(np.mean([look[name] for look in looks if look[name] is not None]))
        found["landmarks"] = looks
    else:
        months = at.astype("datetime64[ms]").astype("datetime64[M]")
        found["months"] = []
        for month in np.unique(months):
            part = Pooled(2_000)
            part.add(risks[months == month], labels[months == month])
            found["months"].append({"month": str(month)} | part.summary())
        found["evidence"] = []
    found["importance"] = None
    if model == "bayes":
        parts = [(code, 0.1 * place, 0.4 / (1 + place)) for place, code in enumerate(TOLD)]
        found["importance"] = {
            "causes": [{"code": c, "mean": m, "mean_abs": a} for c, m, a in parts],
            "inputs": [
                {"name": name, "mean": 0.1, "mean_abs": 0.3 / (1 + place)}
                for place, name in enumerate(("days_silent", "typical_gap", "orders_90d"))
            ],
        }
    return found


def _look(at: Millis, risks: Any, labels: Any) -> dict[str, Any]:
    def defined(value: float) -> float | None:
        return None if math.isnan(value) else value

    return {
        "at": to_iso(at),
        "count": len(risks),
        "churned": float(labels.mean()),
        "auc": defined(roc_auc(risks, labels)),
        "pr_auc": defined(average_precision(risks, labels)),
        "precision_top_tenth": precision_at(risks, labels),
        "log_loss": log_loss(risks, labels),
        "brier": float(np.mean((risks - labels) ** 2)),
        "ece": calibration_error(risks, labels),
        "learnt": 0,
        "evidence": None,
    }


def main() -> None:
    """Write a folder, as large as one likes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mode", choices=("events", "landmarks"), default="events")
    parser.add_argument("--customers", type=int, default=240)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--models", default=",".join(MODELS))
    asked = parser.parse_args()
    shelve(
        asked.folder,
        mode=asked.mode,
        customers=asked.customers,
        seed=asked.seed,
        models=asked.models.split(","),
        offer=OFFER,
    )


if __name__ == "__main__":
    main()
