"""What is done to Redis is really done: a fault that does not bite shows nothing."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.chaos.keeper import Keeper
from tests.servers import required, wait_for

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None and not required("EBB_TEST_REQUIRE_REDIS"),
    reason="no redis-server to kill",
)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    """A Redis of its own, with a thousand words in it."""
    keeper = Keeper(tmp_path / "redis")
    write(keeper, range(1_000))
    yield keeper
    keeper.kill()


def write(keeper: Keeper, numbers: range) -> None:
    with keeper.client() as client, client.pipeline(transaction=False) as words:
        for number in numbers:
            words.set(f"word-{number}", "x" * 20)
        words.execute()


def words(keeper: Keeper) -> int:
    with keeper.client() as client:
        return int(client.dbsize())


def test_a_kill_loses_nothing(keeper: Keeper) -> None:
    keeper.kill()
    assert not keeper.running
    keeper.start()
    assert words(keeper) == 1_000


def test_a_torn_file_loses_the_end_and_only_that(keeper: Keeper) -> None:
    keeper.kill()
    cut = keeper.tear(random.Random(1))
    keeper.start()
    kept = words(keeper)
    assert 1_000 - cut // 20 <= kept < 1_000
    keeper.kill()
    keeper.start()
    assert words(keeper) == kept


def test_a_redis_that_was_set_back_is_as_it_was_and_goes_on_writing(keeper: Keeper) -> None:
    keeper.save()
    write(keeper, range(1_000, 1_500))
    keeper.kill()
    keeper.set_back()
    assert words(keeper) == 1_000
    write(keeper, range(1_000, 1_100))
    keeper.kill()
    keeper.start()
    assert words(keeper) == 1_100


def test_without_memory_it_refuses_to_write_until_there_is_some(keeper: Keeper) -> None:
    keeper.allow_memory(1)
    with pytest.raises(redis.ResponseError, match="maxmemory"):
        write(keeper, range(1))
    keeper.allow_memory(0)
    write(keeper, range(1))


def test_with_a_full_disk_it_refuses_to_write_or_ends(keeper: Keeper) -> None:
    keeper.sync("everysec")
    keeper.fill_disk(100)

    def refuses() -> bool:
        try:
            write(keeper, range(10))
        except redis.ResponseError as error:
            assert "MISCONF" in str(error)
            return True
        return False

    wait_for("it refuses", refuses, 20)
    keeper.clear_disk()
    wait_for("it writes again", lambda: not refuses(), 20)

    keeper.sync("always")
    keeper.fill_disk(100)
    with pytest.raises(redis.ConnectionError):
        write(keeper, range(1_000))
    keeper.wait(10)
    keeper.start()
    assert words(keeper) == 1_000
