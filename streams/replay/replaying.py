"""What the live pipeline would have known, said and decided: recorded events, in their own time.

The events go through `streams.pipeline.handle`, the same code that the workers run. One pass
races several models: when customers are looked at does not depend on who judges. It does depend
on the horizon; so backtests of several horizons each have a pass of their own, and all passes
share one reading of the events: whoever is furthest behind goes on.
"""

from __future__ import annotations

import gc
import heapq
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import Any

from features import CustomerState, Millis
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
from streams.replay.result import BacktestResult
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

#: The events of each partition, by its number or in the order of the numbers.
Partitions = Mapping[int, Iterable[Arrival]] | Sequence[Iterable[Arrival]]


@dataclass(frozen=True)
class Rules:
    """By which rules a backtest goes, and where its files are put.

    Parameters
    ----------
    shop
        The rules of the shop.
    task
        What the models predict, and how much each example counts.
    output
        A new folder, an empty one, or that of an earlier backtest.
    warmup
        Examples that a model must have learnt before it takes over from the prior.
    """

    shop: Shop
    task: Task
    output: Path
    warmup: int


def replay(
    arrivals: Partitions,
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
    shop, task, output, warmup
        As of `Rules`.
    models, seed, landmarks, vectors, offer, source, progress
        As of `replay_all`, which tells the errors, too.
    """
    (result,) = replay_all(
        arrivals,
        [Rules(shop, task, output, warmup)],
        models,
        seed=seed,
        landmarks=landmarks,
        vectors=vectors,
        offer=offer,
        source=source,
        progress=progress,
    )
    return result


def replay_all(
    arrivals: Partitions,
    rules: Sequence[Rules],
    models: Sequence[str],
    *,
    seed: int = 0,
    landmarks: Landmarks | None = None,
    vectors: bool = False,
    offer: Offer | None = None,
    source: str = "",
    progress: Progress | None = None,
) -> list[BacktestResult]:
    """Take recorded events through the pipeline by several rules, reading them once.

    Each set of rules gives what it gives alone, to the byte. All of them are in memory together;
    of the events, only those of about a tick are.

    Parameters
    ----------
    arrivals
        The events of each partition, in the order in which they arrived.
    rules
        They may differ in all but ``lateness`` and ``skew``; each has a folder of its own.
    models
        Names in the registry; the first one decides, the others look on.
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
        If a folder holds something else, cannot be written to, or pyarrow is missing.
    UnknownModel
        If a model is not in the registry, or is named twice.
    MissingLibrary
        If a model's library is not installed.
    """
    started = time.perf_counter()
    races = [Race(models, each.task, each.warmup, seed, each.shop.explainer) for each in rules]
    arrow()
    with ExitStack() as stack:
        stack.enter_context(_rare_collections())
        runs: list[_Run] = []
        for each, race in zip(rules, races, strict=True):
            folder = Folder(each.output)
            stack.enter_context(folder.filled())
            seen = Seen(None if runs else progress)
            runs.append(_Run(each, race, folder, seen, seed, landmarks, vectors=vectors))
        partitions = _by_partition(arrivals)
        if landmarks is None:
            copies = _copies(partitions, len(runs))
            take_turns([run.ticks(logs) for run, logs in zip(runs, copies, strict=True)])
        else:
            shop = rules[0].shop
            logs = [Arriving(each, shop.skew) for each in partitions]
            for arrival in in_time_order(logs, shop.lateness, shop.skew):
                for run in runs:
                    run.take(arrival)
        reports = [run.finish(source, offer) for run in runs]
    seconds = time.perf_counter() - started
    return [
        BacktestResult(each.output, report, run.seen.events, seconds)
        for each, run, report in zip(rules, runs, reports, strict=True)
    ]


class _Run:
    """One backtest: its pass over the events, and what is written down of it."""

    def __init__(
        self,
        rules: Rules,
        race: Race,
        folder: Folder,
        seen: Seen,
        seed: int,
        landmarks: Landmarks | None,
        *,
        vectors: bool,
    ) -> None:
        shop = rules.shop
        models = [runner.name for runner in race.runners]
        self._rules, self._race, self._folder = rules, race, folder
        self._seed, self._landmarks = seed, landmarks
        self._scoreboard = Scoreboard(models, landmarks=landmarks is not None)
        self._days = Days(shop.definition, shop.skew)
        self._stories = Stories(seed, shop.skew)
        self.seen = seen
        seen.witnesses += (self._days.note, self._stories.note)
        self._predictions = Predictions(
            folder.part(PREDICTIONS), models, self._scoreboard, shop, vectors=vectors
        )
        self._decisions = Decisions(folder.part(DECISIONS), shop)
        self._live = LivePass(shop, race, self._predictions, self._decisions, self._scoreboard)
        self._looks: LandmarkPass | None = None
        if landmarks is not None:
            self._looks = LandmarkPass(shop, landmarks, race, self._predictions, self._scoreboard)

    def ticks(self, logs: Iterable[Iterable[Arrival]]) -> Iterator[Millis]:
        """Take the events of all partitions, tick by tick."""
        arriving = [Arriving(each, self._rules.shop.skew) for each in logs]
        return self._live.ticks(arriving, self.seen)

    def take(self, arrival: Arrival) -> None:
        """Take the next event, where customers are looked at by landmarks."""
        assert self._looks is not None
        self._looks.take(arrival)
        self.seen.note([arrival])

    def finish(self, source: str, offer: Offer | None) -> dict[str, Any]:
        """Write down what is left, and the report; return it."""
        states: dict[str, CustomerState]
        counts: Counter[str]
        if self._looks is not None:
            states, counts = self._looks.finish(), self._looks.counts
        else:
            states, counts = self._live.states(), self._live.counts
        self._predictions.close()
        self._decisions.close()
        write_customers(self._folder.part(CUSTOMERS), states, self._days)
        self._stories.write(self._folder.part(STORIES))
        rules, runners = self._rules, self._race.runners
        report = {
            "format": FORMAT,
            "mode": "events" if self._looks is None else "landmarks",
            "configuration": configuration(
                rules.shop,
                rules.task,
                [runner.name for runner in runners],
                rules.warmup,
                self._seed,
                self._landmarks,
                source,
            ),
            "data": self.seen.summary(counts),
            "decisions": decisions_of(counts),
            "models": [
                found | {"importance": runner.importance()}
                for found, runner in zip(self._scoreboard.summary(), runners, strict=True)
            ],
            "offer": offer_of(offer),
        }
        self._folder.write_report(report)
        return report


def take_turns(passes: Iterable[Iterator[Millis]]) -> None:
    """Let each pass go on to the end of its tick, always the one that is furthest behind.

    Parameters
    ----------
    passes
        Each yields the end of every tick that it has done.

    Examples
    --------
    >>> def going(tick):
    ...     for end in range(tick, 7, tick):
    ...         done.append((tick, end))
    ...         yield end
    >>> done = []
    >>> take_turns([going(3), going(2)])
    >>> done
    [(3, 3), (2, 2), (2, 4), (3, 6), (2, 6)]
    """
    turns = [(-1, place, each) for place, each in enumerate(passes)]
    while turns:
        _, place, furthest_behind = turns[0]
        end = next(furthest_behind, None)
        if end is None:
            heapq.heappop(turns)
        else:
            heapq.heapreplace(turns, (end, place, furthest_behind))


def _copies(partitions: list[Iterable[Arrival]], count: int) -> list[list[Iterable[Arrival]]]:
    """Return the partitions so often; what one has read and another has not is kept meanwhile."""
    if count == 1:
        return [partitions]
    several = [tee(each, count) for each in partitions]
    return [[copies[place] for copies in several] for place in range(count)]


def _by_partition(arrivals: Partitions) -> list[Iterable[Arrival]]:
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
