"""The way to one endpoint: takes what is due from its queue, sends it, and takes note.

Each endpoint has a lane of its own, with so many messages under way at most: who answers late, or
never, fills its own lane and nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.exceptions import RedisClusterException, RedisError

from features import SECOND, Millis
from streams.cancelling import obey
from streams.notify.counting import Counts
from streams.notify.endpoint import Endpoint
from streams.notify.queue import Haul, Queue, Taken
from streams.notify.schedule import Answer, Verdict, judge
from streams.notify.sending import Sender
from streams.notify.signing import signed_headers
from streams.notify.wanted import Wanted, always

logger = logging.getLogger(__name__)

#: What a client raises when Redis cannot be asked.
AWAY: Final = (RedisError, RedisClusterException, OSError)
#: Seconds between looks for what others may have queued, and after Redis was away.
_LOOK: Final = 1.0
#: A message is had for that many times as long as an attempt may take, and a little more.
_LEASE: Final = 2
_LITTLE: Final[Millis] = 2 * SECOND


@dataclass(frozen=True)
class Manner:
    """How endpoints are sent to.

    Parameters
    ----------
    timeout
        How long an attempt may take.
    delays
        How long to wait after each attempt but the last.
    parallel
        Most messages under way to one endpoint.
    rest
        How long an endpoint that cannot keep up, or is down, is left in peace at most.
    """

    timeout: Millis
    delays: tuple[Millis, ...]
    parallel: int
    rest: Millis


@dataclass(frozen=True)
class Parts:
    """What all lanes share.

    Parameters
    ----------
    queue, sender, counts
        As they are.
    manner
        How endpoints are sent to.
    wall
        The clock, in milliseconds.
    rng
        Spreads the times of what failed together.
    wanted
        Whether the customer still wants a message.
    """

    queue: Queue
    sender: Sender
    counts: Counts
    manner: Manner
    wall: Callable[[], Millis]
    rng: random.Random
    wanted: Wanted = always


class Lane:
    """Sends to one endpoint.

    Parameters
    ----------
    endpoint
        As it is now; `endpoint` may be set anew at any time.
    parts
        What it shares with others.
    """

    def __init__(self, endpoint: Endpoint, parts: Parts) -> None:
        self.endpoint = endpoint
        self._parts = parts
        self._work = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Taken] = {}
        #: Why nothing can be taken just now, in words; empty when it can.
        self.trouble = ""

    def wake(self) -> None:
        """Look at once: something was queued."""
        self._work.set()

    async def run(self) -> None:
        """Send until cancelled; what is under way then goes on."""
        while True:
            obey()
            self._work.clear()
            wait = await self._fill()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._work.wait()

    async def finish(self, seconds: float) -> None:
        """Let what is under way end, for a while; then give it back."""
        if not self._under_way:
            return
        await asyncio.wait(list(self._under_way), timeout=seconds)
        left = dict(self._under_way)
        for task in left:
            task.cancel()
        for task, taken in left.items():
            with suppress(asyncio.CancelledError, *AWAY):
                await task
            with suppress(*AWAY):
                # It may have arrived: better twice than never.
                await self._parts.queue.give_back(self.endpoint.name, taken, self._parts.wall())

    async def _fill(self) -> float:
        """Take what is due, as far as there is room; return in how many seconds to look again."""
        manner, busy = self._parts.manner, len(self._under_way)
        free = manner.parallel - busy
        if not free:
            return _LOOK
        now = self._parts.wall()
        until = now + _LEASE * manner.timeout + _LITTLE
        try:
            # One that could not keep up is asked with a single message whether it can now.
            haul = await self._parts.queue.take(
                self.endpoint.name, now, free, 0 if busy else 1, until
            )
        except AWAY as error:
            if not self.trouble:
                logger.warning("the queues cannot be read: %s", type(error).__name__)
            self.trouble = f"Redis does not give what is to be sent: {type(error).__name__}"
            return _LOOK
        except msgspec.DecodeError:
            # Whatever was taken is due again after a while; until then others have their turn.
            logger.exception("%s: what waits cannot be read", self.endpoint.name)
            return _LOOK
        self.trouble = ""
        for taken in haul.taken:
            task = asyncio.create_task(self._deliver(taken, haul))
            self._under_way[task] = taken
            task.add_done_callback(self._ended)
        if haul.next_look is None or len(haul.taken) == free:
            return _LOOK
        if haul.next_look <= now and not haul.taken:
            # One that could not keep up is being asked: its answer wakes us.
            return _LOOK
        return min(max(haul.next_look - now, 0) / SECOND + 0.001, _LOOK)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: after a while the message is due again.
            logger.error("an attempt broke off", exc_info=error)
        self._work.set()

    async def _deliver(self, taken: Taken, haul: Haul) -> None:
        parts, endpoint = self._parts, self.endpoint
        now = parts.wall()
        attempts = taken.attempts
        try:
            wanted = await parts.wanted(taken.body)
        except AWAY as error:
            logger.warning(
                "%s: whether a message is still wanted cannot be asked (%s): it is due again later",
                endpoint.name,
                type(error).__name__,
            )
            return
        if 0 < attempts.until < now:
            verdict = Verdict("dead", why="no longer valid", attempted=False)
        elif not wanted:
            verdict = Verdict("dead", why="the customer has unsubscribed since", attempted=False)
        else:
            headers = signed_headers(endpoint.secrets, taken.webhook_id, taken.body, now)
            answer = await parts.sender.send(endpoint.url, headers, taken.body)
            verdict = self._judged(answer, taken, haul)
            now = parts.wall()
        parts.counts.told(endpoint.name, verdict.kind)
        if verdict.kind == "gone":
            logger.warning(
                "%s is disabled: %s; to enable it: ebb endpoints enable %s",
                endpoint.name,
                verdict.why,
                endpoint.name,
            )
        elif verdict.kind == "dead":
            logger.warning("%s: a message is dead: %s", endpoint.name, verdict.why)
        elif verdict.kind == "again":
            logger.debug("%s: again later: %s", endpoint.name, verdict.why)
        try:
            await parts.queue.settle(endpoint.name, taken, verdict, now)
        except AWAY as error:
            logger.warning(
                "%s: what became of a message is not noted (%s): it may be sent again",
                endpoint.name,
                type(error).__name__,
            )

    def _judged(self, answer: Answer, taken: Taken, haul: Haul) -> Verdict:
        return judge(
            answer,
            tries=taken.attempts.made + 1,
            delays=self._parts.manner.delays,
            now=self._parts.wall(),
            until=taken.attempts.until,
            strikes=haul.strikes,
            failures=haul.failures,
            longest_rest=self._parts.manner.rest,
            dice=self._parts.rng.random(),
        )
