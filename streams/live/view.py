"""The running system as somebody sees it who only looks: its stores, and where its topics end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from features import Millis
from features.store import RedisStore, Store
from models.learning import Judge
from models.limits import Limits, RedisLimits
from models.playbooks import Spender
from models.registry import Task
from streams.composition import shop_of, task_of
from streams.ends import LogEnds
from streams.live.attendance import Attendance
from streams.live.dossier import Dossier, read_dossier
from streams.live.held import read_mark
from streams.live.model import CurrentModel
from streams.live.redis import open_redis
from streams.live.spending import read_spenders
from streams.live.status import Logs, Status, read_status
from streams.pipeline import Shop
from streams.settings import Settings


@dataclass(frozen=True)
class View:
    """A look at the running system.

    Parameters
    ----------
    settings
        All of them.
    shop, task
        The rules, and what models read of a vector.
    customers, learner, returned
        The stores of the workers, of the learner, and of what came of alerts.
    attendance
        Which workers run.
    limits
        What the shop may spend and do.
    """

    settings: Settings
    shop: Shop
    task: Task
    customers: Store
    learner: Store
    returned: Store
    attendance: Attendance
    limits: Limits

    async def judge(self) -> Judge:
        """Return the model of now."""
        model = CurrentModel(self.learner, self.task, self.settings.model.warmup)
        await model.look()
        return model()

    async def dossier(self, customer: str, at: Millis | None = None) -> Dossier:
        """Return all about one customer."""
        return await read_dossier(self.customers, self.shop, await self.judge(), customer, at)

    async def spenders(self, most: int) -> list[Spender]:
        """Return what a sample of at most so many customers spend."""
        return await read_spenders(self.customers, self.shop, most)

    async def reached(self) -> Millis | None:
        """Return the latest time that a partition has come to; None if nothing has happened."""
        partitions = read_mark(await self.customers.mark(0)).partitions
        marks = [read_mark(await self.customers.mark(number)) for number in range(partitions)]
        return max((mark.watermark for mark in marks if mark.watermark >= 0), default=None)

    async def status(self, logs: Logs) -> Status:
        """Return how the system stands."""
        found = await read_status(self.customers, self.learner, logs, self.returned)
        return replace(found, workers=await self.attendance.present())

    @contextmanager
    def logs(self) -> Iterator[Logs]:
        """Connect to Kafka, for `status`."""
        with ExitStack() as stack:
            ends = []
            for name in Logs._fields:
                ends.append(LogEnds(self.settings, self.settings.topic(name)))
                stack.callback(ends[-1].close)
            yield Logs(*ends)


@asynccontextmanager
async def looking(settings: Settings, *, deciding: bool = True) -> AsyncIterator[View]:
    """Look at the running system, for as long as the block lasts.

    Parameters
    ----------
    settings
        All of them.
    deciding
        Whether it is asked what would be decided: if not, the policy file is not read, and may be
        wrong.
    """
    shop = shop_of(settings, deciding=deciding)
    client = open_redis(settings.redis.url)
    namespace = settings.redis.namespace
    try:
        yield View(
            settings,
            shop,
            task_of(shop),
            RedisStore(client, namespace, settings.topic("clickstream")),
            RedisStore(client, namespace, settings.topic("training")),
            RedisStore(client, namespace, settings.topic("outcomes")),
            Attendance(client, namespace, settings.topic("clickstream")),
            RedisLimits(client, namespace),
        )
    finally:
        await client.aclose()
