"""Requests of events over HTTP, as many as are answered or so many a second."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field

from bench.watching import cpu
from streams.demo import Child

#: Events of a request.
BATCH = 20
_MARK = b"@@@@@@@@@"


@dataclass
class Run:
    """What came of some seconds of requests."""

    seconds: float = 0.0
    cpu: float = 0.0
    waits: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    taken: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second that were taken."""
        return self.answers[200] / self.seconds

    @property
    def cost(self) -> float:
        """Milliseconds of the server's CPU for a request."""
        return 1_000 * self.cpu / max(sum(self.answers.values()), 1)


class Load:
    """Sends requests of 20 events, each with ids of its own, over some connections.

    The requests are numbered from ``first`` on, and their events by request and place.
    """

    def __init__(self, port: int, key: str, connections: int, first: int = 0) -> None:
        self._port = port
        self._connections = connections
        self.first = self._next = first
        shown = b64encode(f"{key}:".encode()).decode()
        messages = [
            {
                "type": "track",
                "event": "Product Viewed",
                "userId": f"shopper-{place}-{_MARK[:6].decode()}",
                "messageId": f"{_MARK.decode()}/{place}",
                "timestamp": "2026-11-01T12:00:00.000Z",
                "properties": {"product_id": "sku-17", "category": "shoes", "price": 39.9},
                "context": {"library": {"name": "bench", "version": "1"}},
            }
            for place in range(BATCH)
        ]
        body = json.dumps({"batch": messages, "sentAt": "2026-11-01T12:00:01.000Z"}).encode()
        head = (
            f"POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: Basic {shown}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body

    @property
    def last(self) -> int:
        """The number of the latest request."""
        return self._next

    async def _one(
        self, run: Run, began: float, until: float, every: float, backing_off: bool
    ) -> None:
        """Send over one connection: one after the other, or one each ``every`` seconds.

        What is late counts from when it was due, so that nobody waits unseen.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                now = time.perf_counter()
                if every and began > now:
                    await asyncio.sleep(began - now)
                elif not every:
                    began = now
                if began >= until:
                    return
                self._next += 1
                number = self._next
                said = self._request.replace(_MARK, b"%09d" % number)
                writer.write(said.replace(_MARK[:6], b"%06d" % (number % 5_000)))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                status = int(head[9:12])
                run.answers[status] += 1
                run.waits.append(time.perf_counter() - began)
                if status == 200:
                    run.taken.append(number)
                elif backing_off:
                    # Ruder than any SDK, but not a mere loop.
                    await asyncio.sleep(0.05)
                began += every
        finally:
            writer.close()

    async def send(
        self, child: Child, seconds: float, rate: float = 0, backing_off: bool = False
    ) -> Run:
        """Send for some seconds: so many requests a second, or as many as are answered."""
        run, before, began = Run(), cpu(child.pid), time.perf_counter()
        until = began + seconds
        every = self._connections / rate if rate else 0.0
        senders = (
            self._one(run, began + number * every / self._connections, until, every, backing_off)
            for number in range(self._connections)
        )
        await asyncio.gather(*senders)
        run.seconds, run.cpu = time.perf_counter() - began, cpu(child.pid) - before
        return run
