"""The door itself: what is asked at each address, and how every answer is dressed.

A request comes in only if it can be stored: Kafka takes events, there is room, the key is known.
Whoever is refused for want of room is told at once when to come back; nobody waits in a queue.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features import SECOND, InvalidEvent, Millis
from models.deciding import InvalidOutcome
from streams.collect.addresses import EVENT_PATHS
from streams.collect.admitting import Admitting, shown_key
from streams.collect.answers import Refused, json_response
from streams.collect.asking import Asked, Asking, Taker
from streams.collect.bodies import read_body, unpacked
from streams.collect.capacity import Capacity, Full, Ticket
from streams.collect.counting import Counts
from streams.collect.dressing import Dressing
from streams.collect.limits import MOST_EVENTS, Limits
from streams.collect.listed import NotEvents
from streams.collect.openapi import openapi
from streams.collect.outcomes import take_outcomes
from streams.collect.pages import rudder_settings, segment_settings, tracker
from streams.collect.producing import NotTaken, Publishing
from streams.collect.taken import Taken
from streams.collect.taking import Segment, take_events
from streams.keys import WriteKey

logger = logging.getLogger(__name__)

_TAKEN: Final = Response(b'{"success":true}', media_type="application/json")


class Shown(NamedTuple):
    """The key in the headers of a request: as it was shown, and which it is; perhaps none."""

    secret: str | None
    key: WriteKey | None


@dataclass(frozen=True)
class Parts:
    """What a collector is made of.

    Parameters
    ----------
    limits
        What it takes.
    segment
        The protocol.
    admitting
        Who may come in.
    publishing
        The way to Kafka.
    wall
        The clock, in milliseconds.
    rng
        Spreads the times at which whoever was turned away comes back.
    """

    limits: Limits
    segment: Segment
    admitting: Admitting
    publishing: Publishing
    wall: Callable[[], Millis]
    rng: random.Random


class Door:
    """Answers every address."""

    def __init__(self, parts: Parts) -> None:
        self._limits = parts.limits
        self._segment = parts.segment
        self._admitting = parts.admitting
        self._publishing = parts.publishing
        self._wall = parts.wall
        self._rng = parts.rng
        self.capacity = Capacity(parts.limits.requests, parts.limits.size)
        self.counts = Counts()
        parts.publishing.took = self.counts.waited

    # -- events -------------------------------------------------------------------------------

    async def protocol(self, asked: Asked) -> Response:
        """Take one request of the Segment protocol."""
        call = EVENT_PATHS[asked.path]
        # In the names that a counter may have.
        asked.counts_as(call)

        async def take(body: bytes, shown: Shown, received_at: Millis) -> Taken:
            try:
                read = self._segment.read(call, body, shown.secret, asked.query_key())
            except self._segment.refused as error:
                code, message = getattr(error, "code", ""), getattr(error, "message", "")
                raise Refused(code or "invalid_request", message) from None
            key = shown.key or await self._admitting.admit(read.write_key)
            taken = self._segment.take(read, key.name, received_at, _opted_out(asked))
            self._admitting.count(key, taken.events + sum(taken.refused.values()))
            return taken

        await self._store(asked, take)
        return _TAKEN

    async def own(self, asked: Asked) -> Response:
        """Take events in our own schema."""
        asked.counts_as("events")

        async def take(body: bytes, shown: Shown, received_at: Millis) -> Taken:
            key = shown.key or await self._admitting.admit(asked.query_key())
            try:
                taken = take_events(body, key.name, MOST_EVENTS)
            except NotEvents as error:
                raise Refused("invalid_request", str(error)) from None
            except InvalidEvent as error:
                self.counts.told(key.name, 0, {"invalid_event": 1})
                raise Refused("invalid_event", error.reason, more=_where(error)) from None
            except ValueError as error:  # not JSON, or not even text
                raise Refused("invalid_json", str(error)) from None
            except RecursionError:
                raise Refused("invalid_json", "The JSON is nested too deeply.") from None
            self._admitting.count(key, taken.events + len(taken.unusable))
            return taken

        taken = await self._store(asked, take)
        return json_response({"taken": taken.events, "errors": taken.unusable})

    async def outcomes(self, asked: Asked) -> Response:
        """Take what a CRM says happened to alerts."""
        asked.counts_as("outcomes")

        async def take(body: bytes, shown: Shown, received_at: Millis) -> Taken:
            key = shown.key or await self._admitting.admit(asked.query_key(), "outcomes")
            try:
                taken = take_outcomes(body, key.name, MOST_EVENTS)
            except NotEvents as error:
                raise Refused("invalid_request", str(error)) from None
            except InvalidOutcome as error:
                self.counts.told(key.name, 0, {"invalid_outcome": 1})
                raise Refused("invalid_outcome", error.reason, more=_where(error)) from None
            except ValueError as error:  # not JSON, or not even text
                raise Refused("invalid_json", str(error)) from None
            except RecursionError:
                raise Refused("invalid_json", "The JSON is nested too deeply.") from None
            self._admitting.count(key, taken.outcomes + len(taken.unusable))
            return taken

        taken = await self._store(asked, take, "outcomes")
        return json_response({"taken": taken.outcomes, "errors": taken.unusable})

    async def _store(
        self,
        asked: Asked,
        take: Callable[[bytes, Shown, Millis], Awaitable[Taken]],
        scope: str = "events",
    ) -> Taken:
        """Read a request's body, take what is in it, and wait until Kafka has that."""
        received_at = self._wall()
        if self._publishing.trouble:
            raise Refused("kafka_away", retry=self._later())
        secret = shown_key(asked.header(b"authorization"), self._admitting.bearer)
        # Before its body is read: nobody with a wrong key fills our memory.
        key = None if secret is None else await self._admitting.admit(secret, scope)
        try:
            ticket = self.capacity.enter()
        except Full:
            raise Refused("busy", retry=self._later()) from None
        handed = False
        try:
            body = await self._body(asked, ticket)
            taken = await take(body, Shown(secret, key), received_at)
            if taken.records:
                handed = True
                await self._publishing.publish(taken.records, ticket.release)
        except Full:
            raise Refused("busy", retry=self._later()) from None
        except NotTaken:
            raise Refused("kafka_away", retry=self._later()) from None
        finally:
            if not handed:
                ticket.release()
        self.counts.told(taken.source, taken.events, taken.refused, taken.outcomes)
        return taken

    async def _body(self, asked: Asked, ticket: Ticket) -> bytes:
        limits = self._limits
        told = asked.header(b"content-length")
        if told.isdecimal() and int(told) > limits.body:
            raise Refused("too_large", f"The body is larger than {limits.body} bytes.")
        body = await read_body(asked.pieces(), limits.body, limits.read / SECOND, ticket.grow)
        return unpacked(body, asked.header(b"content-encoding"), limits.body, ticket.grow)

    def _later(self) -> int:
        """Return after how many seconds to come back: not all at the same time."""
        least = self._limits.retry // SECOND
        return self._rng.randint(max(least, 1), max(2 * least, 1))

    # -- everything else ----------------------------------------------------------------------

    async def metrics_of_sdks(self, request: Request) -> Response:
        """Take no notice of what SDKs tell of themselves."""
        request.state.kind = "metrics"
        return _TAKEN

    async def segment_settings(self, request: Request) -> Response:
        """Return what ``@segment/analytics-next`` asks for before it starts."""
        key = request.path_params["key"]
        await self._known(key)
        return json_response(segment_settings(key, self._address(request)))

    async def rudder_settings(self, request: Request) -> Response:
        """Return what RudderStack's web SDK asks for before it starts."""
        header = shown_key(request.headers.get("authorization", ""), self._admitting.bearer)
        secret = request.query_params.get("writeKey") or header
        found = await self._known(secret)
        return json_response(rudder_settings(secret or "", found.name, self._address(request)))

    async def _known(self, secret: str | None) -> WriteKey:
        try:
            return await self._admitting.admit(secret)
        except Refused as refused:
            if refused.code != "rate_limited":
                raise
            # An SDK that cannot start does not even keep its events for later.
            return WriteKey(name="limited", digest="0" * 64)

    def _address(self, request: Request) -> str:
        return self._limits.url.rstrip("/") or f"{_scheme(request)}://{request.url.netloc}"

    async def document(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return json_response(openapi(self._limits))

    async def alive(self, request: Request) -> Response:
        """Say that the process answers."""
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:
        """Say whether events can be taken, and why not."""
        known = self._limits.open or self._admitting.known
        reasons = [self._publishing.trouble, "" if known else "write keys were never read"]
        reasons = [reason for reason in reasons if reason]
        if reasons:
            raise Refused("not_ready", "; ".join(reasons), more={"ready": False})
        return json_response({"ready": True, "notes": [*filter(None, [self._admitting.trouble])]})

    async def metrics(self, request: Request) -> Response:
        """Return the counts for Prometheus."""
        text = self.counts.text(
            {
                "requests_under_way": ("Requests in memory.", self.capacity.requests),
                "bytes_under_way": ("Bytes of requests in memory.", self.capacity.size),
                "kafka_up": ("Whether Kafka takes events.", float(not self._publishing.trouble)),
                "redis_up": ("Whether Redis tells the keys.", float(not self._admitting.trouble)),
                "keys": ("Write keys that are known.", len(self._admitting)),
            }
        )
        return Response(text, media_type="text/plain; version=0.0.4")

    def dressed(self, refused: Refused) -> Response:
        """Return a refusal with a time to come back, where it has none that is generous."""
        if refused.status == 429:
            refused.retry = max(refused.retry, self._later())
        return refused.response()


def collector(door: Door, limits: Limits, lifespan: Any = None) -> Dressing:
    """Return the ASGI application.

    Parameters
    ----------
    door
        Answers.
    limits
        What it takes.
    lifespan
        Starts and ends what works behind the door.
    """

    # Not to be awaited, they would be sent to a thread each.
    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return door.dressed(error)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        allow = (error.headers or {}).get("Allow", "")
        if error.status_code == 405:
            return Refused("method_not_allowed", allow=_methods(allow)).response()
        return Refused("not_found").response()

    async def defect(request: Request, error: Exception) -> Response:
        # Starlette raises it again after that, and the dressing logs it.
        return Refused("internal").response()

    takers: dict[str, Taker] = {
        **dict.fromkeys(EVENT_PATHS, door.protocol),
        "/v1/events": door.own,
        "/v1/outcomes": door.outcomes,
    }
    post, get = ["POST"], ["GET"]
    routes = [
        Route("/m", door.metrics_of_sdks, methods=post),
        Route("/v1/m", door.metrics_of_sdks, methods=post),
        Route("/v1/projects/{key}/settings", door.segment_settings, methods=get),
        Route("/sourceConfig", door.rudder_settings, methods=get),
        Route("/sourceConfig/", door.rudder_settings, methods=get),
        Route("/ebb.js", tracker, methods=get),
        Route("/openapi.json", door.document, methods=get),
        Route("/healthz", door.alive, methods=get),
        Route("/readyz", door.ready, methods=get),
        Route("/metrics", door.metrics, methods=get),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={Refused: refuse, HTTPException: unknown, Exception: defect},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    posts = [*takers, *(route.path for route in routes if "POST" in (route.methods or ()))]
    asking = Asking(app, takers, door.dressed)
    return Dressing(asking, limits.origins, posts, door.counts)


def _where(error: InvalidEvent | InvalidOutcome) -> dict[str, str]:
    return {"field": error.field} if error.field else {}


def _opted_out(asked: Asked) -> bool:
    return asked.header(b"dnt") == "1" or asked.header(b"sec-gpc") == "1"


def _scheme(request: Request) -> str:
    told = request.headers.get("x-forwarded-proto", "").strip().lower()
    return told if told in ("http", "https") else request.url.scheme


def _methods(allow: str) -> str:
    named = {method.strip() for method in allow.split(",") if method.strip()}
    return ", ".join(sorted(named | {"OPTIONS"}))
