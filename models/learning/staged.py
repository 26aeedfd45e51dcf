"""Learning in three stages, as each of them matures.

The label of a stage, "no activity in it, given none before", is known as soon as the stage has
passed, and those who had already returned have none. So learning starts after a quarter of the
horizon, and no early label ("came back") is learnt before its counterpart ("did not") could be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from features import DAY, Millis
from models.learning.kalman import MEMORY_HORIZONS, Filter, Scaler
from models.learning.kinds import CUTS
from models.learning.model import Snapshot
from models.learning.panel import SIZE, Panel
from models.learning.signs import OFFSETS, SIGNS, Signs
from models.learning.stages import BAYES, check_fit

#: The kinds of the shop are counted anew when so much of the horizon has passed, or when the
#: panel has doubled.
_TICK: Final = 1 / 8
_STEPS: Final = 2
_STEPS_AT_FIRST: Final = 15
_LAST: Final = len(CUTS) - 1


class StageExample(Protocol):
    """What is learnt from: a decision point, and what then happened in one stage."""

    @property
    def user_id(self) -> str:
        """The customer."""

    @property
    def at(self) -> Millis:
        """When the customer was looked at."""

    @property
    def matured_at(self) -> Millis:
        """When the stage had passed."""

    @property
    def stage(self) -> int:
        """0, 1 or 2."""

    @property
    def label(self) -> int:
        """1: no activity in the stage; 0: came back in it. None came before it."""

    @property
    def treated(self) -> bool:
        """Whether an alert went out at this decision."""

    @property
    def catalogue(self) -> str:
        """Fingerprint of the features' names and order."""

    @property
    def vector(self) -> Sequence[float]:
        """The features as they were scored."""


@dataclass(frozen=True)
class Weighing:
    """How much each example counts.

    Parameters
    ----------
    returned, churned
        Weights of the labels 0 and 1. Other than equal, risks are no longer what comes true.
    treated
        Weight of those who were sent something: what they did is not what they would have done.
    memory
        Horizons in which what is not seen again is half forgotten.
    """

    returned: float = 1.0
    churned: float = 1.0
    treated: float = 0.0
    memory: float = MEMORY_HORIZONS

    def of(self, example: StageExample) -> float:
        """Return the weight of an example."""
        weight = self.churned if example.label else self.returned
        return weight * self.treated if example.treated else weight


class StagedLearner:
    """Three recursive Bayesian logistics over one scaler and one view of the shop's kinds.

    Examples are learnt in the order in which they are given; in what batches does not matter.

    Parameters
    ----------
    signs
        From raw vectors to signs.
    snapshot
        Where to go on from; None to start afresh.
    weighing
        How much each example counts.
    panel_size
        Most customers among whom the kinds are counted.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue, horizon or active time.
    """

    def __init__(
        self,
        signs: Signs,
        snapshot: Snapshot | None = None,
        weighing: Weighing | None = None,
        panel_size: int = SIZE,
    ) -> None:
        self.signs = signs
        self.weighing = weighing or Weighing()
        memory = self.weighing.memory
        self.popularity = signs.kinds.at_first
        self.scaler = Scaler(len(SIGNS) + len(OFFSETS))
        self.filters = [Filter(len(SIGNS), memory) for _ in CUTS]
        self.panel = Panel(signs.reads, panel_size)
        self.labels = [0, 0]
        #: When each stage last learnt, and the latest time known; None before.
        self._learnt_at: list[Millis | None] = [None] * len(CUTS)
        self._now: Millis | None = None
        #: When the kinds were last counted, and among how many.
        self._counted_at: Millis | None = None
        self._counted = 0
        if snapshot is not None:
            check_fit(signs, snapshot)
            self._restore(snapshot, panel_size)

    # -- learning -----------------------------------------------------------------------------

    def learn(self, examples: Sequence[StageExample]) -> None:
        """Learn examples whose stages have passed, one after the other."""
        fingerprint = self.signs.fingerprint
        for example in examples:
            if example.catalogue != fingerprint:
                raise ValueError(
                    f"an example of {example.user_id} has the features {example.catalogue}, "
                    f"not {fingerprint}"
                )
        waiting: list[StageExample] = []
        for example in examples:
            if self._now is None or example.matured_at > self._now:
                if self._is_time_to_count():
                    self._learn_with_these_kinds(waiting)
                    waiting = []
                    self._count_kinds()
                self._now = example.matured_at
            self._look_at(example)
            waiting.append(example)
        self._learn_with_these_kinds(waiting)

    def _look_at(self, example: StageExample) -> None:
        self.panel.see(
            example.user_id,
            example.at,
            example.matured_at,
            silent=bool(example.label),
            last=example.stage == _LAST,
            vector=example.vector,
        )

    def _learn_with_these_kinds(self, examples: Sequence[StageExample]) -> None:
        if not examples:
            return
        vectors = np.array([example.vector for example in examples], dtype=np.float32)
        count, scaler = len(SIGNS), self.scaler
        z = np.ones(count + 3)
        for example, row in zip(examples, self.signs.matrix(vectors, self.popularity), strict=True):
            stage, label = example.stage, example.label
            if stage == 0:
                # Everybody who was looked at, once; later stages see only who stayed away.
                scaler.learn(row)
            weight = self.weighing.of(example)
            if weight > 0:
                z[:count] = scaler.standardise(row)[:count]
                z[count] = row[count + stage]
                belief = self.filters[stage]
                belief.advance(self._passed(stage, example.matured_at))
                belief.learn(z, label, weight)
            self.labels[label] += 1

    def _passed(self, stage: int, now: Millis) -> float:
        """Horizons since the stage last learnt."""
        before = self._learnt_at[stage]
        if before is not None and now <= before:
            return 0.0
        self._learnt_at[stage] = now
        return 0.0 if before is None else (now - before) / (self.signs.horizon_days * DAY)

    def _is_time_to_count(self) -> bool:
        if self._now is None:
            return False
        if self._counted_at is None or len(self.panel) >= 2 * self._counted:
            return True
        return self._now - self._counted_at >= _TICK * self.signs.horizon_days * DAY

    def _count_kinds(self) -> None:
        """Count the kinds of customer anew, among the panel as it is by now."""
        assert self._now is not None
        grown = len(self.panel) >= 2 * self._counted
        steps = _STEPS_AT_FIRST if grown else _STEPS
        lag = round(CUTS[0] * self.signs.horizon_days * DAY)
        statistics = self.panel.statistics(self._now, lag)
        self.popularity = self.signs.kinds.follow(statistics, self.popularity, steps)
        self._counted_at, self._counted = self._now, len(self.panel)

    # -- written down -------------------------------------------------------------------------

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write the model down."""
        signs = self.signs
        return Snapshot(
            name=BAYES,
            number=number,
            learnt=sum(self.labels),
            returned=self.labels[0],
            churned=self.labels[1],
            catalogue=signs.fingerprint,
            horizon_days=signs.horizon_days,
            quality=quality,
            state={
                "inputs": list(SIGNS),
                "active_days": signs.active_days,
                "popularity": self.popularity.tolist(),
                "scaler": self.scaler.dump(),
                "stages": [
                    belief.dump() | {"learnt_at": at}
                    for belief, at in zip(self.filters, self._learnt_at, strict=True)
                ],
                "now": self._now,
                "counted_at": self._counted_at,
                "counted": self._counted,
                "panel": self.panel.dump(),
            },
        )

    def _restore(self, snapshot: Snapshot, panel_size: int) -> None:
        state = snapshot.state
        self.popularity = np.array(state["popularity"], dtype=np.float64)
        self.scaler = Scaler.load(state["scaler"])
        self.filters = [Filter.load(each, self.weighing.memory) for each in state["stages"]]
        self._learnt_at = [each["learnt_at"] for each in state["stages"]]
        self._now = state["now"]
        self._counted_at, self._counted = state["counted_at"], state["counted"]
        self.panel = Panel.load(state["panel"], self.signs.reads, panel_size)
        self.labels = [snapshot.returned, snapshot.churned]


def for_workers(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what only the learner needs: a few dozen kilobytes are left."""
    judging = {"inputs", "active_days", "popularity", "scaler", "stages"}
    state = {key: value for key, value in snapshot.state.items() if key in judging}
    return msgspec.structs.replace(snapshot, state=state)


def in_learning_order(examples: Iterable[StageExample], seed: int = 0) -> list[StageExample]:
    """Return examples by time; those of one time shuffled, always alike for one seed.

    A filter that saw a block's customers sorted by anything would take the end of the block for
    the shop's latest news. The shuffle goes by what an example says and not by the customer's
    name or the date, so that neither can matter.
    """
    key = seed.to_bytes(8, "big", signed=True)

    def place(example: StageExample) -> tuple[Millis, bytes]:
        said = np.asarray(example.vector, dtype=np.float32).tobytes()
        what = bytes((example.stage, example.label))
        return example.matured_at, blake2b(said + what, key=key, digest_size=8).digest()

    return sorted(examples, key=place)
