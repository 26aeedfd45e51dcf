"""CRMs that take webhooks, in moods of their own, and what they were told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from click.testing import CliRunner

from streams.cli import ebb
from streams.cli.context import Context
from streams.demo import free_port

#: An attempt that nobody answers is over, and one whose process died is due again, within seconds.
BRIEF: Final = {
    "EBB_NOTIFY_ALLOW": "127.0.0.0/8",
    "EBB_NOTIFY_HTTP": "true",
    "EBB_NOTIFY_TIMEOUT": "1s",
    "EBB_NOTIFY_DELAYS": ",".join(["200ms", *["1s"] * 200]),
    "EBB_NOTIFY_REST": "300ms",
    "EBB_NOTIFY_REFRESH": "200ms",
    # The stream lies years back, and what it asks for is to be told all the same.
    "EBB_POLICY_VALID": "36500d",
}


@dataclass
class Told:
    """What a receiver was told, of each alert.

    Parameters
    ----------
    taken
        How often it took it.
    ids
        Under which ids it came, taken or not.
    wrong
        What must not come at all.
    """

    taken: Counter[str] = field(default_factory=Counter)
    ids: dict[str, set[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Receiver:
    """Takes webhooks over HTTP, in a thread.

    Parameters
    ----------
    name
        Of the endpoint.
    dice
        By which it refuses, breaks off or is slow, about one time in three; None if it never does.
    """

    def __init__(self, name: str, dice: random.Random | None = None) -> None:
        self.name = name
        self.secret = ""
        self.told = Told()
        self._dice = dice
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._hear(dict(self.headers.items()), body)
                if status:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def _hear(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take note of a webhook; return what is answered, 0 for nothing at all."""
        named = {name.lower(): value for name, value in headers.items()}
        about = json.loads(body)["data"]
        with self._lock:
            mood = 1.0 if self._dice is None else self._dice.random()
            told, name = self.told, about["alert_id"]
            told.ids.setdefault(name, set()).add(named["webhook-id"])
            if about["arm"] != "treated":
                told.wrong.append(f"{name} is of one who is held out")
            if not self._signed(named, body):
                told.wrong.append(f"{name} is not signed")
            if mood >= 0.2:
                # Whoever answers too late has taken it all the same.
                told.taken[name] += 1
        if mood < 0.1:
            return 503
        if mood < 0.2:
            return 0
        if mood < 0.3:
            # Longer than anybody waits.
            time.sleep(1.3)
        return 204

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return f"v1,{wanted}" in headers["webhook-signature"].split()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def receivers(environment: Mapping[str, str], dice: random.Random) -> list[Receiver]:
    """Return two who are told, one of them moody; a third endpoint is never there."""
    found = [Receiver("steady"), Receiver("moody", dice)]
    for each in found:
        each.secret = _added(environment, each.url, each.name)
    _added(environment, f"http://127.0.0.1:{free_port()}/", "away")
    return found


def _added(environment: Mapping[str, str], url: str, name: str) -> str:
    words = ["endpoints", "add", url, "--name", name, "--json"]
    done = CliRunner().invoke(ebb, words, obj=Context(environ=dict(environment)))
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["secret"])


def untold(alerts: Sequence[bytes], told: Told) -> list[str]:
    """Return the alerts that a receiver should have taken, and has not.

    Parameters
    ----------
    alerts
        As they lie in the topic.
    told
        What it was told.
    """
    wanted = {body["alert_id"] for body in map(json.loads, alerts) if body["arm"] == "treated"}
    return sorted(wanted - told.taken.keys())
