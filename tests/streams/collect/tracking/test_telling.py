"""What a context tells of the customer: the clock of the device, and what was agreed to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DEVICE_ZONE, CustomerState, Definition
from models.playbooks import read_plan
from streams.collect.speaking import segment
from streams.collect.tracking import ConsentRules, Source
from streams.collect.tracking.telling import zone_of
from streams.settings import load_settings
from tests.streams.collect.tracking.speaking import event, events, message

BERLIN = {"timezone": "Europe/Berlin"}
ASKING = Source(categories=("marketing", "ads"))


def agreed(**categories: Any) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": categories}}


@pytest.mark.parametrize("call", ["identify", "page", "screen"])
def test_the_clock_of_the_device_is_a_trait(call: str) -> None:
    found = events(message(type=call, context=BERLIN))[0]
    assert found.traits == {DEVICE_ZONE: "Europe/Berlin"}
    assert "timezone" not in found.properties
    assert event(message(type=call, context=BERLIN), Source(zones=False)).traits == {}


def test_what_the_shop_tells_stays_beside_it_and_a_track_call_tells_no_clock() -> None:
    said = message(type="identify", traits={"timezone": "Asia/Tokyo"}, context=BERLIN)
    assert event(said).traits == {DEVICE_ZONE: "Europe/Berlin", "timezone": "Asia/Tokyo"}
    assert event(message(event="Order Completed", context=BERLIN)).traits == {}
    full = {f"t{number}": number for number in range(32)}
    assert event(message(type="identify", traits=full, context=BERLIN)).traits == full


NO_ZONES: list[Any] = [
    *("", "UTC", "GMT+0200", "Etc/GMT+2", "Europe/Brelin", "../etc/passwd", "Europe/Berlin\x00"),
    *("posix/Europe/Berlin", "x" * 5_000, 7, None, True, [], {"name": "Europe/Berlin"}),
]


@pytest.mark.parametrize("zone", NO_ZONES, ids=[str(n) for n in range(len(NO_ZONES))])
def test_what_is_no_zone_of_a_place_is_dropped(zone: Any) -> None:
    assert event(message(type="page", context={"timezone": zone})).traits == {}


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text(), max_size=2)))
def test_whatever_is_sent_it_is_a_zone_or_nothing(value: object) -> None:
    assert zone_of(value) in (None, value)


def test_an_anonymous_event_has_no_clock_and_no_consent() -> None:
    source = Source(
        consent=ConsentRules(required=("marketing",), without="anonymise"),
        categories=("marketing",),
    )
    context = BERLIN | agreed(marketing=False)
    found = event(message(type="page", context=context), source)
    assert found.user_id.startswith("hidden:")
    assert found.traits == {}


def test_of_the_banner_only_what_is_asked_for_is_kept_and_only_a_plain_answer() -> None:
    def kept(context: dict[str, Any], source: Source = ASKING) -> dict[str, Any]:
        return dict(event(message(event="Wheel Spun", context=context), source).traits)

    context = agreed(marketing=True, ads="false", analytics=True)
    assert kept(context) == {"consent.marketing": True}
    assert kept(context, Source()) == {}
    assert kept(agreed()) == {}
    assert kept({"consent": "yes"}) == {}
    lists = {"allowedConsentIds": ["ads"], "deniedConsentIds": ["marketing"]}
    assert kept({"consentManagement": lists}) == {"consent.marketing": False, "consent.ads": True}


def test_settings_say_what_is_kept() -> None:
    for environ, zones, categories in (
        ({}, True, ()),
        ({"EBB_COLLECT_TIMEZONE": "false"}, False, ()),
        ({"EBB_COLLECT_CATEGORIES": "marketing,ads"}, True, ("marketing", "ads")),
    ):
        source = segment(load_settings(environ=environ).settings).source("shop")
        assert (source.zones, source.categories) == (zones, categories)


def test_a_policy_file_takes_a_category_for_a_consent() -> None:
    text = """
    version = 1
    [consent.email]
    category = "marketing"
    [[playbook]]
    name = "remind"
    action = { kind = "message", channel = "email" }
    """
    [consent] = read_plan(text, features=()).consents
    ada = CustomerState(Definition())
    told = event(message(type="page", context=agreed(marketing=True)), ASKING)
    ada.apply(told)
    assert ada.traits[consent.trait].lower() in consent.yes
    assert ada.traits.told_at(consent.trait) == told.at
