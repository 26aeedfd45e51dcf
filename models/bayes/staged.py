"""Learning in three stages, as each of them matures.

The label of a stage, "no activity in it, given none before", is known as soon as the stage has
passed, and those who had already returned have none. So learning starts after a quarter of the
horizon, and no early label ("came back") is learnt before its counterpart ("did not") could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from features import DAY, Millis
from models.bayes.blocks import Block, LearnBlock, fastest
from models.bayes.kalman import FEATURE, Filter, Scaler
from models.bayes.panel import SIZE, Panel
from models.bayes.signs import OFFSETS, SIGNS, Signs
from models.bayes.stages import BAYES, check_fit
from models.learning import CUTS, LAST, Snapshot, TrainingExample, Weighing, vectors_of

#: The kinds of the shop are counted anew when so much of the horizon has passed, or when the
#: panel has doubled.
_TICK: Final = 1 / 8
_STEPS: Final = 2
_STEPS_AT_FIRST: Final = 15
#: The prior of a sign weighs as much as so many labels, of risks as churn mostly has them.
_PRIOR_LABELS: Final = 1 / (FEATURE * 0.17)


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
    learn_block
        How a block of examples is learnt; None for the fastest way there is here.

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
        learn_block: LearnBlock | None = None,
    ) -> None:
        self.signs = signs
        self.weighing = weighing or Weighing()
        memory = self.weighing.memory
        self.popularity = signs.kinds.at_first
        self.scaler = Scaler(len(SIGNS) + len(OFFSETS))
        self.filters = [Filter(len(SIGNS), memory) for _ in CUTS]
        self.panel = Panel(signs.reads, panel_size)
        self.labels = [0, 0]
        self._learn_block = learn_block or fastest()
        #: How many labels each stage has learnt, less what is forgotten of them.
        self._weighty = [0.0] * len(CUTS)
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

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn examples whose stages have passed, one after the other."""
        fingerprint = self.signs.fingerprint
        for example in examples:
            if example.catalogue != fingerprint:
                raise ValueError(
                    f"an example of {example.user_id} has the features {example.catalogue}, "
                    f"not {fingerprint}"
                )
        waiting: list[TrainingExample] = []
        for example in examples:
            if not example.in_stage:
                continue
            if self._now is None or example.matured_at > self._now:
                if self._is_time_to_count():
                    self._learn_with_these_kinds(waiting)
                    waiting = []
                    self._count_kinds()
                self._now = example.matured_at
            self._look_at(example)
            waiting.append(example)
        self._learn_with_these_kinds(waiting)

    def _look_at(self, example: TrainingExample) -> None:
        self.panel.see(
            example.user_id,
            example.at,
            example.matured_at,
            silent=bool(example.label),
            last=example.stage == LAST,
            vector=example.vector,
        )

    def _learn_with_these_kinds(self, examples: Sequence[TrainingExample]) -> None:
        if not examples:
            return
        rows = self.signs.matrix(vectors_of(examples), self.popularity)
        weights = [self.weighing.of(example) for example in examples]
        passed = [0.0] * len(examples)
        for place, (example, weight) in enumerate(zip(examples, weights, strict=True)):
            if weight > 0:
                stage = example.stage
                passed[place] = since = self._passed(stage, example.matured_at)
                forgotten = 0.5 ** (since / self.weighing.memory)
                self._weighty[stage] = self._weighty[stage] * forgotten + weight
            self.labels[example.label] += 1
        block = Block(
            rows,
            np.array([example.stage for example in examples], dtype=np.int64),
            np.array([example.label for example in examples], dtype=np.int64),
            np.array(weights, dtype=np.float64),
            np.array(passed, dtype=np.float64),
        )
        self._learn_block(self.scaler, self.filters, block)

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

    def evidence(self) -> float:
        """Return how much labels have said so far: 0 before any, towards 1 as they come.

        At 0 a risk is what the customer's rhythm says; at 1/2 the labels, less what is forgotten
        of them, say as much about a sign as the prior does; the nearer to 1, the more a risk is
        what was learnt in this shop.
        """
        return float(np.mean([labels / (labels + _PRIOR_LABELS) for labels in self._weighty]))

    # -- written down -------------------------------------------------------------------------

    def sketch(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write down what judging needs, and not what learning goes on from: far less.

        The same as `for_workers` leaves of a `snapshot`.
        """
        signs = self.signs
        return Snapshot(
            name=BAYES,
            number=number,
            learnt=sum(self.labels),
            returned=self.labels[0],
            churned=self.labels[1],
            catalogue=signs.fingerprint,
            horizon_days=signs.horizon_days,
            quality=quality | {"evidence": self.evidence()},
            state={
                "inputs": list(SIGNS),
                "active_days": signs.active_days,
                "popularity": self.popularity.tolist(),
                "scaler": self.scaler.dump(),
                "stages": [{"weights": belief.weights.tolist()} for belief in self.filters],
            },
        )

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write the model down."""
        sketch = self.sketch(number, quality)
        stages = [
            belief.dump() | {"learnt_at": at, "labels": labels}
            for belief, at, labels in zip(self.filters, self._learnt_at, self._weighty, strict=True)
        ]
        more = {
            "stages": stages,
            "now": self._now,
            "counted_at": self._counted_at,
            "counted": self._counted,
            "panel": self.panel.dump(),
        }
        return msgspec.structs.replace(sketch, state=sketch.state | more)

    def _restore(self, snapshot: Snapshot, panel_size: int) -> None:
        state = snapshot.state
        self.popularity = np.array(state["popularity"], dtype=np.float64)
        self.scaler = Scaler.load(state["scaler"])
        self.filters = [Filter.load(each, self.weighing.memory) for each in state["stages"]]
        self._learnt_at = [each["learnt_at"] for each in state["stages"]]
        self._weighty = [each["labels"] for each in state["stages"]]
        self._now = state["now"]
        self._counted_at, self._counted = state["counted_at"], state["counted"]
        self.panel = Panel.load(state["panel"], self.signs.reads, panel_size)
        self.labels = [snapshot.returned, snapshot.churned]
