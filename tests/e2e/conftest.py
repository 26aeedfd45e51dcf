"""Corners of the servers for the end-to-end tests, and the runs that several tests look at."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import redis

from tests.conftest import Kafka, Redis, own_databases
from tests.e2e.cdnow import Run, first_customers, import_many, import_slice, one_in
from tests.e2e.corner import Corner

NewCorner: TypeAlias = Callable[..., Corner]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for used in getattr(item, "funcargs", {}).values():
            corner = used.corner if isinstance(used, Run) else used
            if isinstance(corner, Corner):
                tails = corner.processes.tails().items()
                report.sections.extend((f"end of {name}", text) for name, text in tails)
    return report


@pytest.fixture(scope="session")
def session_redis_url(redis_server: Redis, pytestconfig: pytest.Config) -> Iterator[str]:
    """A database that these tests keep for the session, marked as taken from the start."""
    client: Any = redis.Redis.from_url(redis_server.url)
    taken = client.info("keyspace")
    offered = own_databases(pytestconfig, int(client.config_get("databases")["databases"]))
    client.close()
    number = next((n for n in reversed(offered) if f"db{n}" not in taken), None)
    if number is None:
        pytest.fail(f"no empty database in {redis_server.url}: each holds keys")
    url = urlsplit(redis_server.url)._replace(path=f"/{number}").geturl()
    with redis.Redis.from_url(url) as own:
        own.set("taken", "by the end-to-end tests")
        yield url
        own.delete("taken")


@pytest.fixture(scope="session")
def new_corner(
    kafka: Kafka, session_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewCorner]:
    """Make corners, ``new_corner(EBB_HORIZON="90d")``; they end with the session.

    Servers that somebody lends are left as they were; those of the run go with all they hold.
    """
    made: list[Corner] = []
    numbers = itertools.count(1)

    def make(**settings: str) -> Corner:
        name = f"e2e-{uuid.uuid4().hex[:8]}-{next(numbers)}"
        environment = {
            "EBB_KAFKA": kafka.bootstrap,
            "EBB_REDIS": session_redis_url,
            "EBB_REDIS_NAMESPACE": name,
            "EBB_TOPICS_PREFIX": f"{name}.",
            "EBB_TOPICS_PARTITIONS": "4",
            "EBB_CLOCK": "events",
            **settings,
        }
        made.append(Corner(tmp_path_factory.mktemp(name), environment))
        return made[-1]

    yield make
    lent = any(map(os.environ.get, ("EBB_TEST_KAFKA", "EBB_TEST_REDIS")))
    leave = Corner.clear if lent else Corner.stop
    for corner in made:
        leave(corner)


@pytest.fixture
def brief_corner(new_corner: NewCorner) -> Iterator[NewCorner]:
    """Make corners for one test, as `new_corner` does; their processes end with it."""
    made: list[Corner] = []

    def make(**settings: str) -> Corner:
        made.append(new_corner(**settings))
        return made[-1]

    yield make
    for corner in made:
        corner.processes.kill()


@pytest.fixture
def corner(brief_corner: NewCorner) -> Corner:
    """A corner with its topics, for one test; its processes end with it."""
    made = brief_corner()
    made.create_topics()
    return made


@pytest.fixture(scope="session")
def cdnow(new_corner: NewCorner, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """CDNOW through two workers and a learner, which have ended since; ``EBB_TEST_CDNOW=all``."""
    return import_many(new_corner, one_in(3, tmp_path_factory.mktemp("cdnow") / "cdnow.txt"))


@pytest.fixture(scope="session")
def slice_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The purchases of CDNOW's first customers, in a file of the same form."""
    return first_customers(tmp_path_factory.mktemp("slice") / "slice.txt")


@pytest.fixture(scope="session")
def undisturbed(new_corner: NewCorner, slice_file: Path) -> Run:
    """The slice through two workers and no learner: only the prior judges."""
    return import_slice(new_corner, slice_file, Corner.worker)
