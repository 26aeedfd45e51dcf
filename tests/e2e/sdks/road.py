"""The way to a collector, past a door that is sometimes shut: what SDKs must get through."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Seconds that somebody is asked to wait where nobody is at home.
AWAY = 5
_MESSAGE = re.compile(rb'"messageId": ?"([^"]+)"')
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


class Road:
    """Passes on to a collector what comes, and lets some of it fail.

    Parameters
    ----------
    target
        The collector's port.
    spell
        What becomes of the first requests that carry events: ``429`` and ``500`` are answered as
        a collector would; ``lost`` is passed on, and its answer never comes.
    """

    def __init__(self, target: int, spell: Iterable[str]) -> None:
        self.target = target
        self.url = ""
        #: What became of the requests that carry events.
        self.met: Counter[str] = Counter()
        self._spell = list(spell)
        #: The messages of which nobody has been told that they came.
        self._owed: set[bytes] = set()
        self._turn = threading.Lock()

    @property
    def lies_behind(self) -> bool:
        """Whether the spell is over, and whoever had an event in it has been told that it came.

        Some SDKs give up after the fourth time: what is still to be sent again has fewer tries
        left than it seems.
        """
        return not self._spell and not self._owed

    def next_fate(self, body: bytes) -> str:
        """Return what becomes of the next request with events."""
        with self._turn:
            self._owed.update(_MESSAGE.findall(body))
            fate = self._spell.pop(0) if self._spell else "passed on"
            self.met[fate] += 1
            return fate

    def settle(self, body: bytes) -> None:
        """Take it that whoever sent a request with events knows that they came."""
        with self._turn:
            self._owed.difference_update(_MESSAGE.findall(body))

    def note(self, what: str) -> None:
        """Count something that was met."""
        with self._turn:
            self.met[what] += 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    road: Road

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_OPTIONS(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/m"):  # what an SDK tells of itself
            self._pass_on(body)
            return
        fate = self.road.next_fate(body)
        if fate in ("429", "500"):
            code = {"429": "kafka_away", "500": "internal"}[fate]
            said = json.dumps({"code": code, "message": "come back later"}).encode()
            headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
            headers["Access-Control-Expose-Headers"] = "retry-after"
            if fate == "429":
                headers["Retry-After"] = "1"
            self._answer(int(fate), headers.items(), said)
        elif self._pass_on(body, silent=fate == "lost"):
            self.road.settle(body)

    def _pass_on(self, body: bytes, silent: bool = False) -> bool:
        """Return whether the collector's answer has been passed back."""
        there = http.client.HTTPConnection("127.0.0.1", self.road.target, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
        try:
            there.request(self.command, self.path, body or None, headers)
            answer = there.getresponse()
            said = answer.read()
        except ConnectionRefusedError:
            self.road.note("away")
            # As whoever stands before a collector says it.
            self._answer(503, {"Retry-After": str(AWAY)}.items(), b"nobody is at home")
            return False
        except (OSError, http.client.HTTPException):
            self.road.note("cut")
            self.close_connection = True
            return False
        finally:
            there.close()
        if silent:
            self.close_connection = True
            return False
        self._answer(answer.status, answer.getheaders(), said)
        return True

    def _answer(self, status: int, headers: Iterable[tuple[str, str]], said: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a port of this machine; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def road(target: int, spell: Iterable[str]) -> Iterator[Road]:
    """Open a road."""
    found = Road(target, spell)
    with served(type("Handler", (_Handler,), {"road": found})) as found.url:
        yield found
