"""Silence is an event: with the clock of the wall, time passes though nobody comes."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from features import DAY, HOUR, MINUTE, Event, Millis
from streams.live import looking
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

CUSTOMERS = [f"shopper-{number}" for number in range(60)]


def now() -> Millis:
    return time.time_ns() // 1_000_000


def visits(last: Millis) -> list[Event]:
    """Return everybody's visits: one every fifth day for forty days, the last one then."""
    return [
        Event(event_id=f"{name}-{day}", user_id=name, type="page_viewed", time=last - day * DAY)
        for day in range(40, -1, -5)
        for name in CUSTOMERS
    ]


def watermarks(corner: Corner) -> list[Millis]:
    return [mark.watermark for mark in corner.marks()]


def test_silence_is_noticed_though_no_event_comes(brief_corner: NewCorner) -> None:
    corner = brief_corner(EBB_CLOCK="wall")
    corner.create_topics()
    last = now() - 20 * DAY
    events = visits(last)
    corner.publish(events)
    corner.worker()
    near = now() - HOUR - MINUTE
    wait_for("the watermarks follow the clock", lambda: min(watermarks(corner)) > near, 40, 0.2)
    corner.drain(len(events))

    async def decided() -> list[list[Millis]]:
        async with looking(corner.settings) as view:
            dossiers = [await view.dossier(name) for name in CUSTOMERS]
        return [[each.at for each in dossier.ledger.decisions] for dossier in dossiers]

    for moments in asyncio.run(decided()):
        # Ten and fifteen days of silence have come and gone since anybody was seen.
        assert {last + 10 * DAY, last + 15 * DAY} <= set(moments)
        assert max(moments) <= now() - HOUR
    assert corner.counts()["decisions_silence"] > len(CUSTOMERS)
    alerted = {json.loads(said.value)["user_id"] for said in corner.read("interventions")}
    assert len(alerted) == len(CUSTOMERS)


def test_with_the_clock_of_events_only_events_move_time(corner: Corner) -> None:
    last = now() - 20 * DAY
    events = visits(last)
    corner.publish(events)
    corner.worker()
    corner.drain(len(events))
    assert watermarks(corner) == [last - HOUR] * 4
