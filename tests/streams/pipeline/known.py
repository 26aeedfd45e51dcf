"""What the log had told by each moment, worked out the slow way."""

from __future__ import annotations

from collections.abc import Sequence

from features import Event, Millis
from streams.pipeline import NO_WATERMARK, Arrival, Shop
from tests import oracle
from tests.streams.pipeline.logs import NAMES


class Known(dict[str, list[tuple[Millis, Event]]]):
    """Of each customer the events that count, each with the watermark after it had arrived."""

    def __init__(self, shop: Shop, log: Sequence[Arrival]) -> None:
        super().__init__({name: [] for name in NAMES})
        self.final = NO_WATERMARK
        self.late = self.repeated = self.future = 0
        for arrival in log:
            event = arrival.event
            if event.at > arrival.timestamp + shop.skew:
                self.future += 1
                continue
            self.late += event.at <= self.final
            self.final = max(self.final, event.at - shop.lateness)
            known = self[event.user_id]
            before = [each for _, each in known]
            if len(oracle.counted([*before, event])) > len(before):
                known.append((self.final, event))
            else:
                self.repeated += 1

    def returned_in(self, shop: Shop, user: str, at: Millis) -> int:
        """Return the stage of the first activity in (t, t + H], or 3 for none.

        What arrives when the watermark has passed a stage cannot be of it any more.
        """
        ends = stage_ends(shop, at)
        found = 3
        for watermark, event in self[user]:
            if oracle.is_activity(event, shop.definition) and event.at > at:
                open_stages = (n for n in range(3) if event.at <= ends[n] and watermark <= ends[n])
                found = min(found, next(open_stages, 3))
        return found

    def label(self, shop: Shop, user: str, at: Millis) -> int:
        """Return 1 unless an activity in (t, t + H] arrived before the watermark had passed."""
        return int(self.returned_in(shop, user, at) == 3)


def stage_ends(shop: Shop, at: Millis) -> list[Millis]:
    """Return the last moments of the three stages of a horizon."""
    horizon = shop.definition.horizon
    return [at + round(horizon / 4), at + round(horizon / 2), at + horizon]
