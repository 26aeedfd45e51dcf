"""A small shop of its own making, and what a backtest of it says."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet

from features import DAY, HOUR, MINUTE, Event, Millis, from_datetime
from models.learning import Weighing
from models.registry import Task
from streams.composition import shop_of, task_of
from streams.pipeline import Arrival, Shop
from streams.replay import BacktestResult, Landmarks, replay
from streams.settings import Settings

START: Millis = 1_577_836_800_000  # 2020-01-01
H, A = 8 * DAY, 20 * DAY
SETTINGS = Settings.model_validate(
    {
        "churn": {"horizon": H, "active": A, "activity": ["purchase"]},
        "time": {"lateness": HOUR, "skew": DAY},
    }
)
SHOP = shop_of(SETTINGS)
#: Nobody was sent what the replay decides on: all examples teach alike.
TASK = task_of(SHOP, Weighing(treated=1.0))
WARMUP = 30


def shoppers(
    seed: int, customers: int = 40, days: int = 90, *, by_day: bool = False
) -> list[Event]:
    """Return what customers with rhythms of their own do until they leave."""
    chance = random.Random(seed)
    events = []
    for who in range(customers):
        gap = chance.lognormvariate(1.2, 0.8)
        leaves = chance.uniform(0.02, 0.25)
        day = chance.uniform(0, days / 3)
        while day < days:
            at = START + round(day * DAY)
            if by_day:
                at -= at % DAY
            what = chance.choices(("purchase", "visit", "complaint", "refund"), (12, 4, 1, 1))[0]
            for line in range(chance.choice((1, 1, 2))):
                events.append(
                    Event(
                        event_id=f"{who}-{len(events)}",
                        user_id=f"user-{who}",
                        type=what if line == 0 else "visit",
                        time=at + (0 if by_day else line * MINUTE),
                        amount=round(chance.lognormvariate(3, 0.7), 2),
                    )
                )
            day += chance.expovariate(1 / gap)
            if chance.random() < leaves:
                break
    return sorted(events, key=lambda event: event.at)


def arriving(events: Iterable[Event]) -> list[Arrival]:
    """Return events that arrive when they happen."""
    return [Arrival(place, event.at, event) for place, event in enumerate(events)]


@dataclass(frozen=True)
class Found:
    """What a backtest wrote down."""

    result: BacktestResult
    predictions: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    files: dict[str, bytes]

    @property
    def report(self) -> dict[str, Any]:
        return self.result.report

    def said(self, model: str = "bayes") -> dict[tuple[str, Millis, str], dict[str, Any]]:
        """Return the rows of a model by customer, time and cause."""
        rows = [row for row in self.predictions if row["model"] == model]
        found = {(row["customer"], millis(row["at"]), row["cause"]): row for row in rows}
        assert len(found) == len(rows)
        return found

    def risks(self, model: str = "bayes") -> dict[tuple[str, Millis, str], float]:
        return {key: row["risk"] for key, row in self.said(model).items()}


def millis(moment: datetime | None) -> Millis:
    assert moment is not None
    return from_datetime(moment)


@contextmanager
def some_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def replayed(
    arrivals: Sequence[Iterable[Arrival]] | Mapping[int, Iterable[Arrival]],
    models: Sequence[str] = ("bayes",),
    *,
    shop: Shop = SHOP,
    task: Task = TASK,
    seed: int = 0,
    landmarks: Landmarks | None = None,
    vectors: bool = False,
) -> Found:
    """Return what a backtest of the partitions says."""
    with some_folder() as folder:
        result = replay(
            arrivals,
            shop,
            models,
            task=task,
            output=folder / "out",
            warmup=WARMUP,
            seed=seed,
            landmarks=landmarks,
            vectors=vectors,
        )
        files = {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}
        tables = [
            pyarrow.parquet.read_table(folder / "out" / name).to_pylist()
            for name in ("predictions.parquet", "decisions.parquet")
        ]
    return Found(result, tables[0], tables[1], files)


def of_events(events: Iterable[Event], *models: str, **options: Any) -> Found:
    """Return what a backtest of one partition says; of `bayes` unless models are named."""
    return replayed([arriving(events)], models or ("bayes",), **options)


__all__ = [
    "SHOP",
    "START",
    "TASK",
    "WARMUP",
    "A",
    "Found",
    "H",
    "arriving",
    "millis",
    "of_events",
    "replace",
    "replayed",
    "shoppers",
    "some_folder",
]
