"""The whole of it in one process: what it says of itself, and what goes on without a server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from streams.demo import free_port
from streams.live import open_redis
from streams.notify import CannotListen, Endpoint, Roster, Secret, new_secret, queue_of
from streams.notify.running import Service
from streams.settings import Settings, load_settings
from tests.servers import BUSY
from tests.streams.notify.alerts import wall
from tests.streams.notify.receivers import receiver, until
from tests.streams.notify.test_lane import notices

SECRET = new_secret(bytes(32))
NOWHERE = "127.0.0.1:1"


@dataclass
class Page:
    """The health page of a service."""

    port: int
    session: aiohttp.ClientSession

    async def ask(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as said:
            return said.status, await said.text()

    async def says(self, path: str, status: int, *words: str) -> None:
        """Wait until a page says something."""
        said: tuple[int, str] = (0, "")
        try:
            async with asyncio.timeout(BUSY * 20):
                while said[0] != status or not all(word in said[1] for word in words):
                    try:
                        said = await self.ask(path)
                    except aiohttp.ClientConnectorError:
                        said = (0, "")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{path} says {said}, not {status} {words}") from None


def settings_of(**environ: str) -> Settings:
    brief = {
        "EBB_KAFKA": NOWHERE,
        "EBB_NOTIFY_ALLOW": "127.0.0.0/8",
        "EBB_NOTIFY_REFRESH": "100ms",
        "EBB_NOTIFY_PORT": str(free_port()),
    }
    return load_settings(environ={**brief, **environ}).settings


def serving(settings: Settings, work: Callable[[Page], Awaitable[None]]) -> None:
    """Do something while a service works, and see it end when it is told to."""

    async def run() -> None:
        told = asyncio.Event()
        service = Service(settings)
        task = asyncio.create_task(service.serve(told))
        try:
            async with aiohttp.ClientSession() as session:
                await work(Page(settings.notify.port, session))
            told.set()
            async with asyncio.timeout(BUSY * 10):
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await service.close()

    asyncio.run(run())


def test_what_waits_is_sent_while_kafka_is_away_and_the_page_says_why_it_is_not_ready(
    redis_url: str, namespace: str
) -> None:
    settings = settings_of(EBB_REDIS=redis_url, EBB_REDIS_NAMESPACE=namespace)

    async def work(page: Page) -> None:
        client: Any = open_redis(redis_url)
        queue = queue_of(settings, client)
        async with receiver() as at:
            endpoint = Endpoint(name="crm", url=at.url, secrets=(Secret(SECRET),))
            await Roster(client, queue).add(endpoint)
            await queue.add("crm", notices(1, 2), wall())
            await until("both have arrived", lambda: len(at.came) == 2)
            await page.says("/healthz", 200)
            await page.says("/readyz", 503, "waiting for Kafka")
            delivered = 'ebb_notify_attempts_total{endpoint="crm",result="delivered"} 2'
            await page.says("/metrics", 200, delivered, 'ebb_notify_waiting{endpoint="crm"} 0')
            # One that was removed is sent nothing any more.
            await Roster(client, queue).remove("crm")
            async with asyncio.timeout(BUSY * 20):
                while 'waiting{endpoint="crm"}' in (await page.ask("/metrics"))[1]:
                    await asyncio.sleep(0.01)
        await client.aclose()

    serving(settings, work)


def lanes() -> int:
    """Return how many lanes look for something to send, in this loop."""
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return sum(name == "Lane.run" for name in names)


def test_a_removed_endpoint_has_no_lane_and_one_of_its_name_gets_what_is_its_own(
    redis_url: str, namespace: str
) -> None:
    settings = settings_of(EBB_REDIS=redis_url, EBB_REDIS_NAMESPACE=namespace)

    async def work(page: Page) -> None:
        client: Any = open_redis(redis_url)
        queue = queue_of(settings, client)
        roster = Roster(client, queue)
        async with receiver() as old, receiver() as new:
            await roster.add(Endpoint(name="crm", url=old.url, secrets=(Secret(SECRET),)))
            await queue.add("crm", notices(1, 2), wall())
            await until("both have arrived", lambda: len(old.came) == 2)
            assert lanes() == 1
            await roster.remove("crm")
            await until("nobody sends to it any more", lambda: lanes() == 0)
            await roster.add(Endpoint(name="crm", url=new.url, secrets=(Secret(SECRET),)))
            await queue.add("crm", notices(*range(3, 33)), wall())
            await until("all have arrived", lambda: len(new.came) == 30)
            assert (len(old.came), lanes()) == (2, 1)
        await client.aclose()

    serving(settings, work)


def test_without_redis_it_waits_and_says_so() -> None:
    async def work(page: Page) -> None:
        await page.says("/healthz", 200)
        await page.says("/readyz", 503, "Redis does not tell the endpoints")
        await page.says("/metrics", 200)

    serving(settings_of(EBB_REDIS="redis://127.0.0.1:1/0"), work)


def test_a_port_that_is_taken_is_told(redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = settings_of(EBB_REDIS=redis_url, EBB_NOTIFY_PORT=str(port))

        async def run() -> None:
            service = Service(settings)
            try:
                await service.serve(asyncio.Event())
            finally:
                await service.close()

        with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}"):
            asyncio.run(run())


def test_whoever_has_added_no_endpoint_is_told_how_to(
    redis_url: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(page: Page) -> None:
        await until("it is said", lambda: "ebb endpoints add URL" in caplog.text)

    serving(settings_of(EBB_REDIS=redis_url, EBB_REDIS_NAMESPACE=namespace), work)
