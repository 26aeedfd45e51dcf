"""Who is let in: keys come and go without a restart, and Redis may be away."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from streams.collect.limits import Limits
from streams.keys import WriteKey, digest_of
from tests.streams.collect.servers import SECRET, WEB, Keys, event, running

BOOTH = WriteKey(name="booth", digest=digest_of("ebb_booth"))
TILL = WriteKey(name="till", digest=digest_of("ebb_till"))


def test_a_key_that_was_made_a_moment_ago_is_known() -> None:
    with running() as door:
        # Somebody was too early with it.
        assert door.post("/v1/events", event(), key="ebb_till").code == "unknown_key"
        door.keys.known.append(TILL)
        assert door.post("/v1/events", event(), key="ebb_till").status == 200
        door.keys.known.append(BOOTH)
        answer = door.post("/v1/events", event(), authorization="Bearer ebb_booth")
        assert answer.status == 200


def test_whoever_guesses_keys_makes_so_many_looks_a_second_and_waits_for_more() -> None:
    with running() as door:
        looks = door.keys.looks
        guess = (f"ebb_{number}" for number in itertools.count())

        def guesses(number: int) -> None:
            for key in itertools.islice(guess, number):
                assert door.post("/t", {}, key=key).code == "unknown_key"

        # The clock stands still, so nothing flows in.
        guesses(40)
        assert door.keys.looks == looks + 40
        began = time.monotonic()
        guesses(2)
        assert time.monotonic() - began >= 0.5
        # A key that was made in the midst of that is good all the same.
        door.keys.known.append(TILL)
        assert door.post("/v1/events", event(), key="ebb_till").status == 200


def test_those_who_wait_for_a_look_share_it() -> None:
    with running() as door, ThreadPoolExecutor(20) as pool:
        for number in range(40):
            door.post("/t", {}, key=f"ebb_{number}")
        looks = door.keys.looks
        answers = pool.map(lambda n: door.post("/t", {}, key=f"ebb_more_{n}").code, range(20))
        assert set(answers) == {"unknown_key"}
        assert door.keys.looks <= looks + 5


def test_an_open_door_takes_a_key_it_does_not_know_and_says_so_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def told() -> int:
        return sum("unknown is let in" in record.message for record in caplog.records)

    with running(Limits(open=True)) as door:
        for _ in range(3):
            assert door.post("/v1/events", event(), key="ebb_wrong").status == 200
        assert told() == 1
        door.clock.now += 61
        door.post("/v1/events", event(), key="ebb_wrong")
        assert told() == 2
        assert "ebb_wrong" not in caplog.text
        assert door.post("/v1/events", event(), key=None).status == 200
        assert told() == 2
        door.post("/v1/events", event(), key=SECRET)
    sources = [dict(sent.headers)["ebb_source"] for sent in door.broker.records]
    assert sources == [b"open"] * 5 + [b"web"]


def test_a_revoked_key_opens_nothing_after_the_next_look() -> None:
    with running() as door:
        door.keys.known.clear()
        door.keys.known.append(TILL)
        assert door.post("/v1/events", event()).status == 200
        door.clock.now += 1
        assert door.post("/v1/events", event(), key="ebb_guess").status == 401
        assert door.post("/v1/events", event()).code == "unknown_key"


def test_a_rotated_key_opens_until_its_end() -> None:
    end = 2_000_000
    keys = Keys([msgspec.structs.replace(WEB, until=end), TILL])
    with running(keys=keys) as door:
        door.clock.now = (end - 1) / 1_000
        assert door.post("/v1/events", event()).status == 200
        door.clock.now = end / 1_000
        assert door.post("/v1/events", event()).code == "unknown_key"
        assert door.post("/v1/events", event(), key="ebb_till").status == 200


def test_known_keys_stay_when_redis_is_away_and_unknown_ones_are_told_to_come_back() -> None:
    with running() as door:
        door.keys.away = True
        door.clock.now += 1
        answer = door.post("/v1/events", event(), key="ebb_new")
        assert (answer.status, answer.code) == (429, "keys_away")
        assert int(answer.headers["retry-after"]) >= 30
        assert door.post("/v1/events", event(), key=SECRET).status == 200
        assert door.post("/v1/events", event(), key=None).code == "no_key"
        assert door.ask("GET", "/readyz").said["notes"]


def test_before_any_keys_were_read_nobody_is_refused_for_good() -> None:
    with running(keys=Keys(away=True)) as door:
        assert door.post("/v1/events", event()).code == "keys_away"
        assert door.ask("GET", "/readyz").status == 503
        door.keys.away = False
        door.clock.now += 1
        assert door.post("/v1/events", event()).status == 200
        assert door.ask("GET", "/readyz").status == 200


def test_a_key_for_something_else_is_not_good_for_events() -> None:
    with running(keys=Keys([msgspec.structs.replace(WEB, scopes=("outcomes",))])) as door:
        answer = door.post("/v1/events", event())
        assert (answer.status, answer.code) == (403, "wrong_scope")


def test_a_rate_limit_is_by_key_and_flows_in_again() -> None:
    with running(keys=Keys([msgspec.structs.replace(WEB, rate=2.0), TILL])) as door:
        batch = [event(number) for number in range(25)]
        assert door.post("/v1/events", batch).status == 200
        answer = door.post("/v1/events", event())
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 30
        assert door.post("/v1/events", event(), key="ebb_till").status == 200
        door.clock.now += 3
        assert door.post("/v1/events", event()).status == 200
        # A script must start, and then keep its events for later.
        door.post("/v1/events", batch)
        assert door.ask("GET", f"/sourceConfig?writeKey={SECRET}").status == 200
