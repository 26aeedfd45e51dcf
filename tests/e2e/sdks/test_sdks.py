"""Every event of a trip arrives once, typed, with its properties: past failures, too."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser import REQUIRED as REQUIRE_BROWSER
from tests.browser import Browser, NoBrowser, browser
from tests.browser import required as browser_required
from tests.conftest import tell_backend
from tests.e2e.conftest import NewCorner
from tests.e2e.sdks.installing import REQUIRED, installed
from tests.e2e.sdks.running import SDKS, Run, Trip, play_all
from tests.e2e.sdks.trip import EVENTS, LOGIN, SECRETS, TRIP, fields_of, seen_by
from tests.servers import required

pytestmark = pytest.mark.e2e

Runs = dict[str, Run]


@pytest.fixture(scope="module")
def runs(
    new_corner: NewCorner,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Runs:
    """The trips past a collector that is well (fair), and past one that is not (foul)."""
    sdks = installed()
    missing = dict(sdks.missing)
    if missing and required(REQUIRED):
        pytest.fail(f"{missing} ({REQUIRED}=1)")
    if sdks.python is None and sdks.node is None:
        tell_backend(request.config, "SDKs", "none")
        pytest.skip(f"no SDK is to be had: {missing}")

    def open_browser(stack: ExitStack) -> Browser | None:
        try:
            found = stack.enter_context(browser())
        except NoBrowser as error:
            if browser_required():
                pytest.fail(f"{error} ({REQUIRE_BROWSER}=1)")
            missing["browsers"] = str(error)
            return None
        tell_backend(request.config, "Browser", found.version)
        return found

    folder = tmp_path_factory.mktemp("shop") / "pages"
    fair, foul = play_all(new_corner, sdks, open_browser, folder)
    there = {sdk.package for sdk in SDKS if sdk.name in fair.trips}
    words = [f"{len(there)} of {len({sdk.package for sdk in SDKS})}"]
    words += [f"none for {what} ({why.splitlines()[0]})" for what, why in missing.items()]
    tell_backend(request.config, "SDKs", ", ".join(words))
    return {"fair": fair, "foul": foul}


CASES = [(sdk, way) for sdk in SDKS for way in ("fair", "foul")[: 1 if sdk.leaves else 2]]


@pytest.fixture(params=CASES, ids=[f"{sdk.name}-{way}" for sdk, way in CASES])
def trip(request: pytest.FixtureRequest, runs: Runs) -> Trip:
    sdk, way = request.param
    if sdk.name not in runs[way].trips:
        pytest.skip(f"{sdk.package} is not here; the last line says why")
    return runs[way].trips[sdk.name]


def test_every_event_arrives_once(trip: Trip) -> None:
    ids = {step: {event.event_id for event in events} for step, events in trip.events.items()}
    assert {step: len(each) for step, each in ids.items()} == {
        call.step: len(call.becomes) for call in TRIP
    }
    # An id is of one event only, or the others are not counted.
    assert len(set().union(*ids.values())) == EVENTS[-1]
    # What was sent twice lies there twice, under one id.
    lie = sum(map(len, trip.events.values()))
    assert lie > EVENTS[-1] if trip.foul else lie == EVENTS[-1]


def test_every_event_is_of_its_type_and_has_its_properties(trip: Trip) -> None:
    around, page = around_of(trip)
    found = {}
    for call in TRIP:
        fields = {event.event_id: fields_of(event) for event in trip.events[call.step]}
        # Those of one call are numbered at the end of their ids.
        found[call.step] = [fields[name] for name in sorted(fields)]
    assert found == {call.step: seen_by(call, around, page) for call in TRIP}


def around_of(trip: Trip) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a browser tells of its page: with every event, and with a page view."""
    sdk = trip.sdk
    if sdk.language != "browser":
        return {}, {}
    around = {
        "campaign": "spring",
        "campaign_source": "news",
        "campaign_medium": "email",
        "path": f"/{sdk.module}",
        "referrer_host": "search.example",
    }
    page = {"title": "Boots"}
    if sdk.module == "rudder.html":
        hosts = ("referring_domain", "initial_referring_domain")
        page |= dict.fromkeys(hosts, "search.example")
    return around, page


def test_every_event_is_its_customers(trip: Trip) -> None:
    visitor = f"anon:{trip.anonymous}"
    for call in TRIP:
        for event in trip.events[call.step]:
            names = {visitor} if call.step <= LOGIN else {trip.sdk.user}
            if trip.foul and trip.sdk.name == "segment-web":
                # It says who is logged in when it sends, and it sends again after the login.
                names.add(trip.sdk.user)
            assert event.user_id in names, call
            told = trip.sdk.language == "browser" or call.told["call"] == "identify"
            linked = told and event.user_id == trip.sdk.user
            assert event.properties.get("anonymous_id") == (trip.anonymous if linked else None)


def test_every_event_is_of_the_time_of_the_trip(trip: Trip, runs: Runs) -> None:
    run = runs["foul" if trip.foul else "fair"]
    events = [event for each in trip.events.values() for event in each]
    assert run.began <= min(event.time for event in events)
    assert max(event.time for event in events) <= run.ended


def test_no_sdk_gives_anything_up(trip: Trip) -> None:
    assert trip.complaints == []


def test_the_foul_way_was_foul(runs: Runs) -> None:
    for trip in runs["foul"].trips.values():
        spell = Counter(trip.sdk.spell)
        assert {fate: trip.met[fate] for fate in spell} == spell, trip.sdk
        assert trip.met["away"] >= 1, trip.sdk


@pytest.mark.parametrize("way", ["fair", "foul"])
def test_nothing_is_refused_and_no_secret_is_kept(runs: Runs, way: str) -> None:
    run = runs[way]
    assert run.letters == []
    for secret in SECRETS:
        assert [raw for raw in run.raw if secret in raw] == []
        assert secret.decode() not in run.collector_said.replace("http://127.0.0.1", "")
    assert "shopper-" not in run.collector_said
    assert "Traceback" not in run.collector_said
