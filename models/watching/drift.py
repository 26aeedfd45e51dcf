"""Whether the shop is still the one that was learnt: losses that rise, features that change.

Two detectors watch the loss of the predictions that were acted upon, as their labels come:
Page-Hinkley for slow rises, ADWIN for sudden ones. The population stability index compares what
customers look like with what they looked like. All state is plain numbers, so that a restart goes
on exactly; each starts anew after an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

import msgspec

from features import Millis
from models.learning import TrainingExample, Weighing
from models.watching.challenge import MOST, loss
from models.watching.stability import Stability

#: Share of the horizon in which a detector raises one alarm at most.
QUIET: Final = 1 / 4
#: Losses after which a detector begins to judge.
_LEAST: Final = 500


class PageHinkley(msgspec.Struct, kw_only=True):
    """Raises an alarm when values have lain above their mean for long.

    The values less their mean and a tolerance are summed; the alarm is when the sum has risen far
    above its lowest point (Page 1954). In units of the values' standard deviation, so that it
    means the same in every shop.

    Examples
    --------
    >>> detector = PageHinkley()
    >>> quiet = [detector.update(value % 2) for value in range(2_000)]
    >>> loud = [detector.update(value % 2 + 1) for value in range(2_000)]
    >>> any(quiet), any(loud)
    (False, True)
    """

    #: Deviations above the mean that are tolerated, and their sum that is not.
    TOLERANCE = 0.1
    THRESHOLD = 150.0

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    sum: float = 0.0
    lowest: float = 0.0

    def update(self, value: float) -> bool:
        """Take a value; return whether they have risen."""
        self.count += 1
        before = self.mean
        self.mean += (value - before) / self.count
        self.squares += (value - before) * (value - self.mean)
        deviation = sqrt(self.squares / self.count)
        if deviation > 0:
            self.sum += (value - self.mean) / deviation - self.TOLERANCE
            self.lowest = min(self.lowest, self.sum)
        return self.count >= _LEAST and self.height > self.THRESHOLD

    @property
    def height(self) -> float:
        """How far the sum is above its lowest point."""
        return self.sum - self.lowest


class Adwin(msgspec.Struct, kw_only=True):
    """A window of values that is cut where its older part differs from the newer.

    Adaptive windowing (Bifet and Gavalda 2007), as River has it, with a state that can be stored:
    the window lies in buckets of 1, 2, 4, ... values, a few of each size.

    Parameters
    ----------
    delta
        Chance of a false cut at one look, were values independent. Labels of one customer hang
        together, hence so little.

    Examples
    --------
    >>> window = Adwin()
    >>> cuts = [window.update(value / 10_000 > 0.5) for value in range(10_000)]
    >>> 5_000 < cuts.index(True) < 5_500, window.width < 5_100
    (True, True)
    """

    #: Values between looks, buckets of one size, least values on both sides.
    CLOCK = 32
    BUCKETS = 5
    LEAST_SIDE = 5

    delta: float = 1e-9
    width: int = 0
    total: float = 0.0
    #: Sum of squared deviations from the mean.
    squares: float = 0.0
    ticks: int = 0
    #: Buckets of 1, 2, 4, ... values, the oldest of a size first: sum and squared deviations.
    rows: list[list[tuple[float, float]]] = msgspec.field(default_factory=list)
    #: Means before and after the last cut.
    older: float = 0.0
    newer: float = 0.0

    def update(self, value: float) -> bool:
        """Take a value from 0 to 1; return whether the window was cut because values rose."""
        self.ticks += 1
        if self.width:
            self.squares += (value - self.total / self.width) ** 2 * self.width / (self.width + 1)
        self.width += 1
        self.total += value
        self._insert(value)
        if self.ticks % self.CLOCK or self.width < _LEAST:
            return False
        rose = False
        while self._cut():
            rose |= self.newer > self.older
        return rose

    def _insert(self, value: float) -> None:
        carried, size = (float(value), 0.0), 1
        for row in self.rows:
            row.append(carried)
            if len(row) <= self.BUCKETS:
                return
            (one, one_squares), (two, two_squares) = row[0], row[1]
            del row[:2]
            apart = (one - two) ** 2 / (2 * size)
            carried, size = (one + two, one_squares + two_squares + apart), 2 * size
        self.rows.append([carried])

    def _cut(self) -> bool:
        """Drop the oldest bucket if the window does not belong together; say whether."""
        spread = 2 / self.width * self.squares * log(2 * log(self.width) / self.delta)
        reach = 2 / 3 * log(2 * log(self.width) / self.delta)
        older, older_sum = 0, 0.0
        for power in range(len(self.rows) - 1, -1, -1):
            for total, _ in self.rows[power]:
                older += 2**power
                older_sum += total
                newer = self.width - older
                if newer < self.LEAST_SIDE:
                    return False
                if older < self.LEAST_SIDE:
                    continue
                before, after = older_sum / older, (self.total - older_sum) / newer
                few = 1 / (older - self.LEAST_SIDE + 1) + 1 / (newer - self.LEAST_SIDE + 1)
                if abs(before - after) > sqrt(spread * few) + reach * few:
                    self.older, self.newer = before, after
                    self._drop()
                    return True
        return False

    def _drop(self) -> None:
        power = len(self.rows) - 1
        total, squares = self.rows[power].pop(0)
        size = 2**power
        while self.rows and not self.rows[-1]:
            self.rows.pop()
        rest = self.width - size
        self.total -= total
        apart = (total / size - self.total / rest) ** 2 * size * rest / self.width
        self.squares = max(self.squares - squares - apart, 0.0)
        self.width = rest


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something is not as it was.

    Parameters
    ----------
    detector
        ``page-hinkley``, ``adwin`` or ``stability``.
    at
        Event time, in milliseconds.
    feature
        Which feature changed most; of the other detectors ``loss``.
    numbers
        What was found.
    """

    detector: str
    at: Millis
    feature: str
    numbers: dict[str, float]


class Watch(msgspec.Struct, kw_only=True):
    """The detectors, and what they have said.

    Parameters
    ----------
    page_hinkley, adwin
        Those that watch the loss.
    quiet
        Until when each one says nothing more.
    alarms
        How many were raised.
    """

    page_hinkley: PageHinkley = msgspec.field(default_factory=PageHinkley)
    adwin: Adwin = msgspec.field(default_factory=Adwin)
    quiet: dict[str, Millis] = {}
    alarms: int = 0

    def look(
        self,
        examples: Sequence[TrainingExample],
        stability: Stability,
        names: Sequence[str],
        weighing: Weighing,
        horizon: Millis,
        active: Millis,
        threshold: float,
    ) -> list[Alarm]:
        """Return the alarms that some examples raise, in the order in which they were learnt.

        Parameters
        ----------
        examples
            New ones: of the whole horizon for the loss, of the first stage for the features.
        stability
            Watches the features; larger than the rest, and stored apart from it.
        names
            The features' names.
        weighing
            Whose labels say nothing of the model: those of weight 0, as who was sent an offer.
        horizon, active
            H and A, in milliseconds.
        threshold
            Stability index from which a feature has changed.
        """
        found = []
        for example in examples:
            if example.whole and weighing.of(example) > 0:
                found += self._look_at_loss(example)
        for change in stability.look(examples, names, horizon, active, threshold):
            found.append(
                Alarm(
                    detector="stability",
                    at=change.at,
                    feature=change.feature,
                    numbers=change.numbers,
                )
            )
        told = []
        for alarm in sorted(found, key=lambda each: each.at):
            if alarm.at >= self.quiet.get(alarm.detector, alarm.at):
                self.quiet[alarm.detector] = alarm.at + round(QUIET * horizon)
                told.append(alarm)
        self.alarms += len(told)
        return told

    def _look_at_loss(self, example: TrainingExample) -> list[Alarm]:
        found = []
        value, at = loss(example.risk, example.label), example.matured_at
        if self.page_hinkley.update(value):
            numbers = {"mean": self.page_hinkley.mean, "height": self.page_hinkley.height}
            found.append(("page-hinkley", numbers))
            self.page_hinkley = PageHinkley()
        if self.adwin.update(value / MOST):
            numbers = {"before": self.adwin.older * MOST, "after": self.adwin.newer * MOST}
            found.append(("adwin", numbers))
            self.adwin = Adwin()
        return [
            Alarm(detector=name, at=at, feature="loss", numbers=numbers) for name, numbers in found
        ]
