"""Recorded events taken through the live pipeline, tick by tick of their own time.

Within a tick the models stay as they are; at its end they learn what has matured, and judge by it
from then on. The first model decides; the others see the same vectors and learn the same labels.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import nan
from typing import Final

from features import DAY, NEVER, CustomerState, Millis, to_datetime
from models.deciding import Promised
from models.learning import LAST, Judgement, TrainingExample
from models.limits import MemoryLimits
from streams.pipeline import Effects, Shop
from streams.replay.arriving import Arriving
from streams.replay.book import Book
from streams.replay.racing import Race
from streams.replay.recording import Decisions, Predictions
from streams.replay.reporting import Seen
from streams.replay.scoreboard import Scoreboard

#: A tick is a day, or so much of a short horizon.
_TICK: Final = 1 / 32
#: Parts of a tick, where what one partition spends is missing in the others.
_STEPS: Final = 24
#: Arrivals that go through `handle` together.
BATCH: Final = 5_000


class LivePass:
    """The workers and the learner of the live system, in step."""

    def __init__(
        self,
        shop: Shop,
        race: Race,
        predictions: Predictions,
        decisions: Decisions,
        scoreboard: Scoreboard,
    ) -> None:
        self._shop = shop
        self._race = race
        self._predictions = predictions
        self._decisions = decisions
        self._scoreboard = scoreboard
        self.counts: Counter[str] = Counter()
        #: What the models said of predictions whose label is not known yet.
        self._said: dict[tuple[str, Millis, str], tuple[array[float], Sequence[str]]] = {}
        self._month = ""
        self._books: list[Book] = []

    def ticks(self, logs: Sequence[Arriving], seen: Seen) -> Iterator[Millis]:
        """Take everything, tick by tick, and yield the end of each when it is done."""
        shop, race = self._shop, self._race
        tick = max(min(DAY, round(shop.definition.horizon * _TICK)), 1)
        limits = MemoryLimits()
        promised: dict[str, Promised | None] = {}
        # Nothing is stored: what vectors are made of would take memory for nothing.
        shop = replace(shop, stores=False)
        books = self._books = [Book(shop, limits, promised) for _ in logs]
        # Partitions that draw on the same pots go on side by side, as they do in the workers: or
        # the first would have spent the day's budget before the second begins the day.
        steps = _STEPS if shop.plan is not None and shop.plan.limited else 1
        # From the first event on, so that another calendar does not cut the ticks otherwise.
        start = end = min((log.next_at for log in logs), default=NEVER)
        while (happens := self._next(logs, books)) < NEVER:
            # Nothing happens in the ticks between.
            end = max(end, start + (happens - start) // tick * tick) + tick
            self._note_month(end - 1)
            for step in range(1, steps + 1):
                self._step(logs, books, end - tick + tick * step // steps, seen)
            race.tick(end)
            yield end
        if self._month:
            self._scoreboard.note(self._month, race.runners)
        self._finish(books)

    def _step(
        self, logs: Sequence[Arriving], books: Sequence[Book], end: Millis, seen: Seen
    ) -> None:
        """Take every partition up to a time."""
        first = self._race.first
        for log, book in zip(logs, books, strict=True):
            while arrivals := log.until(end - 1, BATCH):
                for effects in book.take(first, arrivals):
                    self._take(effects)
                seen.note(arrivals)
            # Only events move time. This one has moved it on, where another is to come.
            more = log.next_at < NEVER
            reached = end - 1 - self._shop.lateness if more else book.watermark
            for effects in book.pass_until(first, reached):
                self._take(effects)

    def states(self) -> dict[str, CustomerState]:
        """Return what is known of each customer by now."""
        return {
            name: customer.state
            for book in self._books
            for name, customer in book.customers.items()
        }

    def _next(self, logs: Sequence[Arriving], books: Sequence[Book]) -> Millis:
        """Return when something happens next; `NEVER` when there are no more events."""
        return min(
            (
                min(log.next_at, max(book.next_due(), 0) + self._shop.lateness)
                for log, book in zip(logs, books, strict=True)
                if log.next_at < NEVER
            ),
            default=NEVER,
        )

    def _note_month(self, now: Millis) -> None:
        month = to_datetime(now).strftime("%Y-%m")
        if month != self._month:
            if self._month:
                self._scoreboard.note(self._month, self._race.runners)
            self._month = month

    def _take(self, effects: Effects) -> None:
        """Write down what a batch brought about, and let the labels wait for the tick."""
        self.counts.update(effects.counts)
        if effects.decided:
            assert effects.judgement is not None and effects.vectors is not None
            vectors = effects.vectors
            runners = self._race.runners
            others = [runner.judge.judge(vectors) for runner in runners[1:]]
            judgements = (effects.judgement, *others)
            rows = [each.row for each in effects.decided]
            for runner, judgement in zip(runners, judgements, strict=True):
                runner.note(judgement, rows)
            columns = [_numbers(each) for each in judgements]
            versions = tuple(each.version for each in judgements)
            for user_id, decision, row, kept, _ in effects.decided:
                self._decisions.add(user_id, decision, vectors[row])
                numbers = array("d")
                for column in columns:
                    numbers.extend(column[row])
                at, cause = decision.at, decision.cause
                if kept:
                    self._said[user_id, at, cause] = numbers, versions
                else:
                    self._predictions.add(user_id, at, cause, numbers, versions, vectors[row])
        for example in effects.examples:
            if example.stage == LAST:
                self._resolve(example)
        self._race.await_tick(effects.examples)

    def _resolve(self, example: TrainingExample) -> None:
        numbers, versions = self._said.pop((example.user_id, example.at, example.cause))
        self._predictions.add(
            example.user_id,
            example.at,
            example.cause,
            numbers,
            versions,
            example.vector,
            example.label,
            example.matured_at,
        )

    def _finish(self, books: Sequence[Book]) -> None:
        """Write down what is not known yet, and never will be."""
        said = self._said
        for book in books:
            for name, customer in book.customers.items():
                for each in customer.ledger.pending:
                    numbers, versions = said.pop((name, each.at, each.cause))
                    vector = array("f", each.vector)
                    self._predictions.add(name, each.at, each.cause, numbers, versions, vector)


def _numbers(judgement: Judgement) -> list[list[float]]:
    """Return risk and stages of every row."""
    risks = judgement.told()
    if judgement.stages is None:
        return [[risk, nan, nan, nan] for risk in risks]
    stages = judgement.stages.tolist()
    return [[risk, *stage] for risk, stage in zip(risks, stages, strict=True)]
