"""The health page of a process that sends webhooks: as that of a collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web


class CannotListen(OSError):
    """Somebody else listens there, or the address is not ours."""


@asynccontextmanager
async def health_page(
    host: str,
    port: int,
    reasons: Callable[[], list[str]],
    metrics: Callable[[], Awaitable[str]],
) -> AsyncIterator[None]:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics`` for a while.

    Parameters
    ----------
    host, port
        Where; port 0 for nowhere.
    reasons
        Why the process does not work just now, in words.
    metrics
        Gives the counts for Prometheus.

    Raises
    ------
    CannotListen
        If the address is taken.
    """
    if not port:
        yield
        return

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_: web.Request) -> web.Response:
        why = reasons()
        return web.json_response({"ready": not why, "reasons": why}, status=503 if why else 200)

    async def counts(_: web.Request) -> web.Response:
        return web.Response(text=await metrics(), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", counts)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from None
        yield
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await runner.cleanup()
