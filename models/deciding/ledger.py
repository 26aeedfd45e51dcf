"""What was believed and done about one customer.

Predictions that wait for their label, the last decisions, and how things stand.

A prediction at t is kept until the watermark has passed t + H. Any activity in (t, t + H] marks
it as returned, in whatever order the events come; so positives and negatives mature together,
and a late event within the lateness still counts.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

from features import NEVER, Millis, Step, up_to_date
from models.deciding.policy import Standing

LEDGER_VERSION: Final = 1
#: What brings a ledger of an older version up to date: from that version to the next.
STEPS: Final[dict[int, Step]] = {}
#: Decisions kept for one customer; older ones are dropped.
DECISIONS_KEPT: Final = 8


class Prediction(msgspec.Struct, array_like=True):
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
    returned
        Whether there was activity within the horizon.
    """

    at: Millis
    due: Millis
    cause: str
    risk: float
    version: str
    vector: bytes
    treated: bool = False
    returned: bool = False


class Decision(msgspec.Struct, array_like=True, frozen=True):
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


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
_fields = msgspec.msgpack.Decoder(list[Any])


class Ledger:
    """One customer's predictions and decisions.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.keep(Prediction(10, 41, "silence", 0.4, "prior", b""))
    >>> ledger.note_activity(10), ledger.note_activity(41), ledger.note_activity(40)
    (False, False, True)
    >>> ledger.due()
    41
    >>> [(p.at, p.returned) for p in ledger.mature(41)]
    [(10, True)]
    """

    __slots__ = ("decisions", "pending", "standing")

    def __init__(self) -> None:
        self.pending: list[Prediction] = []
        self.decisions: list[Decision] = []
        self.standing = Standing()

    def keep(self, prediction: Prediction) -> None:
        """Keep a prediction until its label is known."""
        self.pending.append(prediction)

    def note_activity(self, at: Millis) -> bool:
        """Mark the predictions that an activity answers; return whether there were any."""
        marked = False
        for prediction in self.pending:
            if not prediction.returned and prediction.at < at < prediction.due:
                prediction.returned = marked = True
        return marked

    def due(self) -> Millis:
        """Return when the next label is known; `NEVER` when none is awaited."""
        return min((prediction.due for prediction in self.pending), default=NEVER)

    def mature(self, watermark: Millis) -> list[Prediction]:
        """Take out and return the predictions whose horizon the watermark has passed."""
        if not self.pending or self.due() > watermark:
            return []
        matured = [prediction for prediction in self.pending if prediction.due <= watermark]
        self.pending = [prediction for prediction in self.pending if prediction.due > watermark]
        return matured

    def log(self, decision: Decision) -> None:
        """Note a decision; the oldest beyond the bound is dropped."""
        self.decisions.append(decision)
        del self.decisions[:-DECISIONS_KEPT]

    def has_decided(self, at: Millis, cause: str) -> bool:
        """Whether there was a decision at that moment for that cause."""
        return any(each.at == at and each.cause == cause for each in self.decisions)

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
        ledger.decisions = stored.decisions
        return ledger


def decision_id(user_id: str, at: Millis, cause: str) -> str:
    """Return the id of a decision: the same decision always has the same one.

    Examples
    --------
    >>> decision_id("ada", 0, "silence") == decision_id("ada", 0, "silence")
    True
    """
    return blake2b(f"{user_id}|{at}|{cause}".encode(), digest_size=16).hexdigest()
