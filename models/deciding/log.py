"""The last decisions on a customer, as they are kept; few of them are ever read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from features import Damaged, Millis, brief, full
from models.deciding.decision import Decision, Kept, Said, Shared, keep, recall, said_of

#: Decisions kept for one customer; older ones are dropped.
DECISIONS_KEPT: Final = 8


class DecisionLog:
    """Decisions in the order in which they were taken, with what several share told once.

    Parameters
    ----------
    at
        When each was taken.
    shared, which
        What several share, in the order in which it came up, and which of it each has.
    rests
        All else of each.
    times
        What is stored of ``at``: the steps from each to the next, as `features.brief` has them.

    Examples
    --------
    >>> from models.deciding.policy import Because
    >>> log = DecisionLog.of([])
    >>> for at in range(10):
    ...     why = Because("below", (0.1, 0.6))
    ...     log.add(Decision(at, "silence", 0.1, "low", "treated", "prior", False, why, []))
    >>> log.at, log.shared, [each.at for each in log.read()]
    ([2, 3, 4, 5, 6, 7, 8, 9], [('prior', 0, 60)], [2, 3, 4, 5, 6, 7, 8, 9])
    """

    __slots__ = ("_said", "at", "rests", "shared", "times", "which")

    def __init__(
        self,
        at: list[Millis],
        shared: list[Shared],
        which: list[int],
        rests: list[bytes],
        times: list[int],
    ) -> None:
        self.at = at
        self.shared = shared
        self.which = which
        self.rests = rests
        self.times = times
        self._said: list[Said | None] = [None] * len(at)

    @classmethod
    def of(cls, decisions: Sequence[Decision]) -> DecisionLog:
        """Return a log of decisions."""
        log = cls([], [], [], [], [])
        for decision in decisions:
            log.add(decision)
        return log

    @classmethod
    def restored(
        cls,
        last: Millis,
        shared: list[Shared],
        which: list[int],
        rests: list[bytes],
        times: list[int],
    ) -> DecisionLog:
        """Return the log of which the last decision was then, and the rest as it was stored.

        Raises
        ------
        Damaged
            If of some decision something is missing.
        """
        steps = list(map(full, times))
        at = list(accumulate(steps, initial=last - sum(steps))) if rests else []
        # There is a step less than there are moments.
        if not len(at) == len(which) == len(rests) or len(steps) > len(at):
            raise Damaged("they are no ledger: of some decision something is missing")
        return cls(at, shared, which, rests, times)

    def add(self, decision: Decision) -> None:
        """Note a decision; the oldest beyond the bound is dropped."""
        at, shared, rest, said = keep(decision)
        if shared not in self.shared:
            self.shared.append(shared)
        if self.at:
            self.times.append(brief(at - self.at[-1]))
        self.at.append(at)
        self.which.append(self.shared.index(shared))
        self.rests.append(rest)
        self._said.append(said)
        if len(self.at) > DECISIONS_KEPT:
            self._drop()

    def _drop(self) -> None:
        for column in (self.at, self.rests, self.times, self._said):
            del column[0]
        gone = self.which.pop(0)
        if gone not in self.which or self.which[0] != gone:
            # In the order in which they come up now: the same decisions are kept alike.
            order = list(dict.fromkeys(self.which))
            self.shared = [self.shared[place] for place in order]
            self.which = [order.index(place) for place in self.which]

    def said(self, place: int) -> Said:
        """Return cause, risk and version of a decision."""
        found = self._said[place]
        if found is None:
            shared = self.shared[self.which[place]]
            found = self._said[place] = said_of(self.rests[place], shared)
        return found

    def read(self) -> list[Decision]:
        """Return the decisions, oldest first."""
        return [self._recall(place) for place in range(len(self.at))]

    def _recall(self, place: int) -> Decision:
        shared = self.shared[self.which[place]]
        return recall(Kept(self.at[place], shared, self.rests[place], None))
