"""A prediction whose label has become known: what the learners learn from.

The horizon passes in three stages, and a prediction becomes an example at the end of each: the
sooner something is known, the sooner it is learnt. The last one says what became of the customer
in the whole horizon.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from features import Millis

EXAMPLE_VERSION: Final = 2
#: Where the stages end: at a quarter, half and the whole of the horizon.
CUTS: Final = (0.25, 0.5, 1.0)
#: The stage at the end of which the label is that of the whole horizon.
LAST: Final = len(CUTS) - 1
#: In place of a stage: has not come back so far.
NOT_YET: Final = len(CUTS)


class TrainingExample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A decision point, the vector as it was scored, and what had happened by the end of a stage.

    Parameters
    ----------
    example_id
        Deterministic; repeats are harmless.
    user_id
        The customer.
    at
        Event time of the prediction, in milliseconds.
    matured_at
        When the stage had passed, in milliseconds: at the last stage, ``at`` plus H.
    cause
        Why the customer was looked at.
    label
        1: no activity until ``matured_at``; 0: came back. At the last stage 1 means churned.
    risk, model_version
        What was predicted then, and by which model: a prequential test for free.
    treated
        Whether an alert of the treated arm went out at this decision.
    catalogue
        Fingerprint of the features' names and order.
    vector
        The features as they were scored, in the catalogue's order.
    stage
        0, 1 or 2. Who came back in an earlier stage has an example at the last one only.
    returned_in
        In which stage the customer came back, or 3 for not by ``matured_at``; None where that was
        not noted.
    """

    example_id: Annotated[str, Meta(min_length=1, max_length=200)]
    user_id: Annotated[str, Meta(min_length=1, max_length=200)]
    at: Millis
    matured_at: Millis
    cause: str
    label: Annotated[int, Meta(ge=0, le=1)]
    risk: Annotated[float, Meta(ge=0, le=1)]
    model_version: str
    treated: bool
    catalogue: str
    vector: Annotated[Sequence[float], Meta(max_length=1_000)]
    stage: Annotated[int, Meta(ge=0, le=LAST)] = LAST
    returned_in: Annotated[int, Meta(ge=0, le=NOT_YET)] | None = None
    v: Annotated[int, Meta(ge=1, le=EXAMPLE_VERSION)] = EXAMPLE_VERSION

    @property
    def whole(self) -> bool:
        """Whether the label is that of the whole horizon."""
        return self.stage == LAST

    @property
    def in_stage(self) -> bool:
        """Whether the label says what happened in this stage, and not in an earlier one."""
        return self.returned_in is not None and self.returned_in >= self.stage


#: Bytes of a number in single precision.
_SINGLE: Final = 4


@lru_cache(maxsize=16)
def _singles(count: int) -> Struct:
    return Struct(f"{count}f")


def vector_bytes(example: TrainingExample) -> bytes:
    """Return an example's vector in single precision, as it was scored."""
    vector = example.vector
    # Thrice as fast as an array, and five times as fast as numpy; a row of a matrix is one already.
    if isinstance(vector, list):
        try:
            return _singles(len(vector)).pack(*vector)
        except OverflowError:  # of nobody's making: an array makes it infinite
            return array("f", vector).tobytes()
    return np.asarray(vector, dtype=np.float32).tobytes()


def vector_of(data: bytes) -> list[float]:
    """Return the vector that lies in bytes, as `vector_bytes` and a prediction have it.

    Examples
    --------
    >>> vector_of(array("f", [0.5, 31.0]).tobytes())
    [0.5, 31.0]
    """
    # Thrice as fast as an array's `tolist`.
    return list(_singles(len(data) // _SINGLE).unpack(data))


def vectors_of(examples: Sequence[TrainingExample]) -> npt.NDArray[np.float32]:
    """Return the vectors of examples as a matrix, a row each.

    Examples
    --------
    >>> vectors_of([]).shape
    (0, 0)
    """
    if not examples:
        return np.empty((0, 0), dtype=np.float32)
    joined = b"".join([vector_bytes(example) for example in examples])
    return np.frombuffer(joined, dtype=np.float32).reshape(len(examples), -1)
