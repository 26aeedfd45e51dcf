"""The short form of ``make chaos``: one fault of each kind, in one run.

The mutants, and the kinds that take long, are in the long form only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.faults import KINDS, Kind
from tests.chaos.running import Result, perform
from tests.chaos.stage import Broker
from tests.servers import ServerError, required

pytestmark = pytest.mark.chaos

SEED = 1
TOGETHER = {name: kind for name, kind in KINDS.items() if kind.brief and not kind.alone}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka that may be killed; without one, there is nothing to see here."""
    try:
        made = Broker(tmp_path_factory.mktemp("chaos"))
    except ServerError as error:
        if required("EBB_TEST_REQUIRE_KAFKA"):
            raise
        pytest.skip(f"no Kafka to kill: {error}")
    yield made
    made.close()


def run(name: str, programme: list[Kind], broker: Broker, folder: Path, events: int) -> Result:
    return perform(name, programme, broker, folder / name, seed=SEED, events=events, say=print)


def test_one_fault_of_each_kind_loses_nothing_and_doubles_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    result = run("medley", list(TOGETHER.values()), broker, tmp_path, 6_000)
    assert (result.incidents, result.differences.notes) == ([], [])
    assert result.right
    assert result.alerts > 100
    assert result.examples > 100
