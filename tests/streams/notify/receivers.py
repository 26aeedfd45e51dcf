"""Receivers of webhooks: real servers on loopback that answer as they are told."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.servers import BUSY


@dataclass(frozen=True)
class Came:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> None:
        Webhook(secret).verify(self.body, self.headers)


Answers = Callable[[Came], web.Response]


@dataclass
class Receiver:
    """A server, what came, and what it answers."""

    port: int = 0
    came: list[Came] = field(default_factory=list)
    answers: Answers = lambda came: web.Response(status=204)
    #: Seconds before it answers; None: never.
    pause: float | None = 0.0
    #: With a certificate; None: without any.
    tls: ssl.SSLContext | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [came.webhook_id for came in self.came]

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        came = Came(headers, await request.read(), time.monotonic())
        self.came.append(came)
        if self.pause is None:
            await self.closing.wait()
        elif self.pause:
            await asyncio.sleep(self.pause)
        return self.answers(came)


@asynccontextmanager
async def receiver(receiving: Receiver | None = None) -> AsyncIterator[Receiver]:
    """Serve a receiver for a while, on a port of its own."""
    served = receiving or Receiver()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", served.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", served.port, ssl_context=served.tls)
    await site.start()
    served.port = runner.addresses[0][1]
    try:
        yield served
    finally:
        served.closing.set()
        await runner.cleanup()


async def until(what: str, holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds, without holding up the loop; fail when the time is over."""
    deadline = time.monotonic() + BUSY * seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {BUSY * seconds:g} s: {what}")
        await asyncio.sleep(0.005)
