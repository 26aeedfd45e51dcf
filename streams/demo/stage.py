"""Everything that has to run for the demo: embedded servers, topics, worker, learner, collector."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from streams.demo.children import Child, ChildError, free_port
from streams.demo.embedded import EmbeddedServers
from streams.keys import BYTES, Keystore, WriteKey, digest_of, new_secret
from streams.live import open_redis
from streams.settings import Loaded, load_settings
from streams.topics import create_topics

PARTITIONS: Final = 4
_CONFIG: Final = """\
# Written by ebb demo: the settings of what it runs. Try: ebb --config {path} status
[kafka]
bootstrap = "{bootstrap}"
idempotence = false

[redis]
url = "{redis}"

[time]
clock = "events"

[topics]
partitions = {partitions}

[collect]
port = {port}
"""
#: Seconds that the collector may take to start, on a machine that has much else to do.
_START: Final = 60.0


class Stage:
    """The running system, for as long as the block lasts; children die with this process.

    Parameters
    ----------
    data
        Folder for the servers' data, the logs and the settings.

    Raises
    ------
    EmbeddedError
        If the extra ``embedded`` is not installed, or a server does not start.
    """

    def __init__(self, data: Path) -> None:
        self.servers = EmbeddedServers(data)
        self._children: dict[str, Child] = {}
        port = free_port()
        #: Where the collector takes events; nobody has a key before `open_door`.
        self.door = f"http://127.0.0.1:{port}"
        self.config = data.absolute() / "ebbtide.toml"
        try:
            self.config.write_text(
                _CONFIG.format(
                    path=self.config,
                    bootstrap=self.servers.bootstrap,
                    redis=self.servers.redis_url,
                    partitions=PARTITIONS,
                    port=port,
                ),
                encoding="utf-8",
            )
            self.loaded: Loaded = load_settings(self.config, environ={})
            create_topics(self.loaded.settings)
            # Before the collector starts, which then need not look for it again.
            self._key = asyncio.run(self._new_key())
            for role in ("worker", "learner", "collector"):
                self._children[role] = self._start(role, data)
        except BaseException:
            self.stop()
            raise

    def _start(self, role: str, data: Path) -> Child:
        # The settings of whoever tries the demo are for their own shop.
        environ = {name: value for name, value in os.environ.items() if name[:4] != "EBB_"}
        verb = "collect" if role == "collector" else role
        command = [sys.executable, "-m", "streams.cli", "--config", str(self.config), verb]
        log = data.absolute() / f"{role}.log"
        return Child(f"the {role}", [*command, "--log-level", "warning"], log, env=environ)

    def check(self) -> None:
        """Raise `ChildError` with its last words if a process has ended."""
        for child in self._children.values():
            if not child.running:
                raise ChildError(f"{child.name} has stopped:\n{child.tail()}")

    def open_door(self) -> str:
        """Let events come in over HTTP, and return the write key to show there.

        Not before the simulated time has passed: who shops here does so today, and events of
        today would take the clock of the events half a year ahead.

        Raises
        ------
        ChildError
            If the collector does not start.
        """
        self._children["collector"].wait_until(self._ready, _START, f"no answer at {self.door}")
        return self._key

    def _ready(self) -> bool:
        with suppress(OSError), urlopen(f"{self.door}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    async def _new_key(self) -> str:
        secret = new_secret(secrets.token_bytes(BYTES))
        key = WriteKey(name="demo", digest=digest_of(secret), created=time.time_ns() // 1_000_000)
        redis = self.loaded.settings.redis
        store = Keystore(open_redis(redis.url), redis.namespace)
        try:
            await store.put([key])
        finally:
            await store.close()
        return secret

    def stop(self) -> None:
        """Stop everything: first who writes, then the servers."""
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.stop()
        self.servers.stop()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
