"""What is not what the log says is found, and named."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, NEVER, Kind, encode_state
from features.store import MemoryStore, Record
from models.deciding import Ledger
from streams.pipeline import Customer
from streams.topics import partition_of
from streams.verify.verdicts import Verdict
from tests.streams.verify.small_shop import PARTITIONS, START, SmallShop, regular_events
from tests.streams.verify.told import expect_all_equal, found, settled, verdicts


def _count_a_purchase(customer: Customer) -> None:
    days = customer.state.tiles.days
    days[max(key for key in days if key & 31 == Kind.PURCHASE)] += 1


def _look_later(customer: Customer) -> None:
    customer.state.check_due += DAY


def _have_returned(customer: Customer) -> None:
    prediction = customer.ledger.pending[-1]
    prediction.returned_in = 0 if prediction.returned_in else 1


def _see_another_vector(customer: Customer) -> None:
    prediction = customer.ledger.pending[-1]
    prediction.vector = b"\x00\x00\x80\x7f" + prediction.vector[4:]


def _count_too_many(customer: Customer) -> None:
    state = customer.state
    # The total is stored as the sum of the kinds.
    state.kinds[Kind.OTHER] += 99 - state.events
    state.events = 99


DAMAGES: dict[str, tuple[Callable[[Customer], None], str]] = {
    "a tile": (
        _count_a_purchase,
        r"state\.tiles\.days\[2024-01-\d\d PURCHASE\]: 2 stored, 1 rec",
    ),
    "a sum": (
        lambda each: setattr(each.state.money, "spent", 1.25),
        r"state\.money\.spent: 1\.25 stored, 174 recomputed",
    ),
    "a total": (
        _count_too_many,
        r"state\.events: 99 stored, 24 rec",
    ),
    "a trait": (
        lambda each: each.state.traits.update(tier="gold"),
        r"state\.traits\[tier\]: gold stored, nothing recomputed",
    ),
    "a time": (
        lambda each: setattr(each.state, "first_seen", START - DAY),
        r"state\.first_seen: 2023-11-13T\S+ stored, 2023-11-15T\S+ recomputed",
    ),
    "a check": (_look_later, r"state\.check_due: 2024\S+Z stored, 2024\S+Z recomputed"),
    "a label": (_have_returned, r"ledger\.pending\[\S+ \w+\]\.returned_in: [0-3] stored"),
    "a vector": (_see_another_vector, r"ledger\.pending\[.*\]\.vector\.recency: inf stored"),
    "a prediction": (
        lambda each: each.ledger.pending.pop(),
        r"ledger\.pending\[\S+ \w+\]: nothing stored, a prediction recomputed",
    ),
    "a decision": (
        lambda each: each.ledger.decisions.pop(0),
        r"ledger\.decisions\[\S+ \w+\]: nothing stored, a decision recomputed",
    ),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("wall", [False, True])
def test_a_field_that_is_not_what_the_log_says_is_named(
    damage: Callable[[Customer], None], named: str, wall: bool
) -> None:
    shop = settled(wall=wall)
    asyncio.run(shop.change("user-5", damage))
    report = asyncio.run(shop.verify())
    assert report.counts == {Verdict.EQUAL: 5, Verdict.DIFFERENT: 1}
    finding = found(report, "user-5")
    assert finding.verdict is Verdict.DIFFERENT
    assert finding.partition == partition_of(b"user-5", PARTITIONS)
    assert re.match(named, finding.reason), finding.reason
    assert report.wrong == 1
    [told] = report.as_dict()["findings"]
    assert finding.reason.startswith(f"{told['field']}: {told['stored']} stored")


def test_what_depends_on_the_model_is_not_compared() -> None:
    def another_model(customer: Customer) -> None:
        for prediction in customer.ledger.pending:
            prediction.risk, prediction.version, prediction.treated = 0.123, "other", True
        decisions = customer.ledger.decisions
        decisions[:] = [
            msgspec.structs.replace(each, risk=0.5, arm="holdout", alert=True) for each in decisions
        ]

    shop = settled()
    asyncio.run(shop.change("user-2", another_model))
    expect_all_equal(asyncio.run(shop.verify()), 6)


@settings(max_examples=60)
@given(data=st.binary(max_size=60), where=st.sampled_from(["state", "ledger"]))
def test_bytes_that_cannot_be_read_are_a_difference_with_a_name(data: bytes, where: str) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(7))
        shop.publish(regular_events(visits=3))
        await shop.work()
        _, customer = await shop.look("user-3")
        record = Record(**{where: data})
        await shop.put("user-3", record, customer.due())
        finding = found(await shop.verify(), "user-3")
        assert finding.verdict is Verdict.DIFFERENT
        assert finding.reason.startswith(f"{where}: the bytes in Redis cannot be read: ")

    asyncio.run(story())


@pytest.mark.parametrize("part", ["state", "ledger"])
def test_a_newer_version_is_refused_in_words(part: str) -> None:
    shop = settled()
    _, customer = asyncio.run(shop.look("user-3"))
    bytes_of = {"state": encode_state(customer.state), "ledger": customer.ledger.encode()}
    fields = msgspec.msgpack.decode(bytes_of[part])
    fields[0] = 99
    record = Record(**{part: msgspec.msgpack.encode(fields)})
    asyncio.run(shop.put("user-3", record, customer.due()))
    finding = found(asyncio.run(shop.verify()), "user-3")
    assert finding.verdict is Verdict.DIFFERENT
    assert "version 99 was not written by this Ebbtide" in finding.reason


def test_a_timer_that_is_not_the_customers_is_a_difference() -> None:
    shop = settled()
    _, customer = asyncio.run(shop.look("user-5"))
    for wrong in (NEVER, customer.due() + 1, START):
        asyncio.run(shop.put("user-5", Record(), wrong))
        finding = found(asyncio.run(shop.verify()), "user-5")
        assert (finding.verdict, finding.more) == (Verdict.DIFFERENT, 0)
        assert finding.reason.startswith("timer: ")


def test_who_was_erased_from_redis_is_missed_and_so_is_who_never_was_in_the_topic() -> None:
    shop = settled()
    shop.erase("user-1")
    stranger = Customer(asyncio.run(shop.look("user-2"))[1].state, Ledger(), new=False)
    asyncio.run(shop.put("eve", Record(encode_state(stranger.state)), NEVER))
    for report in (asyncio.run(shop.verify()), asyncio.run(shop.verify("eve", "user-0", "user-1"))):
        assert verdicts(report) == {"user-1": Verdict.MISSING, "eve": Verdict.MISSING}
        assert "not in Redis, but" in found(report, "user-1").reason
        assert "in Redis, but none of its events is in the topic" in found(report, "eve").reason
        assert report.wrong == 2


def test_a_name_that_nobody_knows_is_missing() -> None:
    shop = settled()
    report = asyncio.run(shop.verify("nobody", "user-0"))
    assert report.counts == {Verdict.EQUAL: 1, Verdict.MISSING: 1}
    assert found(report, "nobody").reason.startswith("neither in Redis nor in the topic before")


def test_who_comes_while_it_is_verified_is_not_missed() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(1))
        shop.publish(regular_events())
        await shop.work()

        class Forgetful(MemoryStore):
            """Names nobody, as if they had all come after the scan."""

            async def names(self, partition: int) -> AsyncIterator[str]:
                for name in ():
                    yield name

        shop.store.__class__ = Forgetful
        report = await shop.verify()
        assert report.events > 0
        expect_all_equal(report, 0)

    asyncio.run(story())
