"""Models of the registry that are judged on one pass of the data, each learning as labels come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from features import DAY, Millis
from models.judging import Explainer
from models.learning import (
    PRIOR,
    Judge,
    Judgement,
    Snapshot,
    TrainingExample,
    in_learning_order,
)
from models.registry import REGISTRY, Task, judge_of
from models.understanding import Importance

#: Who is retrained from scratch is so when so much of the horizon has passed.
_RETRAINED: Final = 1 / 8


class UnknownModel(ValueError):
    """No model of that name is in the registry, or one is named twice; says which there are."""


class Runner:
    """A model in the race: how it learns, and how it judges now.

    Parameters
    ----------
    name
        The model's name in the registry.
    task
        What is to be predicted.
    warmup
        Examples that it must have learnt before it takes over from the prior.
    explainer
        Knows which of its inputs speak of the same cause.
    """

    def __init__(self, name: str, task: Task, warmup: int, explainer: Explainer) -> None:
        self.name = name
        self._own, self._priors = Importance(explainer), Importance(explainer)
        self._task = task
        self._warmup = warmup
        entry = REGISTRY[name]
        self._learner = entry.learner(task, None)
        #: How the learner is written down: a sketch will do, where it can make one.
        self._written: Callable[[int, dict[str, Any]], Snapshot] = getattr(
            self._learner, "sketch", self._learner.snapshot
        )
        self._rest = 0 if entry.live else round(_RETRAINED * task.horizon_days * DAY)
        self._rests_until: Millis = 0
        self._number = 0
        self._stale = False
        #: Examples learnt when the model was last asked.
        self.learnt = 0
        self.judge: Judge = judge_of(task, None, warmup)

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn examples; they count from the next `refresh` on."""
        self._learner.learn(examples)
        self._stale = True

    def refresh(self, now: Millis | None = None) -> None:
        """Judge by all that has been learnt.

        Parameters
        ----------
        now
            Who is retrained from scratch waits until some time has passed; None not to wait.
        """
        if not self._stale or (now is not None and now < self._rests_until):
            return
        self._stale = False
        if now is not None:
            self._rests_until = now + self._rest
        snapshot = self._written(self._number + 1, {})
        if snapshot.learnt == self.learnt:
            return
        self._number += 1
        self.learnt = snapshot.learnt
        self.judge = judge_of(self._task, snapshot, self._warmup)

    def note(self, judgement: Judgement, rows: Sequence[int] | None = None) -> None:
        """Note what a judgement of this model rests on; of some of its rows, or of all."""
        (self._priors if judgement.version == PRIOR else self._own).add(judgement, rows)

    def importance(self) -> dict[str, Any] | None:
        """Return what the model's judgements rest on; None of one that tells no parts.

        The prior stands in for a model that has learnt too little, and what it looks at says
        nothing of the model: it counts only where the model never judged.
        """
        gathered = self._own if self._own.count else self._priors
        if not gathered.told:
            return None
        return {
            "causes": [
                {"code": each.name, "mean": each.mean, "mean_abs": each.mean_abs}
                for each in gathered.causes
            ],
            "inputs": [each._asdict() for each in gathered.inputs],
        }

    def evidence(self) -> float | None:
        """Return how far labels have taken over from the prior; None of a model with no idea."""
        found: Any = getattr(self._learner, "evidence", None)
        return None if found is None else float(found())


class Race:
    """Some models, learning the same examples.

    Parameters
    ----------
    names
        Their names in the registry; the first one decides.
    task
        What is to be predicted.
    warmup
        Examples that each must have learnt before it takes over from the prior.
    seed
        Of the order in which examples of one time are learnt.
    explainer
        Knows which inputs speak of the same cause.

    Raises
    ------
    UnknownModel
        If a name is not in the registry, or is there twice.
    """

    #: Examples that wait to be learnt, at most: more at once would only take memory.
    MOST: Final = 20_000

    def __init__(
        self, names: Sequence[str], task: Task, warmup: int, seed: int, explainer: Explainer
    ) -> None:
        known = ", ".join(REGISTRY)
        if not names:
            raise UnknownModel(f"no model is named; known are {known}")
        for place, name in enumerate(names):
            if name not in REGISTRY:
                raise UnknownModel(f"unknown model {name!r}; known are {known}")
            if name in names[:place]:
                raise UnknownModel(f"model {name!r} is named twice")
        self._seed = seed
        self._waiting: list[TrainingExample] = []
        self.runners = [Runner(name, task, warmup, explainer) for name in names]

    @property
    def first(self) -> Judge:
        """The one who decides."""
        return self.runners[0].judge

    def await_tick(self, examples: Sequence[TrainingExample]) -> None:
        """Note examples, to be learnt at the next tick."""
        self._waiting += examples
        if len(self._waiting) >= self.MOST:
            self._learn_what_waits()

    def tick(self, now: Millis) -> None:
        """Learn what waits, and judge by it."""
        self._learn_what_waits()
        for runner in self.runners:
            runner.refresh(now)

    def _learn_what_waits(self) -> None:
        if self._waiting:
            self.learn(self._waiting)
            self._waiting = []

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn examples, those of one time in an order by chance, the same for one seed."""
        ordered = in_learning_order(examples, self._seed)
        for runner in self.runners:
            runner.learn(ordered)

    def refresh(self) -> None:
        """Judge by all that has been learnt, whatever it takes."""
        for runner in self.runners:
            runner.refresh()
