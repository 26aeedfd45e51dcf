"""A shop and a collector on two ports, that answer as a test wants them to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers import ROOT

#: How the collector can answer: a status, with a Retry-After if it has one; 0 hangs up.
Answer = int | tuple[int, str]
#: Seconds to wait for what must come.
PATIENCE = 20.0

SOURCE = ROOT / "streams" / "collect" / "tracker" / "ebb.js"
EXAMPLE = ROOT / "streams" / "demo" / "storefront" / "index.html"


@dataclass(frozen=True)
class Batch:
    """What came in one request."""

    path: str
    key: str
    content_type: str
    size: int
    messages: tuple[dict[str, Any], ...]
    status: int


@dataclass
class Collector:
    """Keeps what comes, and answers as it is told: with ``answers`` first, then with 200."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    #: Answers instead of the answers above, when it is not None.
    always: Answer | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    #: Answers wait for this.
    answering: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    def take(self, path: str, content_type: str, body: bytes) -> Answer:
        """Take a request, and return the answer."""
        document = json.loads(body)
        parts = urlsplit(path)
        with self.changed:
            answer = self.always
            if answer is None:
                answer = self.answers.pop(0) if self.answers else 200
            query = parse_qs(parts.query).get("writeKey", [""])[0]
            key = query or document["writeKey"]
            status = answer if isinstance(answer, int) else answer[0]
            messages = tuple({**each, "sentAt": document["sentAt"]} for each in document["batch"])
            batch = Batch(parts.path, key, content_type, len(body), messages, status)
            self.batches.append(batch)
            self.changed.notify_all()
        return answer

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until something holds of what came."""
        with self.changed:
            assert self.changed.wait_for(until, PATIENCE), self.told()

    def told(self) -> list[str]:
        """Return what came in a form to read."""
        return [f"{b.status} {b.path} {[name_of(m) for m in b.messages]}" for b in self.batches]

    def sent_by(self, path: str) -> list[Batch]:
        """Return what came on a path."""
        return [batch for batch in self.batches if batch.path == path]

    def accepted(self) -> list[dict[str, Any]]:
        """Return the messages that came and were taken, each id once, in order."""
        taken = (m for b in self.batches if b.status == 200 for m in b.messages)
        return list({message["messageId"]: message for message in taken}.values())

    def wait_for(self, *names: str) -> list[dict[str, Any]]:
        """Wait until as many messages are taken, and return them; they must have these names."""
        self.wait(lambda: len(self.accepted()) >= len(names))
        found = self.accepted()
        assert [name_of(message) for message in found] == list(names), self.told()
        return found


def name_of(message: dict[str, Any]) -> str:
    """Return the event, or the type of what is none."""
    return str(message.get("event", message["type"]))


@dataclass
class Shop:
    """Serves one page under every path, with the tracker in it."""

    url: str = ""
    page: str = ""
    script: bytes = b""


class _Handler(BaseHTTPRequestHandler):
    shop: Shop
    collector: Collector

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/ebb.js":
            self._send(200, self.shop.script, "text/javascript")
        elif path == "/favicon.ico":
            self._send(404, b"", "text/plain")
        else:
            self._send(200, self.shop.page.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.collector.take(self.path, self.headers["Content-Type"], body)
        self.collector.answering.wait(PATIENCE)
        status, after = answer if isinstance(answer, tuple) else (answer, "")
        if status == 0:
            self.close_connection = True
            return
        headers = {}
        if after:
            headers |= {"Retry-After": after, "Access-Control-Expose-Headers": "Retry-After"}
        if status == 302:
            headers["Location"] = "/login"  # which answers 200 to whoever follows
        self._send(status, b"{}", "application/json", headers)

    def _send(
        self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        given = {"Content-Type": content_type, "Content-Length": str(len(body))}
        given["Access-Control-Allow-Origin"] = "*"
        for name, value in (given | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def street() -> Iterator[tuple[Shop, Collector]]:
    """Open a shop and a collector, of different origins."""
    shop, collector = Shop(), Collector()
    handler = type("Handler", (_Handler,), {"shop": shop, "collector": collector})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    shop.url, collector.url = (f"http://127.0.0.1:{s.server_port}" for s in servers)
    threads = [threading.Thread(target=s.serve_forever, args=(0.02,)) for s in servers]
    for thread in threads:
        thread.start()
    try:
        yield shop, collector
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
