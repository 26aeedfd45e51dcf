"""One run: a stream, faults again and again, and what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from features import DAY, decode_state
from models.learning import Snapshot
from models.registry import REGISTRY
from streams.composition import shop_of, task_of
from streams.live.model import RUNNING
from tests.chaos.comparing import Differences, Found, compare
from tests.chaos.faults import ROUND_SECONDS, Kind, strike
from tests.chaos.letters import START, closing, letters
from tests.chaos.receivers import Told
from tests.chaos.reference import examples_in, expected_of
from tests.chaos.stage import PARTITIONS, Broker, Stage, some
from tests.chaos.watch import longest_stall, recovered_after
from tests.e2e.corner import Corner

#: Seconds for everything to come to rest at the end.
_SETTLE: Final = 120.0
#: Seconds for everybody to have a share of the work before the next fault.
_BALANCE: Final = 20.0


@dataclass
class Result:
    """A line of the table."""

    name: str
    meaning: str
    rounds: int
    events: int
    differences: Differences
    incidents: list[str]
    stall: float
    recovery: float
    seconds: float
    mutant: str | None = None
    folder: str = ""
    alerts: int = 0
    examples: int = 0
    webhooks: int = 0
    by_kind: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything was as it must be."""
        return self.differences.none and not self.incidents

    @property
    def right(self) -> bool:
        """Whether the run shows what it has to: nothing wrong, or a mutant's mistake."""
        if self.mutant is None:
            return self.clean
        found = self.differences
        return bool(found.lost or found.doubled or found.alerts_lost or found.webhooks_lost)


def broken_off(name: str, programme: Sequence[Kind], error: Exception, folder: Path) -> Result:
    """Return the line of a run that came to no end."""
    kind = programme[0]
    said = str(error).strip().splitlines() or [type(error).__name__]
    incidents = [f"the run broke off: {said[0]}"]
    return Result(
        name,
        kind.meaning,
        len(programme),
        0,
        Differences(),
        incidents,
        0.0,
        0.0,
        0.0,
        kind.mutant,
        str(folder),
    )


def perform(
    name: str,
    programme: Sequence[Kind],
    broker: Broker,
    folder: Path,
    *,
    seed: int,
    events: int,
    notified: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Result:
    """Let the faults of a programme strike, one after the other, while events flow."""
    began = time.monotonic()
    dice = random.Random(f"{seed}-{name}")
    first = programme[0]
    stage = Stage(
        folder,
        f"chaos-{name}-{seed}",
        broker,
        list(letters(dice, events, PARTITIONS, foreign=first.foreign)),
        settings=first.settings,
        proxied=any(kind.proxied for kind in programme),
        mutant=first.mutant,
        notified=notified or any(kind.notified for kind in programme),
    )
    by_kind: dict[str, tuple[float, float]] = {}
    try:
        stage.start()
        longest = recovery = 0.0
        for number, kind in enumerate(programme):
            looks = len(stage.watch.looks)
            took = _round(stage, kind, dice, number, len(programme), events)
            stall = longest_stall(stage.watch.looks[looks:])
            say(f"{name} {number + 1}/{len(programme)} {kind.meaning}: {stall:.1f} s, {took:.1f} s")
            longest, recovery = max(longest, stall), max(recovery, took)
            before = by_kind.get(kind.meaning, (0.0, 0.0))
            by_kind[kind.meaning] = max(before[0], stall), max(before[1], took)
        stage.feeder.finish()
        stage.settle(_SETTLE)
        if first.foreign:
            stage.feeder.add(closing(PARTITIONS, START + 600 * DAY))
            stage.feeder.resume()
            stage.feeder.finish()
            stage.settle(_SETTLE)
        # A mutant that loses some would be waited for in vain.
        stage.tell(_SETTLE if first.mutant is None else _SETTLE / 10)
        stage.incidents += [
            f"{each.name} was told of nothing" for each in stage.receivers if not each.told.taken
        ]
        stage.stop()
        log = stage.log()
        expected = expected_of(stage.corner.settings, log, rekeys=bool(first.foreign))
        found = found_in(stage.corner, {each.name: each.told for each in stage.receivers})
        differences = compare(expected, found)
    finally:
        stage.clear()
    return Result(
        name,
        first.meaning if len(set(by_kind)) == 1 else f"one of each of {len(by_kind)} kinds",
        len(programme),
        expected.events,
        differences,
        stage.incidents,
        longest,
        recovery,
        time.monotonic() - began,
        first.mutant,
        str(folder),
        len(expected.alerts),
        len(expected.examples),
        sum(len(each.told.taken) for each in stage.receivers),
        by_kind,
    )


def _round(
    stage: Stage, kind: Kind, dice: random.Random, number: int, rounds: int, events: int
) -> float:
    """Strike once, in the middle of work, and wait until everything moves again."""
    _patiently(stage.balanced, _BALANCE)
    quota = events * (number + 1) // rounds
    rest = quota - stage.feeder.sent
    # Half of it at once, so that everybody has something in hand when it strikes; all of it for a
    # mutant, so that what comes next does not put right what it spoils.
    stage.feeder.allow(stage.feeder.sent + (rest if kind.mutant else rest // 2))
    _patiently(stage.busy, 2.0)
    some(dice, 0.0, 0.3)
    stage.feeder.allow(quota, max(rest / 2 / kind.seconds, 1.0))
    _, mended = strike(kind, stage, dice)
    stage.mind()
    took: float | None = None
    while took is None and time.monotonic() < mended + ROUND_SECONDS:
        time.sleep(0.1)
        stage.mind()
        took = recovered_after(stage.watch.looks, mended)
    if took is None:
        stage.incidents.append(f"round {number + 1}: nothing moves after {ROUND_SECONDS:g} s")
        return ROUND_SECONDS
    some(dice, 0.2, 1.5)
    return took


def _patiently(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for what may as well not come: a fault strikes then, too."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)


def found_in(corner: Corner, told: Mapping[str, Told]) -> Found:
    """Read what was left."""
    definition = shop_of(corner.settings).definition
    examples = corner.read("training")
    return Found(
        stored=corner.stored(),
        alerts=corner.read("interventions"),
        examples=examples,
        letters=corner.read("dead_letters"),
        model=_learnt(corner),
        taught=_taught(corner, examples),
        events_of=lambda state: decode_state(state, definition).events,
        told=told,
    )


def _learnt(corner: Corner) -> tuple[Any, int]:
    data = corner.stored("training")[0].states.get(RUNNING)
    if data is None:
        return None, 0
    snapshot = msgspec.json.decode(data, type=Snapshot)
    return snapshot.state, snapshot.learnt


def _taught(corner: Corner, said: Any) -> tuple[Any, int]:
    shop = shop_of(corner.settings)
    task = task_of(shop)
    examples = examples_in(said)
    if not examples:
        return None, 0
    learner = REGISTRY[corner.settings.model.name].learner(task, None)
    learner.learn(examples)
    state = msgspec.json.decode(msgspec.json.encode(learner.snapshot(0, {}).state))
    return state, learner.snapshot(0, {}).learnt
