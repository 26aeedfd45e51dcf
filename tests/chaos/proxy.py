"""A way to a server that can be cut, slowed down or made to swallow everything."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any

_CHUNK = 64 * 1024


class Proxy:
    """Passes on what comes to ``port`` to a port of this machine, for as long as it pleases.

    Parameters
    ----------
    port
        Where clients connect; none is taken until ``towards`` is called.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.passed = 0
        self._target = 0
        self._delay = 0.0
        self._refuses = False
        self._connections: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open = self._ask(self._event())
        self._server: Any = None

    async def _event(self) -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    def _ask(self, question: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(10)

    # -- what a test may do ---------------------------------------------------------------

    def towards(self, target: int) -> None:
        """Pass on to another port from now on."""
        self._target = target
        if self._server is None:
            listening = asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self._server = self._ask(listening)

    def cut(self, *, refuse: bool = False) -> None:
        """Break every connection; with ``refuse``, every new one too, until `mend`."""
        self._refuses = refuse
        self._ask(self._break())

    def slow(self, seconds: float) -> None:
        """Let every piece wait that long, until `mend`."""
        self._delay = seconds

    def swallow(self) -> None:
        """Keep the connections and pass nothing on, until `mend`."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self) -> None:
        """Pass everything on again."""
        self._delay, self._refuses = 0.0, False
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        """Break everything, and listen no more."""
        if not self._thread.is_alive():
            return
        self.mend()
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
        self._ask(self._break())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # -- in its thread --------------------------------------------------------------------

    async def _break(self) -> None:
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        self._connections.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            back, there = await asyncio.open_connection("127.0.0.1", self._target)
            self._connections.add(there)
            pumps = [
                asyncio.create_task(self._pump(reader, there)),
                asyncio.create_task(self._pump(back, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
        except OSError:
            pass
        finally:
            for each in (writer, there):
                if each is not None:
                    self._connections.discard(each)
                    with suppress(OSError):
                        each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._open.wait()
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
