"""What every model of the registry can do: learn one example, be written down, and judge.

Learning and judging are apart, because they happen in different processes: one learner takes
examples as their labels come, and publishes a `Snapshot` now and then; any number of workers
make a `Judge` of it. A snapshot is data, never code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from models.learning.example import TrainingExample
from models.learning.odds import Floats

SNAPSHOT_VERSION: Final = 1
#: The version under which the label-free prior judges.
PRIOR: Final = "prior"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A model written down: enough to judge with, and to go on learning from.

    Parameters
    ----------
    name
        The model's name in the registry.
    number
        Counts the snapshots of this model; with the name it is the model's version.
    learnt
        Examples learnt so far.
    returned, churned
        How many of them had which label.
    catalogue, horizon_days
        What the model was learnt for; it judges nothing else.
    state
        The model's own numbers.
    quality
        Prequential quality: how good the predictions were that these labels have tested.
    """

    name: str
    number: Annotated[int, Meta(ge=0)]
    learnt: Annotated[int, Meta(ge=0)]
    returned: Annotated[int, Meta(ge=0)]
    churned: Annotated[int, Meta(ge=0)]
    catalogue: str
    horizon_days: float
    state: dict[str, Any]
    quality: dict[str, Any] = {}
    v: Annotated[int, Meta(ge=1, le=SNAPSHOT_VERSION)] = SNAPSHOT_VERSION

    @property
    def version(self) -> str:
        """What an alert calls the model."""
        return f"{self.name}-{self.number}"


#: A risk is told in whole parts of this many: more digits mean nothing, and take their bytes. They
#: are decimal, so that a risk of 0.7 is not below a threshold of 0.7.
RISK_PARTS: Final = 10_000_000


class Judgement:
    """Risks of many decision points, and what each input contributed.

    Parameters
    ----------
    risks
        Probabilities of churn, shape (decision points,).
    contributions
        Each input's part of the logit, shape (decision points, inputs); of a model that is no sum
        of parts, no inputs at all.
    intercept
        The rest of the logit: ``contributions.sum(axis=1) + intercept`` is the logit of the risk;
        of a model in stages, the sum of the stages' logits.
    names
        Names of the inputs.
    version
        The model's version.
    stages
        P(no activity in a stage, given none before it), shape (decision points, 3): their
        products are the risks. None of a model that knows no stages.
    """

    __slots__ = ("contributions", "intercept", "names", "risks", "stages", "version")

    def __init__(
        self,
        risks: Floats,
        contributions: Floats,
        intercept: float,
        names: tuple[str, ...],
        version: str,
        stages: Floats | None = None,
    ) -> None:
        self.risks = risks
        self.contributions = contributions
        self.intercept = intercept
        self.names = names
        self.version = version
        self.stages = stages

    def told(self) -> list[float]:
        """Return the risks as they are decided by, published and kept."""
        told: list[float] = (np.round(self.risks * RISK_PARTS) / RISK_PARTS).tolist()
        return told


class Judge(Protocol):
    """A model as the workers have it: it judges and does not learn."""

    @property
    def version(self) -> str:
        """What an alert calls the model."""
        ...

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors, shape (decision points, features)."""
        ...


class Learner(Protocol):
    """A model as the learner has it."""

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn what has matured, one after the other.

        Every learner is given the examples of all stages, and takes those that it can use:
        most models those of the whole horizon (`TrainingExample.whole`).

        Raises
        ------
        ValueError
            If an example has other features; then none of them is learnt.
        """
        ...

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write the model down."""
        ...
