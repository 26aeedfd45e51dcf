"""How much each example counts, for whatever model learns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.learning.example import TrainingExample

#: Horizons in which what is not seen again is half forgotten.
MEMORY_HORIZONS: Final = 8.0


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
        Horizons in which what is not seen again is half forgotten, by the models that forget.
    """

    returned: float = 1.0
    churned: float = 1.0
    treated: float = 0.0
    memory: float = MEMORY_HORIZONS

    def of(self, example: TrainingExample) -> float:
        """Return the weight of an example."""
        weight = self.churned if example.label else self.returned
        return weight * self.treated if example.treated else weight
