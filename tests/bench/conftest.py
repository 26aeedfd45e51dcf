"""The servers of the test run, as the benchmarks take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.stage import Servers
from tests.conftest import Kafka


@pytest.fixture
def bench_servers(kafka: Kafka, redis_url: str, tmp_path: Path) -> Servers:
    return Servers(kafka.bootstrap, redis_url, "the servers of this test run", tmp_path)
