"""One connection of a browser: bounded before a request is even complete.

The server's own protocol keeps what a header says until the header ends, for as long as that may
take. Here both have an end, and what is no HTTP is told so in JSON, as everything else.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.collect.answers import CODES, json_bytes
from streams.collect.limits import MOST_HEADERS, MOST_URL

#: Seconds that the first line and the headers may take.
_HEADERS: Final = 10.0
#: Most bytes of them. What fits is looked at again, and answered with its own status.
_MOST: Final = 2 * (MOST_HEADERS + MOST_URL)
#: Most connections; a proxy needs few, and a process has only so many files.
CONNECTIONS: Final = 4_000


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, within bounds."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self._in_head = True
        self._head = 0
        self._alarm: asyncio.TimerHandle | None = None

    # uvicorn takes the narrower kind of transport, too.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a connection too many is told to come back."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._refuse("429 Too Many Requests", "busy", "retry-after: 30\r\n")
            return
        self._set_alarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unset_alarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless a head becomes too long."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head += len(data)
            if self._head > _MOST and b"\r\n\r\n" not in data:
                self._refuse("431 Request Header Fields Too Large", "headers_too_large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin with another request."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        if self._alarm is None:
            self._set_alarm()

    def on_headers_complete(self) -> None:
        """Go on with the body, which has bounds of its own."""
        self._in_head = False
        self._unset_alarm()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, or none that anybody should send."""
        self._refuse("400 Bad Request", "invalid_request")

    def _refuse(self, status: str, code: str, more: str = "") -> None:
        body = json_bytes({"code": code, "message": CODES[code][1]})
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}"
            "access-control-allow-origin: *\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _set_alarm(self) -> None:
        self._alarm = self.loop.call_later(_HEADERS, self._too_slow)

    def _unset_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _too_slow(self) -> None:
        self._alarm = None
        if not self.transport.is_closing():
            self.transport.close()
