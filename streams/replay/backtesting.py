"""What the live pipeline would have known, said and decided: recorded events, in their own time.

The events go through `streams.pipeline.handle`, the same code that the workers run. One pass
races several models: when customers are looked at does not depend on who judges.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.judging import Offer
from models.registry import Task
from streams.pipeline import Arrival, Shop
from streams.replay.arriving import Arriving, in_time_order
from streams.replay.customers import Days, write_customers
from streams.replay.landmarks import Landmarks
from streams.replay.looking import LandmarkPass
from streams.replay.racing import Race
from streams.replay.recording import Decisions, Predictions
from streams.replay.reporting import Progress, Seen, configuration, decisions_of, offer_of
from streams.replay.scoreboard import Scoreboard
from streams.replay.stories import Stories
from streams.replay.ticking import LivePass
from streams.report import (
    CUSTOMERS,
    DECISIONS,
    FORMAT,
    PREDICTIONS,
    STORIES,
    Folder,
    arrow,
)


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Parameters
    ----------
    output
        The folder with the files, as docs/backtest.md describes them.
    report
        The report, as it was written.
    events
        Events taken.
    seconds
        How long it took; not in the files, which are the same for the same backtest.
    """

    output: Path
    report: dict[str, Any]
    events: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds else 0.0


def backtest(
    arrivals: Mapping[int, Iterable[Arrival]] | Sequence[Iterable[Arrival]],
    shop: Shop,
    models: Sequence[str],
    *,
    task: Task,
    output: Path,
    warmup: int,
    seed: int = 0,
    landmarks: Landmarks | None = None,
    vectors: bool = False,
    offer: Offer | None = None,
    source: str = "",
    progress: Progress | None = None,
) -> BacktestResult:
    """Take recorded events through the pipeline, and write down what came of it.

    Parameters
    ----------
    arrivals
        The events of each partition, in the order in which they arrived. A file is one
        partition, in the order of event time.
    shop
        The rules.
    models
        Names in the registry; the first one decides, the others look on.
    task
        What the models predict, and how much each example counts.
    output
        A new folder, an empty one, or that of an earlier backtest.
    warmup
        Examples that a model must have learnt before it takes over from the prior.
    seed
        Of the order in which examples of one time are learnt. One seed, the same files.
    landmarks
        Judge everybody at these times, and decide nothing; None for the live decision points.
    vectors
        Whether to write the vectors of the predictions, too.
    offer
        What is done about an alert, in money; for the report alone.
    source
        What the report calls the source of the events.
    progress
        Told now and then how far it is.

    Raises
    ------
    OutputRefused
        If the folder holds something else, cannot be written to, or pyarrow is missing.
    UnknownModel
        If a model is not in the registry, or is named twice.
    MissingLibrary
        If a model's library is not installed.
    """
    started = time.perf_counter()
    race = Race(models, task, warmup, seed, shop.explainer)
    arrow()
    folder = Folder(output)
    scoreboard = Scoreboard(models, landmarks=landmarks is not None)
    days, stories = Days(shop.definition, shop.skew), Stories(seed, shop.skew)
    seen = Seen(progress, [days.note, stories.note])
    logs = [Arriving(each, shop.skew) for each in _by_partition(arrivals)]
    with folder.filled(), _rare_collections():
        predictions = Predictions(
            folder.part(PREDICTIONS), models, scoreboard, shop, vectors=vectors
        )
        decisions = Decisions(folder.part(DECISIONS), shop)
        if landmarks is None:
            live = LivePass(shop, race, predictions, decisions, scoreboard)
            states = live.run(logs, seen)
            counts = live.counts
        else:
            looks = LandmarkPass(shop, landmarks, race, predictions, scoreboard)
            for arrival in in_time_order(logs, shop.lateness, shop.skew):
                looks.take(arrival)
                seen.note([arrival])
            states = looks.finish()
            counts = looks.counts
        predictions.close()
        decisions.close()
        write_customers(folder.part(CUSTOMERS), states, days)
        stories.write(folder.part(STORIES))
        report = {
            "format": FORMAT,
            "mode": "events" if landmarks is None else "landmarks",
            "configuration": configuration(shop, task, models, warmup, seed, landmarks, source),
            "data": seen.summary(counts),
            "decisions": decisions_of(counts),
            "models": [
                found | {"importance": runner.importance()}
                for found, runner in zip(scoreboard.summary(), race.runners, strict=True)
            ],
            "offer": offer_of(offer),
        }
        folder.write_report(report)
    return BacktestResult(output, report, seen.events, time.perf_counter() - started)


def _by_partition(
    arrivals: Mapping[int, Iterable[Arrival]] | Sequence[Iterable[Arrival]],
) -> list[Iterable[Arrival]]:
    if isinstance(arrivals, Mapping):
        return [arrivals[partition] for partition in sorted(arrivals)]
    return list(arrivals)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cycles less often: a sixth of the time would go into finding that there are none."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
