"""A prediction until its label is known, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from features import DAY, Millis, Sketch, pack_vector, unpack_vector
from models.learning import CUTS, LAST, NOT_YET

#: In place of a stage, where an older version did not note any: came back, and not yet.
CAME: Final = -1
AWAY: Final = -2


@lru_cache(maxsize=64)
def _ends(horizon: Millis) -> tuple[Millis, ...]:
    """Return how long after a prediction its stages but the last end: a shop has one horizon."""
    return tuple(round(cut * horizon) + 1 for cut in CUTS[:LAST])


class Prediction:
    """A vector as it was scored, until its label is known.

    Parameters
    ----------
    at
        Event time of the decision point.
    due
        First moment after the horizon: the label is known when the watermark reaches it.
    cause, risk, version
        Why it was scored, what came out, and by which model.
    vector
        The features in single precision, little-endian.
    treated
        Whether an alert of the treated arm went out.
    returned_in
        In which stage there was the first activity, or 3 for in none so far; negative where an
        older version noted no stages.
    passed
        How many stages are done with. Of who came back nothing is learnt from the stages that
        follow, until the last.
    sketch
        What the vector is made of, where it can be had from that to the last bit.
    """

    __slots__ = (
        *("_before", "_follows", "_packed", "_vector"),
        *("at", "cause", "due", "passed", "returned_in", "risk", "sketch", "treated", "version"),
    )

    def __init__(
        self,
        at: Millis,
        due: Millis,
        cause: str,
        risk: float,
        version: str,
        vector: bytes,
        treated: bool = False,
        returned_in: int = NOT_YET,
        passed: int = 0,
    ) -> None:
        self.at = at
        self.due = due
        self.cause = cause
        self.risk = risk
        self.version = version
        self.treated = treated
        self.returned_in = returned_in
        self.passed = passed
        #: What `next` returned; 0 where that is to be found out.
        self._follows: Millis = 0
        self.sketch: Sketch | None = None
        self._vector: bytes | None = vector
        #: The vector as it is stored: how it differs from that of another prediction.
        self._packed = b""
        self._before: Prediction | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all of it is the same."""
        return isinstance(other, Prediction) and self.as_tuple() == other.as_tuple()

    def __repr__(self) -> str:
        """Return what it was made of."""
        return f"Prediction{self.as_tuple()}"

    def as_tuple(self) -> tuple[Millis, Millis, str, float, str, bytes, bool, int, int]:
        """Return what it was made of."""
        return (
            *(self.at, self.due, self.cause, self.risk, self.version, self.vector),
            *(self.treated, self.returned_in, self.passed),
        )

    @property
    def vector(self) -> bytes:
        """The features as they were scored; unpacked only when somebody asks for them."""
        if self._vector is None and self.sketch is not None:
            self._vector = self.sketch.vector(self.at, (self.due - 1 - self.at) / DAY)
        elif self._vector is None:
            before = b"" if self._before is None else self._before.vector
            self._vector = unpack_vector(self._packed, before)
        return self._vector

    @vector.setter
    def vector(self, vector: bytes) -> None:
        self._vector, self._packed, self._before, self.sketch = vector, b"", None, None

    def pack(self, before: Prediction | None) -> bytes:
        """Return the vector as it is stored after that of another prediction."""
        if not self._packed or self._before is not before:
            vector = self.vector
            self._packed = pack_vector(vector, b"" if before is None else before.vector)
            self._before = before
        return self._packed

    def unpack(self, packed: bytes, before: Prediction | None) -> None:
        """Take what `pack` returned for the vector."""
        self._vector, self._packed, self._before = None, packed, before

    def be_sketched(self, sketch: Sketch) -> None:
        """Take what the vector is made of for it."""
        self._vector, self.sketch = None, sketch

    def end(self, stage: int) -> Millis:
        """Return the first moment after a stage: it has passed when the watermark reaches it."""
        if stage >= LAST:
            return self.due
        return self.at + _ends(self.due - 1 - self.at)[stage]

    def next(self) -> Millis:
        """Return when there is something new to be known."""
        # Asked of all predictions whenever one of them is due.
        follows = self._follows
        if not follows:
            passed = self.passed
            follows = self.due
            if passed < LAST:
                follows = self.at + _ends(self.due - 1 - self.at)[passed]
            self._follows = follows
        return follows


class Matured(NamedTuple):
    """What became of a prediction by the end of a stage.

    Parameters
    ----------
    prediction
        What was predicted.
    stage
        0, 1 or 2.
    matured_at
        The last moment of the stage.
    label
        1: no activity until then; 0: came back.
    returned_in
        In which stage, or 3 for not yet; None where that was not noted.
    """

    prediction: Prediction
    stage: int
    matured_at: Millis
    label: int
    returned_in: int | None


def mature(prediction: Prediction, watermark: Millis) -> Iterator[Matured]:
    """Let the stages of a prediction pass, up to the watermark."""
    while prediction.passed <= LAST and (end := prediction.end(prediction.passed)) <= watermark:
        stage = prediction.passed
        came_back = prediction.returned_in
        prediction.passed = LAST if stage == came_back < LAST else stage + 1
        prediction._follows = 0
        if came_back < 0:
            yield Matured(prediction, stage, end - 1, int(came_back == AWAY), None)
        elif came_back <= stage:
            yield Matured(prediction, stage, end - 1, 0, came_back)
        else:
            # Some who come back later have come already; that is not known at the stage's end.
            yield Matured(prediction, stage, end - 1, 1, NOT_YET)
