"""What every test may ask for. A server starts when the first test that needs it does.

``kafka`` and ``redis_server`` last for the session; ``redis_url``, ``namespace`` and
``topic_prefix`` are one test's own; ``ebb`` and ``processes`` run commands against them.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from hypothesis import settings

from tests.browser import REQUIRED as REQUIRE_BROWSER
from tests.browser import Browser, NoBrowser
from tests.browser import browser as started_browser
from tests.browser import required as browser_required
from tests.deadlines import hold
from tests.servers import (
    Ebb,
    Processes,
    Server,
    ServerError,
    Source,
    first_that_answers,
    kafka_sources,
    redis_sources,
    required,
)

# The machine may be busy with other things: how long an example takes says nothing. Where a test
# does not say how many it needs, ``EBB_LONG=1`` tries many more.
LONG = os.environ.get("EBB_LONG", "") not in ("", "0")
settings.register_profile("ebbtide", deadline=None, max_examples=500 if LONG else 60)
settings.load_profile("ebbtide")

_UNUSED = "not needed by the tests that ran"
_backends = pytest.StashKey[dict[str, str]]()


@dataclass(frozen=True)
class Kafka:
    """The Kafka of this run."""

    bootstrap: str
    backend: str
    real: bool


@dataclass(frozen=True)
class Redis:
    """The Redis of this run."""

    url: str
    backend: str
    real: bool


def pytest_configure(config: pytest.Config) -> None:
    hold(config)
    config.stash[_backends] = dict.fromkeys(("Kafka", "Redis", "Browser", "SDKs"), _UNUSED)
    if hasattr(config, "workerinput"):
        # One of several processes: what it has used by its end is told to the one that reports.
        config.workeroutput["backends"] = config.stash[_backends]  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    # Who crashed tells nothing; its test has failed then.
    gather(node.config.stash[_backends], getattr(node, "workeroutput", {}).get("backends", {}))


def gather(backends: dict[str, str], told: Mapping[str, str]) -> None:
    """Add what one of several processes has used."""
    for name, text in told.items():
        known = backends.setdefault(name, _UNUSED)
        if text not in (_UNUSED, known):
            backends[name] = text if known == _UNUSED else f"{known} and {text}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    from tests.sharing import Lanes

    return Lanes(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None]:
    # Outermost, so that nothing but pytest's own count comes after it.
    yield
    used = "   ".join(f"{name} = {text}" for name, text in config.stash[_backends].items())
    terminalreporter.write_line(f"backends: {used}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    started = getattr(item, "funcargs", {}).get("processes")
    if report.failed and isinstance(started, Processes):
        report.sections.extend((f"end of {name}", text) for name, text in started.tails().items())
    return report


def _running(
    request: pytest.FixtureRequest, what: str, sources: list[Source], require: str, folder: Path
) -> Iterator[Server]:
    backends = request.config.stash[_backends]
    try:
        server = first_that_answers(what, sources, folder, require_real=required(require))
    except ServerError as error:
        backends[what] = "NONE"
        # Every test that comes needs it too, or the run was told not to do without.
        if hasattr(request.config, "workerinput"):
            # Who exits in the midst of a shared run takes its words with it.
            request.session.shouldfail = str(error)
            pytest.fail(str(error), pytrace=False)
        pytest.exit(str(error), returncode=1)
    backends[what] = server.backend
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("kafka")
    yield from _running(request, "Kafka", kafka_sources(), "EBB_TEST_REQUIRE_KAFKA", folder)


@pytest.fixture(scope="session")
def _redis(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("redis")
    yield from _running(request, "Redis", redis_sources(), "EBB_TEST_REQUIRE_REDIS", folder)


# Not for the session: while it runs, its event loop is the process's, and no test can have another.
@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser; tests skip loudly where there is none, unless the run was told to have one."""
    yield from browser_for(request)


def browser_for(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Start a browser for a fixture that a folder of tests shares, where each has several files."""
    backends = request.config.stash[_backends]
    try:
        with started_browser() as found:
            backends["Browser"] = found.version
            yield found
    except NoBrowser as error:
        backends["Browser"] = "none"
        if browser_required():
            pytest.fail(f"{error} ({REQUIRE_BROWSER}=1)")
        pytest.skip(str(error))


def tell_backend(config: pytest.Config, name: str, text: str) -> None:
    """Say in the last lines what was used; it is not a server of this file."""
    config.stash[_backends][name] = text


@pytest.fixture(scope="session")
def kafka(_kafka: Server) -> Kafka:
    """The Kafka of this run; tests share it, so name topics with ``topic_prefix``."""
    return Kafka(_kafka.address, _kafka.backend, _kafka.real)


@pytest.fixture(scope="session")
def redis_server(_redis: Server) -> Redis:
    """The Redis of this run; tests share it, so prefer ``redis_url``."""
    return Redis(_redis.address, _redis.backend, _redis.real)


_databases = itertools.count()


def own_databases(config: pytest.Config, offered: int) -> range:
    """Return the databases of a Redis that are this process's, if several share the suite."""
    told = getattr(config, "workerinput", {"workerid": "gw0", "workercount": 1})
    return range(offered)[int(told["workerid"].removeprefix("gw")) :: told["workercount"]]


@pytest.fixture
def redis_url(redis_server: Redis, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of an empty logical database that this test alone uses; emptied after it."""
    client: Any = redis.Redis.from_url(redis_server.url)
    offered = int(client.config_get("databases")["databases"])
    taken = client.info("keyspace")
    own = own_databases(pytestconfig, offered)
    # Whatever holds keys belongs to someone else: it is neither used nor emptied.
    turns = (own[turn % len(own)] for turn in itertools.islice(_databases, len(own)))
    number = next((n for n in turns if f"db{n}" not in taken), None)
    if number is None:
        pytest.fail(f"no empty database in {redis_server.url}: each of its {offered} holds keys")
    url = urlsplit(redis_server.url)._replace(path=f"/{number}").geturl()
    yield url
    with redis.Redis.from_url(url) as emptied:
        emptied.flushdb()
    client.close()


def _unique() -> str:
    return uuid.uuid4().hex[:10]


@pytest.fixture
def namespace() -> str:
    """A Redis namespace that nobody else uses."""
    return f"test-{_unique()}"


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topic names that nobody else uses."""
    return f"test-{_unique()}."


@pytest.fixture
def ebb_env(kafka: Kafka, redis_url: str, namespace: str, topic_prefix: str) -> dict[str, str]:
    """Settings that lead a command to this test's own corner of the servers."""
    return {
        "EBB_KAFKA": kafka.bootstrap,
        "EBB_REDIS": redis_url,
        "EBB_REDIS_NAMESPACE": namespace,
        "EBB_TOPICS_PREFIX": topic_prefix,
    }


@pytest.fixture
def ebb(tmp_path: Path) -> Ebb:
    """Run ``ebb(*arguments, env=...)`` to its end, without servers unless ``env`` names them."""
    return Ebb(tmp_path, {})


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Start workers and learners that end with the test."""
    started = Processes(tmp_path, {})
    yield started
    started.kill()


__all__ = ["Kafka", "Redis"]


def pytest_report_header() -> str:
    """Say at the start what the environment asks for."""
    asked = sorted(name for name in os.environ if name.startswith("EBB_TEST_"))
    return f"asked for: {', '.join(asked) or 'any Kafka and any Redis, the realest first'}"
