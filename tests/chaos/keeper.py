"""A Redis that writes everything down, to be killed, cut short, filled up and set back."""

from __future__ import annotations

import random
import resource
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import redis

from streams.demo import Child, free_port, listens
from tests.servers import wait_for

_SECONDS = 30


class Keeper:
    """One redis-server with an append-only file that is synced with every write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        """Where it is reached without a proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Any:
        """Return a client that gives up soon."""
        return redis.Redis(port=self.port, socket_timeout=20)

    def start(self, *, append: bool = True) -> None:
        """Start it, and wait until it has read what it wrote down."""
        words = [
            *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.folder), "--save", "", "--appendfsync", "always"),
            *("--appendonly", "yes" if append else "no", "--enable-debug-command", "yes"),
            # A file that is torn in the middle of nothing is Redis's business to mend.
            *("--aof-load-truncated", "yes", "--auto-aof-rewrite-percentage", "0"),
        ]
        # A full disk is an error here, not the end: the signal stays ignored through exec.
        line = ["/bin/sh", "-c", 'trap "" XFSZ; exec "$@"', "redis", *words]
        self._child = Child("redis-server", line, self.folder.with_suffix(".log"))
        self._child.wait_until(partial(listens, self.port), _SECONDS, "no answer")
        wait_for("Redis has loaded what it wrote down", self._loaded, _SECONDS, 0.02)

    def _loaded(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.BusyLoadingError:
                return False

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._child.running

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        self._child.wait(seconds)

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()

    # -- what may happen to it ------------------------------------------------------------

    def tear(self, dice: random.Random) -> int:
        """Cut the tail off the append-only file of a Redis that is down; return how much."""
        [file] = (self.folder / "appendonlydir").glob("*.incr.aof")
        size = file.stat().st_size
        cut = min(dice.randint(1, 2_000), size)
        with file.open("r+b") as stream:
            stream.truncate(size - cut)
        return cut

    def save(self) -> None:
        """Keep a copy of everything as it is now."""
        with self.client() as client:
            client.save()
        shutil.copy(self.folder / "dump.rdb", self.folder / "kept.rdb")

    def set_back(self) -> None:
        """Start a Redis that is down from the copy, as somebody restores a backup."""
        shutil.rmtree(self.folder / "appendonlydir")
        shutil.copy(self.folder / "kept.rdb", self.folder / "dump.rdb")
        # With an append-only file switched on, Redis would read that one and not the dump.
        self.start(append=False)
        with self.client() as client:
            client.config_set("appendonly", "yes")
            wait_for("the append-only file is written anew", partial(_written, client), _SECONDS)

    def allow_memory(self, limit: int) -> None:
        """Let it take so many bytes of memory; 0 for all there is."""
        with self.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", limit)

    def sync(self, when: str) -> None:
        """Write down ``always`` before the answer, or ``everysec``."""
        with self.client() as client:
            client.config_set("appendfsync", when)

    def fill_disk(self, room: int) -> None:
        """Leave so many bytes of room for the append-only file."""
        [file] = (self.folder / "appendonlydir").glob("*.incr.aof")
        _, hard = resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE)
        limit = file.stat().st_size + room
        resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (limit, hard))

    def clear_disk(self) -> None:
        """Give it all the room again."""
        if self.running:
            _, hard = resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (hard, hard))


def _written(client: Any) -> bool:
    about = client.info("persistence")
    return bool(about["aof_enabled"]) and not (
        about["aof_rewrite_in_progress"] or about["aof_rewrite_scheduled"]
    )
