"""What arrives is applied, repeated, too late or refused, and counted as what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from features import DAY, HOUR, InvalidEvent, decode_event
from streams.pipeline import Arrival, Shop
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import prior_of
from tests.streams.pipeline.known import Known
from tests.streams.pipeline.logs import CUTS, SHOPS, logs
from tests.streams.pipeline.miniature import run_through, shop_with


@settings(max_examples=60)
@given(logs(), SHOPS, CUTS)
def test_every_event_is_applied_repeated_too_late_or_refused_and_counted_so(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    run = run_through(shop, prior_of(shop), log, cuts)
    known = Known(shop, log)
    counts = run.counts
    assert counts["applied"] == sum(map(len, known.values()))
    assert counts["duplicate"] + counts["too_late"] == known.repeated
    assert counts["late"] == known.late
    assert counts["invalid"] == len(run.refused) == known.future
    assert counts["customers"] == sum(bool(events) for events in known.values())
    unknown = {"wheel_spun", "PURCHASE", "påskønnet"}
    assert counts["unknown_type"] == sum(
        event.type in unknown for events in known.values() for _, event in events
    )


def test_an_event_from_the_future_is_refused_with_its_offset_and_moves_nothing() -> None:
    shop = shop_with(skew=DAY)
    last = Arrival(7, START, happened(0, "visit", START + DAY))
    future = Arrival(8, START, happened(1, "visit", START + DAY + 1))
    run = run_through(shop, prior_of(shop), [last, future])
    assert run.watermark == START + DAY - HOUR
    assert [(each.offset, each.field) for each in run.refused] == [(8, "time")]
    assert "2020-01-02T00:00:00.001Z is after its arrival by more than 1 days" in (
        run.refused[0].reason
    )
    assert (run.counts["applied"], run.counts["invalid"]) == (1, 1)


@pytest.mark.parametrize("arrival", ["in time", "at its own time"])
@pytest.mark.parametrize(
    "time",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2500-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_no_time_that_can_be_written_stops_the_partition(time: str, arrival: str) -> None:
    # Kafka's timestamp is the producer's own, and may be as wrong as the event's.
    shop = shop_with()
    text = json.dumps({"event_id": "e", "user_id": "ada", "type": "visit", "time": time})
    good = Arrival(0, START, happened(1, "visit", START, "björn"))
    log = [good]
    try:
        event = decode_event(text.encode())
    except InvalidEvent as error:
        assert error.field == "time"
    else:
        stamp = event.at if arrival == "at its own time" else START
        log.append(Arrival(1, stamp, event))
    run = run_through(shop, prior_of(shop), log, [(1, True)])
    assert "björn" in run.records
