"""Runs the sending of webhooks as this process: from settings to lanes, and to a clean stop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import signal
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from features import SECOND, Millis
from features.store import RedisStore
from streams.brokers import group_consumers
from streams.cancelling import obey
from streams.live import leave_within, open_redis
from streams.noise import say_seldom
from streams.notify.counting import Counts
from streams.notify.endpoint import MOST_ENDPOINTS, Endpoint
from streams.notify.health import health_page
from streams.notify.intake import Intake
from streams.notify.lane import AWAY, Lane, Manner, Parts
from streams.notify.queue import Queue, Room
from streams.notify.roster import Roster
from streams.notify.sending import Sender
from streams.notify.wanted import StillWanted
from streams.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

_NOISY: Final = (
    *("aiokafka", "aiokafka.client", "aiokafka.conn", "aiokafka.consumer.fetcher"),
    *("aiokafka.consumer.group_coordinator", "streams.notify.lane", "streams.notify.intake"),
)
#: Seconds that messages under way may take to end when the process is told to stop.
_GRACE: Final = 5.0


def wall() -> Millis:
    """Return the time."""
    return time.time_ns() // 1_000_000


def queue_of(settings: Settings, client: Any) -> Queue:
    """Return the queues in Redis."""
    own = settings.notify
    return Queue(client, settings.redis.namespace, Room(own.waiting, own.dead))


def sender_of(settings: Settings) -> Sender:
    """Return what sends to endpoints; make it where an event loop runs.

    Raises
    ------
    SettingsError
        If the certificates to trust cannot be read.
    """
    own = settings.notify
    trust = None if own.ca_file is None else _trusted(own.ca_file)
    return Sender(own.timeout, map(ipaddress.ip_network, own.allow), wall, trust)


def _trusted(file: Path) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    try:
        trust.load_verify_locations(cafile=str(file))
    except OSError as error:
        raise SettingsError(
            f"notify.ca_file = {str(file)!r} cannot be used: {error.strerror or error}; write the"
            " path of a file with certificates in PEM"
        ) from None
    return trust


def run(settings: Settings, level: str = "info") -> None:
    """Send alerts to endpoints until SIGTERM or Ctrl-C.

    Parameters
    ----------
    settings
        All of them.
    level
        What to log.

    Raises
    ------
    CannotListen
        If the health page's address is taken.
    """
    logging.basicConfig(
        level=level.upper(), format="[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"
    )
    say_seldom(_NOISY)
    asyncio.run(_until_told(settings))


async def _until_told(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def tell() -> None:
        if not told.is_set():
            # A name server or a broker that is away may hold up the end: nothing is lost then.
            leave_within(0)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    # A look at a name may take long, and occupies a thread: one for each endpoint.
    loop.set_default_executor(ThreadPoolExecutor(MOST_ENDPOINTS, "names"))
    service = Service(settings)
    try:
        await service.serve(told)
    finally:
        await service.close()


class Service:
    """Everything that sends webhooks, in one event loop.

    Parameters
    ----------
    settings
        All of them.
    """

    def __init__(self, settings: Settings) -> None:
        own = settings.notify
        self._settings = settings
        self._client = open_redis(settings.redis.url)
        self._counts = Counts()
        self._queue = queue_of(settings, self._client)
        self._roster = Roster(self._client, self._queue)
        self._sender = sender_of(settings)
        self._parts = Parts(
            self._queue,
            self._sender,
            self._counts,
            Manner(own.timeout, own.delays, own.parallel, own.rest),
            wall,
            random.Random(),
            StillWanted(
                RedisStore(self._client, settings.redis.namespace, settings.topic("clickstream"))
            ),
        )
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self._trouble = "endpoints were never read"
        self._intake = Intake(
            group_consumers(settings, "notify"),
            settings.topic("interventions"),
            self._roster,
            self._queue,
            self._counts,
            wall,
            self._queued,
        )

    async def serve(self, told: asyncio.Event) -> None:
        """Work until told to stop; then let what is under way end."""
        own = self._settings.notify
        async with health_page(own.host, own.port, self._reasons, self._metrics):
            working = [
                asyncio.create_task(self._intake.run()),
                asyncio.create_task(self._look_again(own.refresh / SECOND)),
            ]
            waiting = asyncio.create_task(told.wait())
            await asyncio.wait([waiting, *working], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            lanes = list(self._lanes.values())
            await asyncio.gather(_end(*working), *(_let(*each) for each in lanes))
            for task in working:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error

    async def close(self) -> None:
        """Disconnect."""
        await self._sender.close()
        await self._client.aclose()

    async def _look_again(self, every: float) -> None:
        told = False
        while True:
            obey()
            try:
                endpoints = await self._roster.all()
                self._know(endpoints)
                self._trouble = ""
                if not endpoints and not told:
                    logger.warning("there are no endpoints; add one with: ebb endpoints add URL")
                told = not endpoints
            except AWAY as error:
                self._trouble = f"Redis does not tell the endpoints: {type(error).__name__}"
                logger.warning("%s", self._trouble)
            await asyncio.sleep(every)

    def _know(self, endpoints: Mapping[str, Endpoint]) -> None:
        """Have a lane for each endpoint, and for nobody else."""
        for name in self._lanes.keys() - endpoints.keys():
            _, task = self._lanes.pop(name)
            # What is under way to it ends by itself, and finds that nobody asks for it.
            task.cancel()
        for name, endpoint in endpoints.items():
            if name in self._lanes:
                self._lanes[name][0].endpoint = endpoint
            else:
                lane = Lane(endpoint, self._parts)
                self._lanes[name] = lane, asyncio.create_task(lane.run())

    def _queued(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._know(endpoints)
        for lane, _ in self._lanes.values():
            lane.wake()

    def _reasons(self) -> list[str]:
        lanes = (lane.trouble for lane, _ in self._lanes.values())
        return list(dict.fromkeys(filter(None, (self._intake.trouble, self._trouble, *lanes))))

    async def _metrics(self) -> str:
        standings = {}
        with suppress(*AWAY):
            for name in sorted(self._lanes):
                standings[name] = await self._queue.standing(name)
        return self._counts.text(standings, wall())


async def _let(lane: Lane, task: asyncio.Task[None]) -> None:
    """Let what is under way to an endpoint end."""
    await _end(task)
    await lane.finish(_GRACE)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
