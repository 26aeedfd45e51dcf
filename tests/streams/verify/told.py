"""What `ebb verify` told of a shop in memory, and who is known there."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from streams.verify.sampling import EVERYBODY, names_up_to
from streams.verify.verdicts import Finding, Verdict
from streams.verify.verifying import Report
from tests.streams.verify.small_shop import PARTITIONS, SmallShop, regular_events


def settled(**more: Any) -> SmallShop:
    """Return a shop whose worker has taken in everything."""
    shop = SmallShop(random.Random(7), **more)
    shop.publish(regular_events())
    asyncio.run(shop.work())
    return shop


def verdicts(report: Report) -> dict[str, Verdict]:
    return {finding.customer: finding.verdict for finding in report.findings}


def found(report: Report, customer: str) -> Finding:
    [finding] = [each for each in report.findings if each.customer == customer]
    return finding


def expect_all_equal(report: Report, customers: int) -> None:
    assert report.findings == []
    assert report.counts == ({Verdict.EQUAL: customers} if customers else {})


def never_different(report: Report) -> None:
    """Expect of every customer that it is equal, or that the log does not tell."""
    assert set(report.counts) <= {Verdict.EQUAL, Verdict.UNSURE}, report.findings


async def everybody(shop: SmallShop) -> set[str]:
    return {name for partition in range(PARTITIONS) for name in await names(shop, partition)}


async def names(shop: SmallShop, partition: int) -> list[str]:
    return await names_up_to(shop.store, partition, EVERYBODY)
