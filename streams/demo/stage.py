"""Everything that has to run for the demo: embedded servers, topics, a worker and a learner."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from streams.demo.children import Child, ChildError
from streams.demo.embedded import EmbeddedServers
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
"""


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
        self._children: list[Child] = []
        self.config = data.absolute() / "ebbtide.toml"
        try:
            self.config.write_text(
                _CONFIG.format(
                    path=self.config,
                    bootstrap=self.servers.bootstrap,
                    redis=self.servers.redis_url,
                    partitions=PARTITIONS,
                ),
                encoding="utf-8",
            )
            self.loaded: Loaded = load_settings(self.config, environ={})
            create_topics(self.loaded.settings)
            for role in ("worker", "learner"):
                self._children.append(self._start(role, data))
        except BaseException:
            self.stop()
            raise

    def _start(self, role: str, data: Path) -> Child:
        # The settings of whoever tries the demo are for their own shop.
        environ = {name: value for name, value in os.environ.items() if name[:4] != "EBB_"}
        command = [sys.executable, "-m", "streams.cli", "--config", str(self.config), role]
        log = data.absolute() / f"{role}.log"
        return Child(f"the {role}", [*command, "--log-level", "warning"], log, env=environ)

    def check(self) -> None:
        """Raise `ChildError` with its last words if a process has ended."""
        for child in self._children:
            if not child.running:
                raise ChildError(f"{child.name} has stopped:\n{child.tail()}")

    def stop(self) -> None:
        """Stop everything: first who writes, then the servers."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.stop()
        self.servers.stop()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
