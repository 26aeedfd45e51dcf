"""How events reach a collector that is not always well: each of them, once by its id."""

from __future__ import annotations

import json

import pytest

from tests.streams.collect.tracker.street import Collector, Shop
from tests.streams.collect.tracker.visiting import MINUTE, SOON, Visitor, furnish


def test_nothing_is_lost_or_doubled_while_the_collector_is_ill(
    visitor: Visitor, collector: Collector
) -> None:
    collector.answers = [500, 0, 408, (429, "30"), 302, 502]
    visitor.stop_the_clock()
    visitor.enter()
    pause = 0.0
    for number in range(6):
        visitor.run(f"ebb.track('Visit {number}', {{ number: {number} }})")
        visitor.wait(pause + SOON)
        pause, _ = visitor.pause_after(number + 1)
    visitor.wait(pause + SOON)

    collector.wait_for("page", *(f"Visit {number}" for number in range(6)))
    assert len({m["messageId"] for b in collector.batches for m in b.messages}) == 7
    assert sum(len(b.messages) for b in collector.batches if b.status == 200) == 7
    assert visitor.complaints() == []


def test_pauses_grow_and_outlast_a_reload(visitor: Visitor, collector: Collector) -> None:
    collector.always = 500
    visitor.stop_the_clock()
    visitor.enter()
    visitor.wait()
    for failures in range(1, 12):
        pause, asked = visitor.pause_after(failures)
        longest = min(300_000, 1_000 * 2 ** (failures - 1))
        assert longest / 2 <= pause <= longest
        assert not asked
        if failures == 3:
            visitor.enter("/again")
            collector.wait(lambda: bool(collector.sent_by("/beacon/v1/batch")))
        visitor.wait(pause - 1)
        assert len(collector.sent_by("/v1/batch")) == failures
        visitor.wait()
        collector.wait(lambda n=failures: len(collector.sent_by("/v1/batch")) == n + 1)


@pytest.mark.parametrize("after", ["120", "Mon, 02 Mar 2026 09:02:02 GMT"])
def test_a_collector_that_asks_for_a_pause_gets_it(
    after: str, visitor: Visitor, collector: Collector
) -> None:
    collector.answers = [(429, after)]
    visitor.stop_the_clock()
    visitor.enter()
    visitor.wait()
    visitor.until_stored(lambda found: "ebb.pause" in found)
    visitor.run("ebb.track('Patient')")
    visitor.run("dispatchEvent(new Event('online'))")
    visitor.wait(MINUTE)
    # Neither a beacon nor the next page breaks the pause.
    visitor.enter("/next")
    visitor.wait(MINUTE - 1_000)
    assert len(collector.batches) == 1

    # It asked for two minutes, or for what was left of them and a second, and gets up to a tenth
    # more; of that, two minutes less a second are over, and what the answer took.
    rest, asked = visitor.pause_after(1)
    assert asked
    assert 1_000 - SOON <= rest <= 1.1 * (2 * MINUTE + 1_000) - (2 * MINUTE - 1_000)
    # Only to its end: much more time would end the request that is then under way.
    visitor.wait(rest + SOON)
    collector.wait_for("page", "Patient", "page")


def test_what_the_collector_refuses_is_not_sent_again(
    visitor: Visitor, collector: Collector
) -> None:
    collector.answers = [400, 401, 413]
    visitor.enter()
    for refused in range(1, 4):
        collector.wait(lambda n=refused: len(collector.batches) == n)
        visitor.until_all_is_sent()
        visitor.run(f"ebb.track('After {refused}')")

    collector.wait_for("After 3")
    assert visitor.complaints() == [
        f"ebb: the collector refuses 1: {refusal}" for refusal in (400, 401, 413)
    ]


def test_what_could_not_be_sent_is_sent_from_the_next_page(
    visitor: Visitor, collector: Collector
) -> None:
    collector.always = 0
    visitor.enter("/first")
    visitor.run("ebb.track('Unsent')")
    collector.wait(lambda: len(collector.batches) > 0)
    visitor.page.close()
    collector.always = None
    visitor.page = visitor.tab()
    visitor.enter("/second")

    told = collector.wait_for("page", "Unsent", "page")
    assert [message["context"]["page"]["path"] for message in told] == [
        *("/first", "/first", "/second"),
    ]


def test_what_happens_without_a_network_is_sent_with_one(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    visitor.context.set_offline(True)
    visitor.run("ebb.track('In a tunnel')")
    visitor.wait()
    visitor.until_stored(lambda found: "ebb.pause" in found)
    assert collector.batches == []
    visitor.context.set_offline(False)

    collector.wait_for("page", "In a tunnel")


def test_a_page_that_is_left_at_once_is_told_of_by_a_beacon(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.stop_the_clock()  # so that only a beacon can have sent it
    visitor.enter()
    visitor.run("ebb.track('Left')")
    visitor.page.goto("about:blank")

    first, left = collector.wait_for("page", "Left")
    [beacon] = collector.batches
    assert (beacon.path, beacon.key) == ("/beacon/v1/batch", "key-1")
    assert beacon.content_type.startswith("text/plain")

    # Nobody told that it arrived: the same is sent again, under the same ids.
    visitor.enter("/back")
    visitor.wait()
    collector.wait_for("page", "Left", "page")
    again = collector.batches[1]
    assert again.path == "/v1/batch"
    assert [m["messageId"] for m in again.messages[:2]] == [first["messageId"], left["messageId"]]
    visitor.until_all_is_sent()


def test_a_page_that_is_left_before_the_answer_is_no_failure_of_the_collector(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    collector.answering.clear()
    visitor.wait()
    collector.wait(lambda: len(collector.batches) == 1)
    visitor.enter("/next")
    assert "ebb.pause" not in visitor.stored()

    # Nothing waits, and what nobody knows the answer to is sent again, under the same id.
    visitor.wait()
    collector.wait_for("page", "page")
    assert [len(batch.messages) for batch in collector.batches] == [1, 2]
    collector.answering.set()
    visitor.until_all_is_sent()


def test_a_tab_that_is_put_aside_sends_what_it_has_and_asks_again_when_it_is_back(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    visitor.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
            window.dispatchEvent(new Event("pagehide"));
        }"""
    )
    [first] = collector.wait_for("page")
    visitor.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { value: false });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    visitor.until_all_is_sent()

    assert [batch.path for batch in collector.batches] == ["/beacon/v1/batch", "/v1/batch"]
    assert [m["messageId"] for b in collector.batches for m in b.messages] == [
        first["messageId"],
        first["messageId"],
    ]


def test_much_is_sent_in_pieces_that_the_browser_lets_go(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    names = [f"Big {number}" for number in range(9)]
    for name in names:
        # Three bytes a sign.
        visitor.run(f"ebb.track('{name}', {{ text: '\N{EURO SIGN}'.repeat(6000) }})")
    visitor.page.goto("about:blank")
    collector.wait_for("page", *names[:3])
    visitor.enter("/next")
    visitor.wait()

    collector.wait_for("page", *names, "page")
    assert [len(batch.messages) for batch in collector.batches] == [4, 4, 3, 4]
    assert max(batch.size for batch in collector.batches) < 64 * 1024


def test_two_tabs_send_each_event_once(visitor: Visitor, collector: Collector) -> None:
    visitor.enter()
    other = visitor.tab()
    visitor.enter("/other", other)
    for number in range(10):
        visitor.run(f"ebb.track('Here {number}')")
        visitor.run(f"ebb.track('There {number}')", other)
    collector.wait(lambda: len(collector.accepted()) == 22)

    told = collector.accepted()
    assert len({message["anonymousId"] for message in told}) == 1
    assert len({message["context"]["sessionId"] for message in told}) == 1
    visitor.until_all_is_sent()


def test_the_newest_events_are_kept_when_there_is_no_room(
    visitor: Visitor, collector: Collector
) -> None:
    collector.always = 500
    visitor.stop_the_clock()
    visitor.enter()
    visitor.run("for (let n = 0; n < 510; n++) ebb.track('Small ' + n)")
    assert visitor.waiting() == 500
    visitor.run("for (let n = 0; n < 40; n++) ebb.track('Big ' + n, { x: 'x'.repeat(31000) })")
    kept = [json.loads(v)["event"] for n, v in sorted(visitor.stored().items()) if ".q." in n]
    assert kept == [f"Big {number}" for number in range(40 - len(kept), 40)]
    assert 900_000 < sum(map(len, visitor.stored().values())) < 1_100_000


def test_a_shop_that_fills_the_storage_itself_loses_nothing(
    visitor: Visitor, collector: Collector
) -> None:
    collector.answers = [500]
    visitor.enter()
    visitor.run(
        """
        let size = 1e6;
        for (let n = 0; size >= 1; n++) {
            try { localStorage["own" + n] = "x".repeat(size) } catch { size = size / 2 | 0 }
        }
        ebb.track("Full");
        """
    )
    collector.wait_for("page", "Full")


def test_the_collector_may_stand_where_the_script_comes_from(
    visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    furnish(shop, collector)
    shop.page = shop.page.replace(f'data-host="{collector.url}"', "")
    visitor.enter("/deep/in/the/shop")
    collector.wait_for("page")
