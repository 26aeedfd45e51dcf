"""What was believed and done about one customer.

Predictions that wait for their label, the last decisions, and how things stand.

A prediction at t is kept until the watermark has passed t + H. The horizon passes in three
stages; the first activity in (t, t + H], in whatever order the events come, says in which stage
the customer returned. What happened in a stage is known when the watermark has passed it; so
positives and negatives mature together, and a late event within the lateness still counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from features import NEVER, Millis, Step, up_to_date
from models.deciding.policy import Standing
from models.learning import CUTS, LAST, NOT_YET

LEDGER_VERSION: Final = 2
#: In place of a stage, where an older version did not note any: came back, and not yet.
_CAME: Final = -1
_AWAY: Final = -2
#: Decisions kept for one customer; older ones are dropped.
DECISIONS_KEPT: Final = 8


class Prediction(msgspec.Struct, array_like=True, gc=False):
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
    """

    at: Millis
    due: Millis
    cause: str
    risk: float
    version: str
    vector: bytes
    treated: bool = False
    returned_in: int = NOT_YET
    passed: int = 0

    def end(self, stage: int) -> Millis:
        """Return the first moment after a stage: it has passed when the watermark reaches it."""
        if stage >= LAST:
            return self.due
        return self.at + _ends(self.due - 1 - self.at)[stage]

    def next(self) -> Millis:
        """Return when there is something new to be known."""
        passed = self.passed
        if passed >= LAST:
            return self.due
        return self.at + _ends(self.due - 1 - self.at)[passed]


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


class Decision(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A decision, also the one not to act, with its reasons as (code, text, contribution)."""

    at: Millis
    cause: str
    risk: float
    band: str
    arm: str
    version: str
    alert: bool
    why: str
    reasons: list[tuple[str, str, float]]


class _Stored(msgspec.Struct, array_like=True):
    version: int
    raised: bool
    alerted_at: Millis
    pending: list[Prediction]
    decisions: list[Decision]


@lru_cache(maxsize=64)
def _ends(horizon: Millis) -> tuple[Millis, ...]:
    """Return how long after a prediction its stages but the last end: a shop has one horizon."""
    return tuple(round(cut * horizon) + 1 for cut in CUTS[:LAST])


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
_fields = msgspec.msgpack.Decoder(list[Any])


class Ledger:
    """One customer's predictions and decisions.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.keep(Prediction(10, 51, "silence", 0.4, "prior", b""))
    >>> ledger.note_activity(10), ledger.note_activity(51), ledger.note_activity(28)
    (False, False, True)
    >>> ledger.due()
    21
    >>> [(each.stage, each.label) for each in ledger.mature(51)]
    [(0, 1), (1, 0), (2, 0)]
    """

    __slots__ = ("_due", "_heard", "decisions", "pending", "standing")

    def __init__(self) -> None:
        self.pending: list[Prediction] = []
        #: When something new is to be known, which is asked for far more often than it changes.
        self._due: Millis | None = NEVER
        #: No activity from then on is news to any prediction.
        self._heard: Millis = NEVER
        self.decisions: list[Decision] = []
        self.standing = Standing()

    def keep(self, prediction: Prediction) -> None:
        """Keep a prediction until its label is known."""
        self.pending.append(prediction)
        self._heard = NEVER
        if self._due is not None:
            self._due = min(self._due, prediction.next())

    def awaits(self, at: Millis) -> bool:
        """Whether an activity may be news: there are predictions, and an earlier one did not do."""
        return at < self._heard and bool(self.pending)

    def note_activity(self, at: Millis) -> bool:
        """Mark the predictions that an activity answers; return whether that was news."""
        if at >= self._heard:
            return False
        marked = False
        settled = True
        for prediction in self.pending:
            settled = settled and prediction.at < at
            if not prediction.at < at < prediction.due:
                continue
            if 0 <= prediction.returned_in <= prediction.passed:
                continue  # came back in the stage that runs, or before: no news
            stage = LAST
            while stage and at < prediction.end(stage - 1):
                stage -= 1
            # What was told of a stage that has passed stays told: who comes too late for it has
            # come back in the one that runs.
            stage = max(stage, prediction.passed)
            if prediction.returned_in == _AWAY:
                stage = _CAME
            elif stage >= prediction.returned_in:
                continue
            prediction.returned_in = stage
            marked = True
        # Whoever has come back by now has done so for all predictions there are, and who comes
        # later cannot have come in an earlier stage.
        if settled:
            self._heard = at
        return marked

    def due(self) -> Millis:
        """Return when something new is to be known; `NEVER` when nothing is awaited."""
        if self._due is None:
            self._due = min((prediction.next() for prediction in self.pending), default=NEVER)
        return self._due

    def mature(self, watermark: Millis) -> list[Matured]:
        """Return what is known now that the watermark is where it is, and was not known before."""
        if not self.pending or self.due() > watermark:
            return []
        matured: list[Matured] = []
        kept: list[Prediction] = []
        due = NEVER
        for prediction in self.pending:
            follows = prediction.next()
            if follows <= watermark:
                matured += _mature(prediction, watermark)
                if prediction.due <= watermark:
                    continue
                follows = prediction.next()
            kept.append(prediction)
            due = min(due, follows)
        self.pending = kept
        self._due = due
        return matured

    def log(self, decision: Decision) -> None:
        """Note a decision; the oldest beyond the bound is dropped."""
        self.decisions.append(decision)
        del self.decisions[:-DECISIONS_KEPT]

    def has_decided(self, at: Millis, cause: str) -> bool:
        """Whether there was a decision at that moment for that cause."""
        # A loop: this is asked before every decision, and a generator costs more than it looks at.
        for each in self.decisions:  # noqa: SIM110
            if each.at == at and each.cause == cause:
                return True
        return False

    def encode(self) -> bytes:
        """Return the ledger as bytes."""
        return _encoder.encode(
            _Stored(
                LEDGER_VERSION,
                self.standing.raised,
                self.standing.alerted_at,
                self.pending,
                self.decisions,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Ledger:
        """Return the ledger that `encode` wrote.

        Raises
        ------
        UnknownVersion
            If a newer Ebbtide wrote it.
        """
        try:
            stored = _decoder.decode(data)
            current = stored.version == LEDGER_VERSION
        except msgspec.ValidationError:
            current = False
        if not current:
            fields = up_to_date(_fields.decode(data), LEDGER_VERSION, STEPS)
            stored = msgspec.convert(fields, _Stored)
        ledger = cls()
        ledger.standing = Standing(stored.raised, stored.alerted_at)
        ledger.pending = stored.pending
        ledger._due = None
        ledger.decisions = stored.decisions
        return ledger


def _mature(prediction: Prediction, watermark: Millis) -> Iterator[Matured]:
    """Let the stages of a prediction pass, up to the watermark."""
    while prediction.passed <= LAST and (end := prediction.end(prediction.passed)) <= watermark:
        stage = prediction.passed
        came_back = prediction.returned_in
        prediction.passed = LAST if stage == came_back < LAST else stage + 1
        if came_back < 0:
            yield Matured(prediction, stage, end - 1, int(came_back == _AWAY), None)
        elif came_back <= stage:
            yield Matured(prediction, stage, end - 1, 0, came_back)
        else:
            # Some who come back later have come already; that is not known at the stage's end.
            yield Matured(prediction, stage, end - 1, 1, NOT_YET)


def _tell_the_stages(fields: list[Any]) -> list[Any]:
    """Of a prediction of version 1 it is known whether the customer came back, but not when."""
    _, raised, alerted_at, pending, decisions = fields
    for prediction in pending:
        # Its earlier stages are never told: nobody noted who had come back in them.
        *kept, returned = prediction
        prediction[:] = [*kept, _CAME if returned else _AWAY, LAST]
    return [2, raised, alerted_at, pending, decisions]


#: What brings a ledger of an older version up to date: from that version to the next.
STEPS: Final[dict[int, Step]] = {1: _tell_the_stages}


def decision_id(user_id: str, at: Millis, cause: str) -> str:
    """Return the id of a decision: the same decision always has the same one.

    Examples
    --------
    >>> decision_id("ada", 0, "silence") == decision_id("ada", 0, "silence")
    True
    """
    return blake2b(f"{user_id}|{at}|{cause}".encode(), digest_size=16).hexdigest()
