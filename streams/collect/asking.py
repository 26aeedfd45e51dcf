"""What a sender asks of the addresses that take events, and the short way to their answer.

Nearly every request is for one of them, so they are found by name and not by trying patterns, and
no more is read of a request than is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from streams.collect.answers import Refused

#: Most parts of a query; nobody has so many.
_PARTS = 100


class Asked:
    """One request.

    Parameters
    ----------
    scope, receive
        As ASGI has them.

    Examples
    --------
    >>> headers = [(b"dnt", b"1"), (b"dnt", b"0")]
    >>> scope = {"path": "/t", "headers": headers, "query_string": b"writeKey=ebb%5Fk&a="}
    >>> asked = Asked(scope, None)
    >>> asked.path, asked.header(b"dnt"), asked.header(b"sec-gpc"), asked.query_key()
    ('/t', '1', '', 'ebb_k')
    """

    __slots__ = ("_headers", "_receive", "_scope", "path")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        # Of those that come twice, the first counts.
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.path: str = scope["path"]

    def counts_as(self, kind: str) -> None:
        """Say as what kind of request it is counted."""
        self._scope["state"]["kind"] = kind

    def header(self, name: bytes) -> str:
        """Return a header, by its name in small letters; empty where there is none."""
        return self._headers.get(name, b"").decode("latin-1")

    def query_key(self) -> str | None:
        """Return the write key of the query."""
        query: bytes = self._scope["query_string"]
        if not query:
            return None
        try:
            found = parse_qs(query.decode("latin-1"), max_num_fields=_PARTS).get("writeKey")
        except ValueError:
            return None
        return found[-1] if found else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives.

        Raises
        ------
        Refused
            ``too_slow`` when the sender goes away before its end.
        """
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                # Nobody reads the answer; what came so far is not an event.
                raise Refused("too_slow", "The sender went away.")
            if piece := message.get("body", b""):
                yield piece
            if not message.get("more_body", False):
                return


Taker: TypeAlias = Callable[[Asked], Awaitable[Response]]


class Asking:
    """Answers the addresses that take events.

    Parameters
    ----------
    app
        Answers all others.
    takers
        Who answers each address; may raise `Refused`.
    dressed
        Returns the answer to a refusal.
    """

    def __init__(
        self, app: ASGIApp, takers: Mapping[str, Taker], dressed: Callable[[Refused], Response]
    ) -> None:
        self._app = app
        self._takers = takers
        self._dressed = dressed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        taker = self._takers.get(scope["path"]) if scope["type"] == "http" else None
        if taker is None:
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] != "POST":
                raise Refused("method_not_allowed", allow="OPTIONS, POST")
            answer = await taker(Asked(scope, receive))
        except Refused as refused:
            answer = self._dressed(refused)
        await answer(scope, receive, send)
