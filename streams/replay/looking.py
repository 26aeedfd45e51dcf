"""Everybody judged at landmarks: the benchmark of the churn literature, in one pass.

What has matured by a landmark, and nothing else, is learnt before it is judged. Memory holds the
customers, and those of the landmarks whose horizon has not passed.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from features import (
    DAY,
    NEVER,
    Applied,
    CustomerState,
    Event,
    Kind,
    Millis,
    is_visitor,
    linked_customer,
)
from models.learning import CUTS, LAST, NOT_YET, TrainingExample
from streams.pipeline import Arrival, Shop
from streams.replay.landmarks import Landmarks
from streams.replay.racing import Race
from streams.replay.recording import UNKNOWN, WIDTH, Predictions
from streams.replay.scoreboard import Scoreboard, standing_of

#: Why a customer is looked at.
CAUSE: Final = "landmark"
_COUNTED: Final = {
    Applied.NEW: "applied",
    Applied.LATE: "applied",
    Applied.DUPLICATE: "duplicate",
    Applied.TOO_LATE: "too_late",
}


class _Look:
    """Everybody who was eligible at a landmark."""

    def __init__(self, at: Millis, users: list[str], vectors: npt.NDArray[np.float32]) -> None:
        self.at = at
        self.users = users
        self.vectors = vectors
        #: Milliseconds until the next activity that counts; `NEVER` while none is known.
        self.away = np.full(len(users), NEVER, dtype=np.int64)
        #: What each model said, as `Predictions` has it; None where it was not asked.
        self.numbers: npt.NDArray[np.float64] | None = None
        self.versions: tuple[str, ...] = ()
        self.standings: list[dict[str, Any]] = []
        #: The stage that ends next.
        self.stage = 0


class _Known:
    """A customer, and where an answer is awaited: at which landmarks, and in which row."""

    __slots__ = ("awaited", "state")

    def __init__(self, state: CustomerState) -> None:
        self.state = state
        self.awaited: list[tuple[_Look, int]] = []


class LandmarkPass:
    """One pass over the events, in the order of their time.

    Parameters
    ----------
    shop
        What counts, H and A.
    landmarks
        When to look.
    race
        Who judges.
    predictions, scoreboard
        Told of what was predicted, and what became of it.
    """

    def __init__(
        self,
        shop: Shop,
        landmarks: Landmarks,
        race: Race,
        predictions: Predictions,
        scoreboard: Scoreboard,
    ) -> None:
        self._shop = shop
        self._landmarks = landmarks
        self._race = race
        self._predictions = predictions
        self._scoreboard = scoreboard
        self._ends = [round(cut * shop.definition.horizon) for cut in CUTS]
        self._customers: dict[str, _Known] = {}
        #: Visitors who have become customers.
        self._become: set[str] = set()
        self._next = landmarks.start
        self._open: list[_Look] = []
        self._last: Millis = 0
        self.counts: Counter[str] = Counter()

    def take(self, arrival: Arrival) -> None:
        """Take the next event."""
        shop, counts = self._shop, self.counts
        event = arrival.event
        at = event.at
        if at > arrival.timestamp + shop.skew:
            counts["invalid"] += 1
            return
        while self._next <= at:
            self._look()
        if is_visitor(event.user_id) and self._has_become(event):
            return
        known = self._customers.get(event.user_id)
        if known is None:
            known = self._customers[event.user_id] = _Known(CustomerState(shop.definition))
            counts["customers"] += 1
        state = known.state
        _fire(state, at)
        history = arrival.history
        applied = state.apply(event, at) if history is None else state.recall(event, at, history)
        counts[_COUNTED[applied]] += 1
        counts["late"] += at < self._last and history is None
        self._last = max(self._last, at)
        if applied in (Applied.DUPLICATE, Applied.TOO_LATE):
            return
        counts["unknown_type"] += event.kind is Kind.OTHER
        if known.awaited and shop.definition.counts_as_activity(event.type):
            known.awaited = [
                (look, row) for look, row in known.awaited if not _answers(at, look, row)
            ]

    def _has_become(self, event: Event) -> bool:
        """Whether a visitor is a customer by now, who did what the visitor did."""
        if linked_customer(event) is not None:
            self._become.add(event.user_id)
            if self._customers.pop(event.user_id, None) is not None:
                self.counts["customers"] -= 1
        return event.user_id in self._become

    def finish(self) -> dict[str, CustomerState]:
        """Bring the pass to the end of the last event's day; what is not known then never is.

        Returns
        -------
        dict
            What is known of each customer in the end.
        """
        end = (self._last // DAY + 1) * DAY
        while self._next <= end:
            self._look()
        self._learn(end)
        for look in self._open:
            self._write(look, mature=False)
        self._open = []
        return {name: known.state for name, known in self._customers.items()}

    def _look(self) -> None:
        """Judge everybody at the next landmark."""
        at = self._next
        self._next += self._landmarks.step
        self._learn(at)
        definition, vector = self._shop.definition, self._shop.catalogue.vector
        users: list[str] = []
        found = array("f")
        eligible: list[_Known] = []
        for name, known in self._customers.items():
            if not self._shop.judges(name):
                continue
            state = known.state
            # [t - A, t): the first moment counts, which `is_active` leaves out.
            if state.last_activity < 0 or at - state.last_activity > definition.active:
                continue
            _fire(state, at)
            users.append(name)
            eligible.append(known)
            found.extend(vector(state, at))
        if not users:
            return
        vectors = np.frombuffer(found, dtype=np.float32).reshape(len(users), -1)
        look = _Look(at, users, vectors)
        for row, known in enumerate(eligible):
            known.awaited.append((look, row))
        if at >= self._landmarks.score_from:
            self._judge(look)
        self._open.append(look)

    def _judge(self, look: _Look) -> None:
        self._race.refresh()
        runners = self._race.runners
        look.numbers = np.full((len(look.users), len(runners), WIDTH), np.nan)
        for place, runner in enumerate(runners):
            said = runner.judge.judge(look.vectors)
            runner.note(said)
            look.numbers[:, place, 0] = said.risks
            if said.stages is not None:
                look.numbers[:, place, 1:] = said.stages
        look.versions = tuple(runner.judge.version for runner in runners)
        look.standings = [standing_of(runner) for runner in runners]

    # -- labels -------------------------------------------------------------------------------

    def _learn(self, now: Millis) -> None:
        """Learn every stage of every landmark that has passed by now, in the order of time."""
        passed = [
            (look.at + end, stage, look)
            for look in self._open
            for stage, end in enumerate(self._ends)
            if stage >= look.stage and look.at + end <= now
        ]
        for _, stage, look in sorted(passed, key=lambda each: each[:2]):
            look.stage = stage + 1
            self._race.learn(self._examples(look, stage))
            if stage == LAST:
                self._write(look, mature=True)
                self._await_no_more(look)
        self._open = [look for look in self._open if look.stage <= LAST]

    def _await_no_more(self, look: _Look) -> None:
        for row in np.flatnonzero(look.away == NEVER):
            known = self._customers[look.users[row]]
            known.awaited = [each for each in known.awaited if each[0] is not look]

    def _examples(self, look: _Look, stage: int) -> list[TrainingExample]:
        returned_in = np.searchsorted(self._ends, look.away, side="right")
        # Who came back in an earlier stage has an example at the last one only.
        rows = range(len(look.users)) if stage == LAST else np.flatnonzero(returned_in >= stage)
        fingerprint = self._shop.catalogue.fingerprint
        matured_at = look.at + self._ends[stage]
        version = look.versions[0] if look.versions else "none"
        risks = None if look.numbers is None else look.numbers[:, 0, 0]
        examples = []
        for row in rows:
            came = int(returned_in[row])
            vector: Any = look.vectors[row]
            examples.append(
                TrainingExample(
                    example_id=f"{look.users[row]}@{look.at}.{stage}",
                    user_id=look.users[row],
                    at=look.at,
                    matured_at=matured_at,
                    cause=CAUSE,
                    label=int(came > stage),
                    stage=stage,
                    returned_in=came if came <= stage else NOT_YET,
                    risk=0.5 if risks is None else float(risks[row]),
                    model_version=version,
                    treated=False,
                    catalogue=fingerprint,
                    vector=vector,
                )
            )
        return examples

    def _write(self, look: _Look, *, mature: bool) -> None:
        if look.numbers is None:
            return
        horizon = self._ends[LAST]
        labels = (look.away >= horizon).astype(np.int8)
        matured_at = look.at + horizon if mature else UNKNOWN
        rows = look.numbers.reshape(len(look.users), -1).tolist()
        for user, label, numbers, vector in zip(
            look.users, labels.tolist(), rows, look.vectors, strict=True
        ):
            known = label if mature else UNKNOWN
            self._predictions.add(
                user, look.at, CAUSE, numbers, look.versions, vector, known, matured_at
            )
        if mature:
            for place, standing in enumerate(look.standings):
                risks = look.numbers[:, place, 0]
                self._scoreboard.add_look(place, look.at, risks, labels, standing)
        look.numbers = None


def _fire(state: CustomerState, at: Millis) -> None:
    while state.due() <= at:
        state.fire()


def _answers(at: Millis, look: _Look, row: int) -> bool:
    """Note that a customer did something that counts; tell whether that answers a landmark."""
    if at < look.at:
        return False
    look.away[row] = at - look.at
    return True
