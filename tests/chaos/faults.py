"""The faults: each breaks something on a stage, and returns when it is mended."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import redis

from streams.demo import ChildError
from streams.live.held import Mark
from tests.chaos.proxy import Proxy
from tests.chaos.stage import WORKERS, Stage, some
from tests.servers import wait_for

Fault: TypeAlias = Callable[[Stage, random.Random], None]
#: Much in hand when it strikes: what a mistake spoils must not be put right by what comes next.
_LARGE: Final = {"EBB_WORKER_BATCH": "100", "EBB_WORKER_TIMERS": "100"}
#: Longer than the session, so that the others have taken over when it goes on.
_FROZEN: Final = (8.0, 10.0)


def kill_worker(stage: Stage, dice: random.Random) -> None:
    victim = dice.choice(stage.workers)
    victim.kill()
    stage.replace(victim)


def kill_learner(stage: Stage, dice: random.Random) -> None:
    assert stage.learner is not None
    stage.learner.kill()
    stage.start_learner()


def kill_redis(stage: Stage, dice: random.Random) -> None:
    stage.keeper.kill()
    some(dice, 1.0, 3.0)
    stage.keeper.start()


def kill_kafka(stage: Stage, dice: random.Random) -> None:
    stage.broker.kill()
    some(dice, 2.0, 4.0)
    stage.broker.start()


def kill_kafka_for_long(stage: Stage, dice: random.Random) -> None:
    stage.broker.kill()
    some(dice, 40.0, 41.0)
    stage.broker.start()


def kill_kafka_and_worker(stage: Stage, dice: random.Random) -> None:
    """What was handed over to a broker that is gone is lost with who handed it over."""
    victim = dice.choice(stage.workers)
    stage.broker.kill()
    some(dice, 1.5, 2.5)
    victim.kill()
    stage.broker.start()
    stage.replace(victim)


def freeze_worker(stage: Stage, dice: random.Random) -> None:
    stage.freeze(dice.choice(stage.workers), dice.uniform(*_FROZEN))


def freeze_learner(stage: Stage, dice: random.Random) -> None:
    assert stage.learner is not None
    stage.freeze(stage.learner, dice.uniform(*_FROZEN))


def break_way_to_redis(stage: Stage, dice: random.Random) -> None:
    _break(stage.way, dice)


def break_way_to_kafka(stage: Stage, dice: random.Random) -> None:
    _break(stage.broker.proxy, dice)


def _break(way: Proxy, dice: random.Random) -> None:
    how = dice.choice(["cut", "refuse", "slow", "swallow", "swallow for long", "again and again"])
    if how == "cut":
        way.cut()
    elif how == "refuse":
        way.cut(refuse=True)
        some(dice, 1.0, 3.0)
    elif how == "slow":
        way.slow(dice.uniform(0.05, 0.3))
        some(dice, 2.0, 4.0)
    elif how == "swallow":
        way.swallow()
        some(dice, 1.0, 4.0)
        # What was held back comes through late, or never.
        if dice.random() < 0.5:
            way.cut()
    elif how == "swallow for long":
        way.swallow()
        some(dice, 7.0, 12.0)
    else:
        for _ in range(8):
            way.cut()
            some(dice, 0.0, 0.4)
    way.mend()


def tear_log_of_redis(stage: Stage, dice: random.Random) -> None:
    """Twice: what a torn transaction leaves in the file comes alive at the second start."""
    stage.keeper.kill()
    stage.keeper.tear(dice)
    stage.keeper.start()
    some(dice, 0.0, 1.0)
    stage.keeper.kill()
    stage.keeper.start()


def restore_redis(stage: Stage, dice: random.Random) -> None:
    stage.keeper.save()
    some(dice, 0.5, 3.0)
    stage.keeper.kill()
    some(dice, 0.2, 1.0)
    stage.keeper.set_back()


def kill_notifiers(stage: Stage, dice: random.Random) -> None:
    """One, or both at once, again and again."""
    for _ in range(3):
        victims = dice.sample(range(len(stage.notifiers)), dice.choice([1, len(stage.notifiers)]))
        stage.kill_notifiers(victims)
        some(dice, 0.0, 1.0)
        stage.revive_notifiers(victims)
        # Just long enough to begin, or to have much under way.
        some(dice, 1.5, 5.0)


def join_and_leave(stage: Stage, dice: random.Random) -> None:
    if dice.random() < 0.5 or len(stage.workers) > WORKERS:
        leaver = stage.workers.pop(dice.randrange(len(stage.workers)))
        leaver.terminate()
        _must_end(stage, leaver.name, 0, lambda: leaver.wait(15))
    while len(stage.workers) < WORKERS + (dice.random() < 0.5):
        stage.workers.append(stage.worker())
    some(dice, 1.0, 4.0)


def stop_all(stage: Stage, dice: random.Random) -> None:
    assert stage.learner is not None
    everyone = [*stage.workers, stage.learner]
    for each in everyone:
        each.terminate()
    for each in everyone:
        _must_end(stage, each.name, 0, lambda each=each: each.wait(15))
    stage.workers = [stage.worker() for _ in everyone[:-1]]
    stage.start_learner()


def _must_end(stage: Stage, name: str, code: int, wait: Callable[[], int]) -> None:
    try:
        ended = wait()
    except ChildError:
        stage.incidents.append(f"{name} did not end within its time")
    else:
        if ended != code:
            stage.incidents.append(f"{name} ended with {ended}, not {code}")


def fill_memory(stage: Stage, dice: random.Random) -> None:
    stage.keeper.allow_memory(1)
    some(dice, 1.0, 4.0)
    stage.keeper.allow_memory(0)


def fill_disk(stage: Stage, dice: random.Random) -> None:
    """Redis refuses to write (everysec), or ends (always), when its file cannot grow."""
    keeper = stage.keeper
    ends = dice.random() < 0.5
    if not ends:
        keeper.sync("everysec")
    keeper.fill_disk(dice.randint(0, 20_000))
    some(dice, 2.0, 5.0)
    keeper.clear_disk()
    if not keeper.running:
        keeper.start()
        return
    if not ends:
        wait_for("Redis writes again", lambda: _writes(stage), 20)
        keeper.sync("always")


def _writes(stage: Stage) -> bool:
    with stage.keeper.client() as client:
        try:
            return bool(client.set("chaos:probe", "1"))
        except redis.ResponseError:
            return False


def change_policy(stage: Stage, dice: random.Random) -> None:
    """It is wrong for a while, half there or gone, and then another one; somebody may die of it."""
    policy = stage.policy
    policy.turn(dice)
    mischief = dice.choice(["none", "half", "wrong", "gone"])
    if mischief == "half":
        policy.write_half(dice)
    elif mischief == "wrong":
        policy.write_wrong()
    elif mischief == "gone":
        policy.remove()
    # Long enough to be taken for what the file says, or not.
    some(dice, 0.2, 2.5)
    if dice.random() < 0.5:
        policy.replace()
    else:
        policy.write_half(dice)
        some(dice, 0.0, 0.3)
        policy.write()
    some(dice, 0.0, 2.0)
    if dice.random() < 0.5:
        # Perhaps before it has noticed: whoever takes over may go by another version.
        kill_worker(stage, dice)
    try:
        wait_for("all go by the policy file", stage.goes_by_the_file, 40, 0.1)
    except AssertionError as error:
        stage.incidents.append(str(error))


def recreate_topic(stage: Stage, dice: random.Random) -> None:
    """Nobody can tell what is missing: the workers must stop, and be told to go on."""
    for each in stage.workers:
        each.send_signal(signal.SIGSTOP)
    stage.feeder.pause()
    held = stage.corner.read("clickstream")
    stage.delete_topic()
    for each in stage.workers:
        each.send_signal(signal.SIGCONT)
    stage.feeder.resume(afresh=True)
    for each in stage.workers:
        _must_end(stage, each.name, 1, lambda each=each: each.wait(40))
        each.kill()
    marks = stage.corner.marks()
    applied = [mark.offset for mark in marks]
    stage.before += [said for said in held if said.offset < applied[said.partition]]
    stage.workers = [stage.worker("--accept-gap") for _ in stage.workers]
    wait_for("they have gone on", lambda: _anew(stage, marks), 90)
    # Whoever accepts gaps for ever would not see the next one.
    for each in stage.workers:
        each.terminate()
    for each in stage.workers:
        _must_end(stage, each.name, 0, lambda each=each: each.wait(15))
    stage.workers = [stage.worker() for _ in stage.workers]


def _anew(stage: Stage, before: list[Mark]) -> bool:
    """Whether every partition's position is one in the topic as it is now."""
    pairs = zip(stage.corner.marks(), before, strict=True)
    return all(now.topics != old.topics for now, old in pairs) and stage.moves()


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Parameters
    ----------
    meaning
        What the table calls it.
    strike
        Breaks and mends.
    seconds
        About how long a round takes.
    proxied
        Whether workers must take the way that can be broken.
    brief
        Whether it is part of the short form.
    alone
        Whether it needs a run of its own, for its settings or its stream.
    foreign
        Share of customers whose producer has another partitioner.
    mutant
        The mistake that the workers have: the run must find it.
    notified
        Whether alerts are sent to endpoints, and what those were told is held to the alerts.
    pending
        Why it cannot work yet.
    most
        Most rounds in one run: for what takes long, and for mutants, which one round finds out.
    """

    meaning: str
    strike: Fault
    seconds: float
    proxied: bool = False
    brief: bool = True
    alone: bool = False
    foreign: float = 0.0
    mutant: str | None = None
    notified: bool = False
    pending: str = ""
    most: int = 1_000
    settings: Mapping[str, str] = field(default_factory=dict)


KINDS: Final[dict[str, Kind]] = {
    "worker": Kind("kill -9 a worker", kill_worker, 9),
    "learner": Kind("kill -9 the learner", kill_learner, 6),
    "redis": Kind("kill -9 Redis, away 1 to 3 s", kill_redis, 5),
    "kafka": Kind("kill -9 Kafka, away 2 to 4 s", kill_kafka, 16),
    "kafka-long": Kind("kill -9 Kafka, away 40 s", kill_kafka_for_long, 60, brief=False, most=3),
    "kafka-worker": Kind("kill -9 Kafka, then a worker", kill_kafka_and_worker, 16, brief=False),
    "freeze-worker": Kind("SIGSTOP a worker past its session", freeze_worker, 12),
    "freeze-learner": Kind("SIGSTOP the learner past its session", freeze_learner, 12, brief=False),
    "way-redis": Kind("the way to Redis breaks", break_way_to_redis, 7, proxied=True),
    "way-kafka": Kind("the way to Kafka breaks", break_way_to_kafka, 8, proxied=True),
    "tear": Kind("kill -9 Redis, its file torn, twice", tear_log_of_redis, 5),
    "restore": Kind("Redis set back to an older copy", restore_redis, 6),
    "join-leave": Kind("workers join and leave", join_and_leave, 7),
    "stop-all": Kind("SIGTERM all, start again", stop_all, 10, brief=False),
    "policy": Kind("the policy file is changed, half or wrong at first", change_policy, 8),
    "memory": Kind("Redis out of memory", fill_memory, 4),
    "disk": Kind("Redis's disk is full", fill_disk, 6),
    "topic": Kind(
        "clickstream deleted and created again",
        recreate_topic,
        20,
        brief=False,
        alone=True,
    ),
    "notify": Kind(
        "kill -9 those who send webhooks, thrice",
        kill_notifiers,
        14,
        brief=False,
        alone=True,
        notified=True,
    ),
    "partitioner": Kind(
        "another partitioner, kill -9 a worker",
        kill_worker,
        9,
        brief=False,
        alone=True,
        foreign=0.3,
        # The two topics are read in any order: nothing but each customer's own may matter.
        settings={"EBB_LATENESS": "400d"},
    ),
    "mutant-no-fence": Kind(
        "MUTANT without the fence, frozen",
        freeze_worker,
        12,
        alone=True,
        mutant="no-fence",
        most=3,
        settings=_LARGE,
    ),
    "mutant-early-trim": Kind(
        "MUTANT that trims before the acknowledgement",
        kill_kafka_and_worker,
        16,
        alone=True,
        mutant="early-trim",
        most=3,
        settings=_LARGE,
    ),
    "mutant-early-settle": Kind(
        "MUTANT that takes webhooks for told before the answer",
        kill_notifiers,
        14,
        alone=True,
        notified=True,
        mutant="early-settle",
        most=1,
    ),
}
#: Long enough for a round whatever happens, without sleeping through it.
ROUND_SECONDS: Final = 90.0


def strike(kind: Kind, stage: Stage, dice: random.Random) -> tuple[float, float]:
    """Break and mend once; return when it began and when it was mended."""
    began = time.monotonic()
    kind.strike(stage, dice)
    return began, time.monotonic()
