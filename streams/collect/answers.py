"""What a sender is told: every refusal with a status, a code for programs and words for people.

SDKs take exactly 200 for success and send again after 429, 408 and 5xx only. Some of them
repeat a refusal for ever when its body lacks ``code`` or ``message``; so every one has both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

#: Returns anything as JSON.
json_bytes: Final = msgspec.json.Encoder().encode


class Refused(Exception):
    """The request is refused.

    Parameters
    ----------
    code
        One of `CODES`, or a code of the protocol for 400.
    message
        What is wrong, in words; the code's own when empty.
    retry
        Whole seconds after which to come back; 0 to say nothing.
    allow
        For 405: the methods that would do.
    more
        Further fields of the body.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        retry: int = 0,
        allow: str = "",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.status, words = CODES.get(code, (400, "The request cannot be used."))
        self.code = code
        self.message = message or words
        self.retry = retry
        self.allow = allow
        self.more = dict(more or {})
        super().__init__(code)

    def response(self) -> Response:
        """Return it as it goes over the wire."""
        headers = {}
        if self.retry:
            headers["retry-after"] = str(self.retry)
        if self.allow:
            headers["allow"] = self.allow
        body = {"code": self.code, "message": self.message, **self.more}
        return json_response(body, self.status, headers)


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer in JSON."""
    return Response(json_bytes(body), status, headers, media_type="application/json")


#: Every code of a refusal, with its status and its words. Codes of 400 beside these say what is
#: wrong with a body (docs/collect.md).
CODES: Final[dict[str, tuple[int, str]]] = {
    "invalid_json": (400, "The body is not JSON."),
    "invalid_gzip": (400, "The body begins like gzip, and is none."),
    "invalid_request": (400, "The request cannot be used."),
    "invalid_event": (400, "The event cannot be used."),
    "invalid_outcome": (400, "The outcome cannot be used."),
    "no_key": (401, "No write key was sent: use HTTP Basic, Bearer, or ?writeKey=."),
    "unknown_key": (401, "There is no such write key, or it was revoked."),
    "no_keys_defined": (
        401,
        "This collector has no write keys yet; make one with: ebb keys create NAME",
    ),
    "wrong_scope": (403, "This write key is not for that: ebb keys list shows its scopes."),
    "not_found": (404, "There is nothing here; /openapi.json says what is where."),
    "method_not_allowed": (405, "Events are sent with POST."),
    "too_slow": (408, "The body took too long to arrive."),
    "too_large": (413, "The body is too large, compressed or decompressed."),
    "url_too_long": (414, "The address is too long."),
    "unknown_encoding": (415, "Of Content-Encoding, gzip is understood, and none."),
    "busy": (429, "Too much is under way; come back later."),
    "kafka_away": (429, "Events cannot be stored just now; come back later."),
    "keys_away": (429, "Write keys cannot be checked just now; come back later."),
    "rate_limited": (429, "More than this write key may send; come back later."),
    "headers_too_large": (431, "The headers are too large."),
    "internal": (500, "Something went wrong here; the log says what."),
    "not_ready": (503, "The collector waits for its servers."),
}
