"""What every answer gets, whatever it says: leave for browsers, and a count.

Browsers ask before they send (a preflight), and read an error only if the answer lets them; so
errors are dressed like successes.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.collect.answers import Refused
from streams.collect.counting import Counts
from streams.collect.limits import MOST_HEADERS, MOST_URL

logger = logging.getLogger(__name__)

#: What the SDKs send, for a preflight that does not say.
_HEADERS: Final = (
    "authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat,"
    " rsa-retry-attempt, rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt,"
    " rsa-recovered"
)
_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")
#: Seconds for which a browser need not ask again.
_FOR: Final = "7200"


class Dressing:
    """Wraps the application.

    Parameters
    ----------
    app
        Answers.
    origins
        From which web sites browsers may send; ``*`` is any.
    posts
        Addresses that are sent to; others are only read.
    counts
        Told of every answer.
    """

    def __init__(
        self, app: ASGIApp, origins: tuple[str, ...], posts: Iterable[str], counts: Counts
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._all = "*" in origins
        self._posts = frozenset(posts)
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        leave = _TO_ALL if self._all else self._leave(_header(scope, b"origin"))
        began = False

        async def dressed(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message.get("headers", ()), *leave]
                kind = scope.get("state", {}).get("kind", "other")
                self._counts.answered(kind, message["status"])
            await send(message)

        scope["state"] = {}
        answer = self._at_once(scope)
        if answer is not None:
            await answer(scope, receive, dressed)
            return
        try:
            await self._app(scope, receive, dressed)
        except Exception as error:
            # Where, but not what: the words of an exception may quote somebody's event.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("%s at %s:%s", type(error).__name__, place.filename, place.lineno)
            if not began:
                await Refused("internal").response()(scope, receive, dressed)

    def _at_once(self, scope: Scope) -> Response | None:
        """Return the answer to what need not go any further."""
        if len(scope["raw_path"]) + len(scope["query_string"]) > MOST_URL:
            return Refused("url_too_long").response()
        if sum([len(name) + len(value) for name, value in scope["headers"]]) > MOST_HEADERS:
            return Refused("headers_too_large").response()
        if scope["method"] == "OPTIONS":
            methods = "OPTIONS, POST" if scope["path"] in self._posts else "GET, HEAD, OPTIONS"
            asked = _header(scope, b"access-control-request-headers")
            return Response(
                status_code=204,
                headers={
                    "access-control-allow-methods": methods,
                    "access-control-allow-headers": (
                        asked if _NAMES.fullmatch(asked) else _HEADERS
                    ),
                    "access-control-max-age": _FOR,
                    "allow": methods,
                },
            )
        return None

    def _leave(self, origin: str) -> list[tuple[bytes, bytes]]:
        vary = (b"vary", b"origin")
        if origin in self._origins:
            return [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                vary,
                _EXPOSED,
                _PLAIN,
            ]
        return [vary, _PLAIN]


_EXPOSED: Final = (b"access-control-expose-headers", b"retry-after")
#: Scripts that serve other sites' pages, and pictures of them, are not what this is for.
_PLAIN: Final = (b"x-content-type-options", b"nosniff")
_TO_ALL: Final = [(b"access-control-allow-origin", b"*"), _EXPOSED, _PLAIN]


def _header(scope: Scope, wanted: bytes) -> str:
    """Return a header; of those that come twice, the last."""
    found = ""
    for name, value in scope["headers"]:
        if name == wanted:
            found = value.decode("latin-1")
    return found
