"""Without a yes where one is needed, nothing is stored and nothing is sent."""

from __future__ import annotations

import pytest

from tests.streams.collect.tracker.street import Collector, Shop
from tests.streams.collect.tracker.visiting import MINUTE, Visitor, furnish


@pytest.fixture
def asked(visitor: Visitor, shop: Shop, collector: Collector) -> Visitor:
    """A visitor, in a shop that must have asked."""
    furnish(shop, collector, 'data-consent="required"')
    visitor.stop_the_clock()
    visitor.enter()
    return visitor


def nothing_is_known(visitor: Visitor, collector: Collector) -> bool:
    """Tell whether nothing of the visitor is stored or was sent, in a minute and on leaving."""
    visitor.run("ebb.track('Unseen'); ebb.identify('ada')")
    visitor.wait(MINUTE)
    stored = visitor.stored()
    visitor.enter("/elsewhere")
    visitor.wait(MINUTE)
    return stored == visitor.stored() == {} and collector.batches == []


def test_nothing_is_stored_or_sent_before_a_yes(asked: Visitor, collector: Collector) -> None:
    assert nothing_is_known(asked, collector)


def test_what_was_done_on_the_page_before_a_yes_is_told_after_it(
    asked: Visitor, collector: Collector
) -> None:
    asked.run(
        "const ware = { product_id: 'tea' };"
        "ebb.identify('ada'); ebb.productViewed(ware); ware.product_id = 'another'"
    )
    asked.wait()
    asked.run("ebb.consent({ analytics: true, marketing: false })")
    asked.wait()
    told = collector.wait_for("page", "identify", "Product Viewed")
    granted = {"categoryPreferences": {"analytics": True, "marketing": False}}
    assert [message["context"]["consent"] for message in told] == [granted] * 3
    assert told[2]["properties"] == {"product_id": "tea"}
    assert told[0]["originalTimestamp"] == "2026-03-02T09:00:01.000Z"

    asked.until_all_is_sent()
    asked.enter("/next")
    asked.wait()
    *_, last = collector.wait_for("page", "identify", "Product Viewed", "page")
    assert (last["userId"], last["context"]["consent"]) == ("ada", granted)


def test_what_is_not_a_yes_is_none(asked: Visitor, collector: Collector) -> None:
    for answer in (
        "{ analytics: false, necessary: true }",
        "{ marketing: true }",
        "{ analytics: 'yes' }",
        "{}",
    ):
        asked.run(f"ebb.consent({answer})")
        assert nothing_is_known(asked, collector), answer


def test_who_takes_a_yes_back_is_forgotten_in_every_tab(
    asked: Visitor, collector: Collector
) -> None:
    asked.run("ebb.consent({ analytics: true })")
    asked.wait()
    collector.wait_for("page")
    other = asked.tab()
    asked.enter("/other", other)
    asked.run("ebb.consent({ analytics: true })", other)
    asked.wait()
    collector.wait_for("page", "page")
    asked.until_all_is_sent()  # or it would be that answer which is kept back
    collector.always = 500
    collector.answering.clear()
    asked.run("ebb.track('Unsent')")
    asked.wait()
    collector.wait(lambda: len(collector.batches) == 3)

    asked.run("ebb.consent({ analytics: false })")

    assert asked.stored() == {}
    # An answer that comes now leaves nothing behind either.
    with asked.context.expect_event("requestfinished"):
        collector.answering.set()
    collector.always = None
    other.wait_for_function("() => (ebb.track('Unseen'), !localStorage.length)", polling="raf")
    asked.wait(MINUTE)
    asked.enter("/next", other)
    asked.wait(MINUTE)
    assert asked.stored() == {}
    assert len(collector.batches) == 3


def test_a_no_is_remembered_where_no_yes_is_needed(visitor: Visitor, collector: Collector) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    visitor.run("ebb.identify('ada'); ebb.consent({ analytics: false })")
    for path in ("/next", "/last"):
        visitor.enter(path)
        visitor.wait(MINUTE)
    assert visitor.stored() == {"ebb.consent": '{"analytics":false}'}
    assert collector.batches == []

    visitor.run("ebb.consent({ analytics: true }); ebb.track('Back')")
    visitor.wait()
    [back] = collector.wait_for("Back")
    assert "userId" not in back


def test_a_shop_may_name_the_category_itself(
    visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    furnish(shop, collector, 'data-consent="required" data-category="statistics"')
    visitor.enter()
    visitor.run("ebb.consent({ analytics: true, statistics: false }); ebb.track('Unseen')")
    visitor.run("ebb.consent({ statistics: true }); ebb.track('Seen')")
    collector.wait_for("Seen")


@pytest.mark.parametrize(
    "signal", ["globalPrivacyControl', { value: true }", "doNotTrack', { value: '1' }"]
)
def test_whose_browser_objects_is_not_watched_where_the_shop_honours_it(
    signal: str, visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    visitor.context.add_init_script(f"Object.defineProperty(navigator, '{signal})")
    visitor.stop_the_clock()
    visitor.enter()
    visitor.wait()
    collector.wait_for("page")
    visitor.until_all_is_sent()
    collector.batches.clear()

    furnish(shop, collector, "data-dnt")
    visitor.enter()
    visitor.run("ebb.consent({ analytics: true })")
    assert nothing_is_known(visitor, collector)
