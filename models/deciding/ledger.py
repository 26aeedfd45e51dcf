"""What was believed and done about one customer.

Predictions that wait for their label, the last decisions, and how things stand.

A prediction at t is kept until the watermark has passed t + H. The horizon passes in three
stages; the first activity in (t, t + H], in whatever order the events come, says in which stage
the customer returned. What happened in a stage is known when the watermark has passed it; so
positives and negatives mature together, and a late event within the lateness still counts.
"""

from __future__ import annotations

from hashlib import blake2b

from features import NEVER, Millis
from models.deciding.decision import Decision
from models.deciding.log import DECISIONS_KEPT, DecisionLog
from models.deciding.policy import Standing
from models.deciding.prediction import AWAY, CAME, Matured, Prediction, mature
from models.deciding.promised import Promised
from models.deciding.sent import Sent
from models.deciding.stored import pack_ledger, unpack_ledger
from models.learning import LAST


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

    __slots__ = ("_decisions", "_due", "_heard", "_log", "pending", "sent", "standing")

    def __init__(self) -> None:
        self.pending: list[Prediction] = []
        #: When something new is to be known, which is asked for far more often than it changes.
        self._due: Millis | None = NEVER
        #: No activity from then on is news to any prediction.
        self._heard: Millis = NEVER
        #: The decisions as they are kept, and those since then; all of them, if there is no log.
        self._log: DecisionLog | None = None
        self._decisions: list[Decision] = []
        self.standing = Standing()
        #: What a plan must remember of what was done, the oldest first.
        self.sent: tuple[Sent, ...] = ()

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
            if prediction.returned_in == AWAY:
                stage = CAME
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
                matured += mature(prediction, watermark)
                if prediction.due <= watermark:
                    continue
                follows = prediction.next()
            kept.append(prediction)
            due = min(due, follows)
        self.pending = kept
        self._due = due
        return matured

    @property
    def decisions(self) -> list[Decision]:
        """The last decisions, oldest first; what is done to the list is done to the ledger."""
        if self._log is not None:
            self._decisions = (self._log.read() + self._decisions)[-DECISIONS_KEPT:]
            self._log = None
        return self._decisions

    @property
    def promised(self) -> Promised:
        """What was promised by what was done."""
        return Promised(self.standing, self.sent)

    def log(self, decision: Decision) -> None:
        """Note a decision; the oldest beyond the bound is dropped."""
        decisions = self._decisions
        decisions.append(decision)
        if len(decisions) > DECISIONS_KEPT:
            del decisions[:-DECISIONS_KEPT]

    def has_decided(self, at: Millis, cause: str) -> bool:
        """Whether there was a decision at that moment for that cause."""
        # A loop: this is asked before every decision, and a generator costs more than it looks at.
        for each in self._decisions:
            if each.at == at and each.cause == cause:
                return True
        log = self._log
        if log is None or at not in log.at:
            return False
        # Of more than are kept, the oldest are dropped.
        first = len(log.at) + len(self._decisions) - DECISIONS_KEPT
        return any(
            log.said(place)[0] == cause
            for place in range(max(first, 0), len(log.at))
            if log.at[place] == at
        )

    def encode(self) -> bytes:
        """Return the ledger as bytes; equal ledgers give equal bytes."""
        log = self._log
        if log is None:
            log = self._log = DecisionLog.of(self._decisions)
            # A new list: the old one may be in somebody's hands.
            self._decisions = []
        elif self._decisions:
            for decision in self._decisions:
                log.add(decision)
            self._decisions = []
        return pack_ledger(self.standing, log, self.pending, self.sent)

    @classmethod
    def decode(cls, data: bytes) -> Ledger:
        """Return the ledger that `encode` wrote, this version or an older one.

        Raises
        ------
        UnknownVersion
            If a newer Ebbtide wrote it.
        Damaged
            If none did.
        """
        ledger = cls()
        ledger.standing, ledger._log, ledger.pending, ledger.sent = unpack_ledger(data)
        ledger._due = None
        return ledger


def decision_id(user_id: str, at: Millis, cause: str) -> str:
    """Return the id of a decision: the same decision always has the same one.

    Examples
    --------
    >>> decision_id("ada", 0, "silence") == decision_id("ada", 0, "silence")
    True
    """
    return blake2b(f"{user_id}|{at}|{cause}".encode(), digest_size=16).hexdigest()
