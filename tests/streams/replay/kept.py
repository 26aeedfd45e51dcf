"""Backtests of the small shop whose folders stay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from features import Event
from models.registry import Task
from streams.pipeline import Shop
from streams.replay import Landmarks, replay
from tests.streams.replay.backtested import SHOP, TASK, WARMUP, arriving


def kept(
    folder: Path,
    events: Iterable[Event],
    *models: str,
    shop: Shop = SHOP,
    task: Task = TASK,
    seed: int = 0,
    landmarks: Landmarks | None = None,
    vectors: bool = False,
) -> Path:
    """Backtest one partition, of `bayes` unless models are named; return the folder."""
    replay(
        [arriving(events)],
        shop,
        models or ("bayes",),
        task=task,
        output=folder,
        warmup=WARMUP,
        seed=seed,
        landmarks=landmarks,
        vectors=vectors,
    )
    return folder
