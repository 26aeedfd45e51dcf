"""The clock that moves time where no event does: of two witnesses, the one that says less.

An idle partition's watermark follows the clock, and a watermark never goes back: a clock that
jumps a year ahead would declare every customer gone. So the machine's clock is believed only as
far as Redis's clock has come, and a jump of either (against a clock that only ever ticks) not
before it has lasted. Time that stands still for a while does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from features import MINUTE, SECOND, Millis

logger = logging.getLogger(__name__)

#: A step of the clock by more than this is a jump.
JUMP: Final[Millis] = 30 * SECOND
#: A jump is believed when it has lasted that long.
PATIENCE: Final[Millis] = 10 * MINUTE


class Clock:
    """Says how late it is, in event time.

    Parameters
    ----------
    wall
        The machine's clock, in milliseconds.
    ticks
        Milliseconds since whenever; never jumps.
    """

    def __init__(self, wall: Callable[[], Millis], ticks: Callable[[], Millis]) -> None:
        self._wall = wall
        self._ticks = ticks
        self._offset = wall() - ticks()
        self._witness: Millis | None = None
        #: Since when the machine's clock says something else, in ticks.
        self._doubted: Millis | None = None

    def hear(self, time: Millis | None) -> None:
        """Take note of what the other clock says just now."""
        if time is not None:
            self._witness = time - self._ticks()

    @property
    def trouble(self) -> str:
        """What is wrong with the clock, in words; empty when nothing is."""
        if self._doubted is None:
            return ""
        jump = (self._wall() - self._ticks() - self._offset) / SECOND
        return f"the clock jumped by {jump:+,.0f} s; not believed yet"

    def __call__(self) -> Millis:
        """Return the time of now, as far as it is believed."""
        ticks = self._ticks()
        self._settle(ticks)
        offset = self._offset if self._witness is None else min(self._offset, self._witness)
        return ticks + offset

    def _settle(self, ticks: Millis) -> None:
        offset = self._wall() - ticks
        if abs(offset - self._offset) <= JUMP:
            # Clocks drift, and are corrected in small steps.
            self._offset = offset
            self._doubted = None
        elif self._doubted is None:
            self._doubted = ticks
            logger.warning("%s", self.trouble)
        elif ticks - self._doubted >= PATIENCE:
            logger.warning("the clock's jump has lasted: believed from now on")
            self._offset = offset
            self._doubted = None
