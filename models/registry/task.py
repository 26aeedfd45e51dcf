"""What is to be predicted: which features, which horizon and active time, and what counts more."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from features import Catalogue
from models.bayes import Signs
from models.learning import Weighing
from models.registry.inputs import Inputs


@dataclass(frozen=True)
class Task:
    """What a model of the registry is made for.

    Parameters
    ----------
    catalogue
        Whose vectors are read.
    horizon_days, active_days
        H and A, in days.
    weighing
        How much each example counts.

    Examples
    --------
    >>> from features import Definition, build_catalogue
    >>> task = Task(build_catalogue(Definition()), 30.0, 90.0)
    >>> len(task.signs.names), task.inputs.names[-1]
    (26, 'left')
    """

    catalogue: Catalogue
    horizon_days: float
    active_days: float
    weighing: Weighing = field(default_factory=Weighing)

    @cached_property
    def inputs(self) -> Inputs:
        """What a plain linear model reads of a vector."""
        return Inputs(self.catalogue, self.horizon_days)

    @cached_property
    def signs(self) -> Signs:
        """What the recursive Bayesian model reads of a vector."""
        return Signs(self.catalogue, self.horizon_days, self.active_days)
