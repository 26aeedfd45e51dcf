"""What the learner does besides learning: a challenger in the shadow of the model, and drift.

Of each decision that counts (`models.learning.Pairs`) both models say a risk when its first
example comes, at a quarter of the horizon, as they were before this chunk of examples: neither
has learnt anything of the chunk. What they said is kept until the label of the whole horizon
comes. Everything is stored with the position, so that a restart goes on exactly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from features import DAY, Millis
from features.store import Record, Store
from models.learning import PRIOR, Judge, Learner, Snapshot, TrainingExample
from models.registry import REGISTRY, Task, judge_of
from models.watching import ROUND, ModelEvent, Pairs, Rivalry, Stability, Trial, model_event_id
from streams.live.model import CHALLENGER, PARTITION, RUNNING, encode_snapshot
from streams.live.notes import NOTES, Notes, as_snapshot, read_notes

logger = logging.getLogger(__name__)

STABILITY: Final = "stability"
_FIRST: Final = ".0"
#: Events that ``ebb status`` remembers.
_REMEMBERED: Final = 8


class Contest:
    """The model that judges, who challenges it, and whether the shop is still the same.

    Parameters
    ----------
    task
        What is to be predicted.
    name
        The model of the settings.
    rivalry
        Who challenges it, and what follows.
    notes
        How things stand.
    stored
        The other records, by name.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        rivalry: Rivalry,
        notes: Notes,
        stored: Mapping[str, bytes],
    ) -> None:
        self.notes = notes
        self._task = task
        self._rivalry = rivalry
        self._horizon: Millis = round(task.horizon_days * DAY)
        stability = stored.get(STABILITY)
        self._stability = (
            Stability() if stability is None else msgspec.json.decode(stability, type=Stability)
        )
        #: What lies in the store of what seldom changes.
        self._stored = {} if stability is None else {STABILITY: stability}
        #: The champion and the challenger as they were stored last.
        self.former = as_snapshot(stored.get(RUNNING))
        #: The last snapshot of the learner, whichever model it was.
        self.newest = self.former
        self._rival_former: Snapshot | None = None
        if notes.named not in ("", name) or (self.former and self.former.name != notes.champion):
            self._follow_the_settings(name, as_snapshot(stored.get(CHALLENGER)))
        notes.named = name
        self.champion = REGISTRY[notes.champion].learner(task, self.former)
        self._pairs = Pairs(self._horizon, notes.made, notes.first, _blocks(stored))
        before = notes.challenger
        self._choose(name)
        if notes.challenger != before:
            self._forget_pairs()
        elif before:
            self._rival_former = as_snapshot(stored.get(CHALLENGER))
        self._rival = self._learner(notes.challenger, self._rival_former)

    @classmethod
    async def read(cls, store: Store, task: Task, name: str, rivalry: Rivalry) -> Contest:
        """Read where it stands.

        Parameters
        ----------
        store
            Where the learner's records are.
        task, name, rivalry
            As for the class.

        Raises
        ------
        NewerVersion
            If a newer Ebbtide wrote it.
        """
        notes = await read_notes(store) or Notes(champion=name, named=name)
        names = [RUNNING, CHALLENGER, STABILITY, *map(_block, range(Pairs.BLOCKS))]
        page = await store.read(PARTITION, names, -1, 0)
        found = {name: record.state for name, record in page.records.items()}
        return cls(
            task,
            name,
            rivalry,
            notes,
            {name: data for name, data in found.items() if data is not None},
        )

    def _follow_the_settings(self, name: str, challenger: Snapshot | None) -> None:
        """Let another model judge, because the settings name another one now.

        The challenger goes on from where it is; any other begins afresh, and learns what comes.
        """
        notes = self.notes
        known = challenger is not None and challenger.name == name == notes.challenger
        logger.warning(
            "model.name is %s now: it takes over from %s, %s",
            *(name, notes.champion, "as it is" if known else "and begins afresh"),
        )
        self.former = challenger if known else None
        notes.champion, notes.challenger, notes.by_drift = name, "", None
        notes.trial = Trial()

    def _choose(self, name: str) -> None:
        """Decide who challenges: the one of the settings, or whom drift has started."""
        notes, wanted = self.notes, self._rivalry.challenger
        if not wanted and notes.by_drift is not None and self._rivalry.on_drift:
            return
        notes.by_drift = None
        if wanted == notes.champion:
            # It has won: now the model of the settings challenges.
            wanted = name
        notes.challenger = "" if wanted == notes.champion else wanted

    def _learner(self, name: str, snapshot: Snapshot | None) -> Learner | None:
        return REGISTRY[name].learner(self._task, snapshot) if name else None

    # -- examples -----------------------------------------------------------------------------

    def take(self, examples: Sequence[TrainingExample], number: int) -> list[ModelEvent]:
        """Compare and learn a chunk of examples; return what is to be told.

        Parameters
        ----------
        examples
            New ones, in the order in which they are learnt.
        number
            Of the last published snapshot; 0 before the first.
        """
        notes, rivalry = self.notes, self._rivalry
        self._compare(examples)
        alarms = notes.watch.look(
            examples,
            self._stability,
            self._task.catalogue.names,
            self._task.weighing,
            self._horizon,
            round(self._task.active_days * DAY),
            rivalry.stability,
        )
        self.champion.learn(examples)
        if self._rival is not None:
            self._rival.learn(examples)
        live = f"{notes.champion}-{number}" if number else PRIOR
        events = [
            ModelEvent(
                event_id=model_event_id("drift", alarm.at, alarm.detector, alarm.feature),
                type="drift",
                at=alarm.at,
                model=live,
                detector=alarm.detector,
                feature=alarm.feature,
                numbers=alarm.numbers,
            )
            for alarm in alarms
        ]
        if examples:
            now = max(example.matured_at for example in examples)
            verdict = self._verdict(now, live, number) or self._start(now, live, drift=bool(alarms))
            events += [] if verdict is None else [verdict]
        for event in events:
            _tell(event)
        notes.events = [*notes.events, *events][-_REMEMBERED:]
        return events

    def _judges(self) -> tuple[Judge, Judge] | None:
        """Return both as they are; None while the challenger cannot judge by itself."""
        if self._rival_former is None:
            return None
        warmup = self._rivalry.warmup
        rival = judge_of(self._task, self._rival_former, warmup)
        if rival.version == PRIOR:
            return None
        return judge_of(self._task, self.former, warmup), rival

    def _compare(self, examples: Sequence[TrainingExample]) -> None:
        if self._rival is None:
            return
        notes, pairs = self.notes, self._pairs
        firsts = [each for each in examples if each.stage == 0 and pairs.is_free(*_whose(each))]
        risks: dict[str, tuple[float, float]] = {}
        if firsts and (judges := self._judges()) is not None:
            vectors = np.array([each.vector for each in firsts], dtype=np.float32)
            both = [judge.judge(vectors).risks.tolist() for judge in judges]
            risks = {
                each.example_id: (champion, rival)
                for each, champion, rival in zip(firsts, *both, strict=True)
            }
        for example in examples:
            if example.example_id in risks:
                decision = example.example_id.removesuffix(_FIRST)
                pairs.make(example.user_id, decision, example.at, *risks[example.example_id])
            elif example.whole and self._task.weighing.of(example) > 0:
                said = pairs.said(example.user_id, example.example_id)
                if said is not None:
                    guard = self._rivalry.guard
                    notes.trial.add(*said, example.label, example.matured_at, guard)
        notes.made, notes.first = pairs.made, pairs.first
        notes.evicted += pairs.evicted
        pairs.evicted = 0

    # -- who judges ---------------------------------------------------------------------------

    def _verdict(self, now: Millis, live: str, number: int) -> ModelEvent | None:
        notes, guard = self.notes, self._rivalry.guard
        trial = notes.trial
        last = [notes.promoted_at] if self._rivalry.promote else [notes.promoted_at, notes.told_at]
        rested = all(at is None or now >= at + guard.cooldown for at in last)
        if self._rival is not None and rested and trial.is_won(guard):
            numbers = trial.summary(guard)
            if not self._rivalry.promote:
                notes.told_at = now
                return self._event("better", now, live, notes.challenger, numbers)
            notes.promoted_at = now
            challenger = f"{notes.challenger}-{number + 1}"
            self._swap(now)
            return self._event("promoted", now, live, challenger, numbers)
        if notes.by_drift is not None and now - notes.by_drift > ROUND * self._horizon:
            retired = notes.challenger
            self._let_challenge("", None)
            return self._event("retired", now, live, retired, {})
        return None

    def _start(self, now: Millis, live: str, *, drift: bool) -> ModelEvent | None:
        name = self._rivalry.on_drift
        if not drift or not name or self.notes.challenger:
            return None
        self._let_challenge(name, now)
        return self._event("challenger", now, live, name, {})

    def _event(
        self, kind: Any, now: Millis, live: str, challenger: str, numbers: dict[str, float]
    ) -> ModelEvent:
        return ModelEvent(
            event_id=model_event_id(kind, now, live, challenger),
            type=kind,
            at=now,
            model=live,
            challenger=challenger,
            numbers=numbers,
        )

    def _swap(self, now: Millis) -> None:
        notes = self.notes
        assert self._rival is not None
        self.champion, self._rival = self._rival, self.champion
        notes.champion, notes.challenger = notes.challenger, notes.champion
        notes.by_drift = None if notes.by_drift is None else now
        self._forget_pairs()

    def _let_challenge(self, name: str, by_drift: Millis | None) -> None:
        self.notes.challenger, self.notes.by_drift = name, by_drift
        self._rival = self._learner(name, None)
        self._forget_pairs()

    def _forget_pairs(self) -> None:
        self._pairs.clear()
        self.notes.first = self._pairs.first
        self.notes.trial = Trial()

    # -- written down -------------------------------------------------------------------------

    def written(self, running: Snapshot) -> dict[str, Record]:
        """Return what has changed, to be stored with the champion's snapshot.

        Parameters
        ----------
        running
            The champion as it is now.
        """
        self.former, self._rival_former = running, None
        self.notes.standing = self.notes.trial.summary(self._rivalry.guard)
        found = {NOTES: self.notes.encode()}
        stability = msgspec.json.encode(self._stability)
        if self._stored.get(STABILITY) != stability:
            found[STABILITY] = self._stored[STABILITY] = stability
        if self._rival is not None:
            self._rival_former = self._rival.snapshot(running.number, {})
            found[CHALLENGER] = encode_snapshot(self._rival_former)
        found |= {_block(number): data for number, data in self._pairs.changed().items()}
        return {name: Record(data) for name, data in found.items()}


def _whose(example: TrainingExample) -> tuple[str, Millis]:
    return example.user_id, example.at


def _block(number: int) -> str:
    return f"pairs-{number}"


def _blocks(stored: Mapping[str, bytes]) -> dict[int, bytes]:
    found = {number: stored.get(_block(number)) for number in range(Pairs.BLOCKS)}
    return {number: data for number, data in found.items() if data is not None}


def _tell(event: ModelEvent) -> None:
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in event.numbers.items())
    match event.type:
        case "drift":
            logger.warning("drift: %s by %s (%s)", event.feature, event.detector, numbers)
        case "challenger":
            logger.info("%s challenges %s, because of drift", event.challenger, event.model)
        case "better":
            logger.info(
                "%s is better than %s (%s); model.promote = true lets it take over",
                *(event.challenger, event.model, numbers),
            )
        case "promoted":
            logger.info("%s takes over from %s (%s)", event.challenger, event.model, numbers)
        case "retired":
            logger.info("%s has not proved better than %s", event.challenger, event.model)
