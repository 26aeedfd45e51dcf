"""Where a Redis for the tests may come from, the realest first."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import redis

from streams.demo import Child, ChildError, EmbeddedError, EmbeddedServers, free_port, listens
from tests.servers import containers
from tests.servers.backend import Server, ServerError, Source

# Every test gets an empty database of its own; they cost nothing until used.
DATABASES = 1_024
_START_SECONDS = 20


def redis_sources(environ: Mapping[str, str] = os.environ) -> list[Source]:
    """Return the sources in the order in which they are tried."""
    given = environ.get("EBB_TEST_REDIS")
    if given:
        # Whoever names a server wants that one: if it is away, another would only hide it.
        return [Source("EBB_TEST_REDIS", lambda _: described(given, "EBB_TEST_REDIS"))]
    return [
        Source("testcontainers", lambda _: containers.redis()),
        Source("redis-server", _from_path),
        Source("embedded Valkey", _embedded),
    ]


def described(url: str, origin: str, child: Child | None = None) -> Server:
    """Return the running server at ``url``, under the name and version that it gives itself."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            about: Any = client.info("server")
    except (redis.RedisError, OSError, ValueError) as error:
        raise ServerError(f"no Redis answers: {error}") from None
    real = about.get("server_name", "redis") == "redis"
    version = about["redis_version"] if real else about.get(f"{about['server_name']}_version", "?")
    name = "redis-server" if real else about["server_name"]
    backend = f"{name} {version} ({origin})"
    return Server(url, backend, real=real, stop=child.kill if child else lambda: None)


def _from_path(folder: Path) -> Server:
    binary = shutil.which("redis-server")
    if binary is None:
        raise ServerError("there is no redis-server; install it")
    folder = folder / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [
        *(binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
        *("--save", "", "--appendonly", "no", "--databases", str(DATABASES)),
    ]
    child = Child("redis-server", command, folder / "redis.log")
    try:
        child.wait_until(partial(listens, port), _START_SECONDS, f"no answer on port {port}")
        return described(f"redis://127.0.0.1:{port}/0", _maker(), child)
    except ChildError as error:
        child.kill()
        raise ServerError(str(error)) from None
    except BaseException:
        child.kill()
        raise


def _maker() -> str:
    known = Path("/etc/os-release")
    if known.is_file():
        for line in known.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name == "ID":
                return value.strip('"').capitalize()
    return "this machine's"


def _embedded(folder: Path) -> Server:
    try:
        servers = EmbeddedServers(folder / "embedded-redis")
    except EmbeddedError as error:
        raise ServerError(str(error)) from None
    warnings.warn(
        "THE TESTS RUN ON THE EMBEDDED VALKEY, which is not Redis: install redis-server, or name "
        "one in EBB_TEST_REDIS",
        stacklevel=2,
    )
    try:
        found = described(servers.redis_url, "embedded")
    except ServerError:
        servers.stop()
        raise
    return Server(found.address, found.backend, real=found.real, stop=servers.stop)
