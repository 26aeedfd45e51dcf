"""What arrives, sorted; and the line that stops when most of it is wrong."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from features import Event, encode_event
from streams.live.intake import WINDOW, Intake, Sorted, astray, recent_after
from streams.live.messages import ORIGIN, Origin
from streams.live.stopping import MostlyInvalid
from streams.pipeline import Refusal
from streams.topics import partition_of
from tests.streams.live.fakes import HERE, Record

MOVED = "clickstream-rekeyed"
intake = Intake(HERE.topic)


def event(user: str) -> bytes:
    return encode_event(Event(event_id="1", user_id=user, type="visit", time=1_000))


def at_home(partition: int, partitions: int = 4) -> str:
    names = (f"shopper-{number}" for number in range(100))
    return next(n for n in names if partition_of(n.encode(), partitions) == partition)


def sort(records: list[Record]) -> Sorted:
    read = intake.read(records)
    return intake.sort(records, read, astray(read.customers(), 0, 4))


def why(message: Any) -> dict[str, Any]:
    return dict(json.loads(dict(message.headers)["ebb_dead_letter"]))


def test_an_event_at_home_is_applied_and_one_astray_is_passed_on_as_it_is() -> None:
    here, stray = at_home(0), at_home(2)
    records = [Record(7, event(stray), b"k", timestamp=5), Record(8, event(here), timestamp=6)]
    out = sort(records)
    assert [(a.offset, a.timestamp, a.event.user_id) for a in out.arrivals] == [(1, 6, here)]
    [passed] = out.messages
    assert (passed.topic, passed.key, passed.value) == ("rekeyed", stray.encode(), event(stray))
    origin = msgspec.json.decode(dict(passed.headers)[ORIGIN], type=Origin)
    assert origin == Origin(HERE.topic, 0, 7, 5)
    assert (out.good, out.bad, dict(out.counts)) == (2, 0, {"forwarded": 1})


def test_what_was_moved_keeps_the_time_of_its_first_arrival() -> None:
    headers = ((ORIGIN, msgspec.json.encode(Origin(HERE.topic, 3, 9, 1_234))),)
    told = Record(0, event(at_home(0)), timestamp=9_999, topic=MOVED, headers=headers)
    untold = Record(1, event(at_home(0)), timestamp=9_999, topic=MOVED, headers=((ORIGIN, b"?"),))
    out = sort([told, untold])
    assert [arrival.timestamp for arrival in out.arrivals] == [1_234, 9_999]
    assert out.counts["rekeyed"] == 2


def test_an_event_is_moved_once_and_not_again() -> None:
    out = sort([Record(0, event(at_home(2)), topic=MOVED)])
    assert out.arrivals == []
    assert "was moved" in why(out.messages[0])["reason"]


def test_what_was_moved_and_is_refused_is_named_after_the_place_where_it_lay_first() -> None:
    headers = ((ORIGIN, msgspec.json.encode(Origin(HERE.topic, 3, 9, 1_234))),)
    copies = [Record(place, b"{", topic=MOVED, headers=headers) for place in (0, 1)]
    out = sort(copies)
    places = {(why(m)["topic"], why(m)["partition"], why(m)["offset"]) for m in out.messages}
    assert places == {(HERE.topic, 3, 9)}


def test_a_dead_letter_knows_which_letter_it_was_before() -> None:
    headers = (("ebb_redriven", b"clickstream-3-17"),)
    out = sort([Record(4, b"{", b"k", headers=headers)])
    assert why(out.messages[0])["redriven"] == "clickstream-3-17"
    assert (out.good, out.bad, out.counts["invalid"]) == (0, 1, 1)


def test_what_the_pipeline_refuses_is_a_dead_letter_of_the_right_record() -> None:
    records = [Record(40, b"{"), Record(41, event(at_home(0)), b"k")]
    out = sort(records)
    intake.refuse_all(out, records, [Refusal(out.arrivals[0].offset, "too far ahead", "time")])
    assert [why(message)["offset"] for message in out.messages] == [40, 41]
    assert (out.good, out.bad, out.last_reason) == (0, 2, "too far ahead")


def test_the_line_stops_when_most_of_the_last_messages_are_wrong() -> None:
    recent = (0, 0)
    for _ in range(20):
        recent = recent_after(recent, 100, 100, 0.8)
    taken = 0
    with pytest.raises(MostlyInvalid, match=r"no user_id.*worker\.invalid_cap"):
        while True:
            recent = recent_after(recent, 0, 100, 0.8, "no user_id")
            taken += 100
    assert taken <= 2 * WINDOW
    # Whoever starts again meets the same.
    with pytest.raises(MostlyInvalid):
        recent_after(recent, 0, 100, 0.8)
    assert recent_after(recent, 0, 100, 1.0)[1] > 0


def test_a_few_wrong_ones_at_the_start_are_no_verdict() -> None:
    assert recent_after((0, 0), 0, WINDOW // 2 - 1, 0.8) == (0, WINDOW // 2 - 1)
