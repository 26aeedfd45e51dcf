"""The mark of a partition says up to where its log counts; one that does not fit is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from streams.live.held import MARK_VERSION, Mark
from streams.live.messages import Origin, moved_message
from streams.topics import partition_of
from streams.verify.reach import CannotVerify, moved_from, read_reach
from streams.verify.verdicts import Verdict
from tests.streams.verify.small_shop import PARTITIONS, SmallShop
from tests.streams.verify.told import found, names, settled


def marked(shop: SmallShop, **changes: Any) -> None:
    for partition in range(PARTITIONS):
        mark = msgspec.structs.asdict(shop.marks[partition]) | changes
        shop.store._of(partition).mark = msgspec.json.encode(mark)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"v": MARK_VERSION + 1}, "written by a newer Ebbtide"),
        ({"shape": "other"}, "built with other settings of churn, silence or features"),
        ({"partitions": 7}, "of a topic of 7 partitions, but the topic has 2"),
        ({"offset": "x"}, "cannot be read"),
    ],
)
def test_a_state_that_is_not_of_this_log_is_refused(changes: dict[str, Any], words: str) -> None:
    shop = settled()
    marked(shop, **changes)
    with pytest.raises(CannotVerify, match=words):
        asyncio.run(shop.verify())


def test_customers_without_a_mark_are_a_difference() -> None:
    shop = settled()
    gone = partition_of(b"user-0", PARTITIONS)
    shop.store._of(gone).mark = None
    there = len(asyncio.run(names(shop, gone)))
    report = asyncio.run(shop.verify())
    assert report.counts == {Verdict.DIFFERENT: there, Verdict.EQUAL: 6 - there}
    assert "mark: the partition has none in Redis" in found(report, "user-0").reason
    report = asyncio.run(shop.verify("nobody", "nobody else"))
    assert report.counts == {Verdict.MISSING: 2}


def test_a_mark_and_an_origin_are_read_as_the_worker_writes_them() -> None:
    mark = Mark(offset=5, rekeyed=7, watermark=9, shape="x", partitions=3, topics={"a": "b"})
    reach = read_reach(msgspec.json.encode(mark), 0)
    assert (reach.offset, reach.rekeyed, reach.watermark) == (5, 7, 9)
    assert (reach.shape, reach.partitions, reach.v) == ("x", 3, MARK_VERSION)
    moved = moved_message("ada", b"{}", Origin("clickstream", 1, 2, 3))
    assert moved_from(moved.headers, 9) == (3, None, None)
    assert moved_from([("ebb_origin", b"{")], 9) == (9, None, None)
