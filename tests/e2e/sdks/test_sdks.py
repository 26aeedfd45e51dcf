"""Every event of a trip arrives once, typed, with its properties: past failures, too."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser import REQUIRED as REQUIRE_BROWSER
from tests.browser import Browser, NoBrowser, browser
from tests.browser import required as browser_required
from tests.conftest import tell_backend
from tests.e2e.conftest import NewCorner
from tests.e2e.sdks.installing import REQUIRED, installed
from tests.e2e.sdks.running import SDKS, Run, Sdk, Trip, play_all
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
    absent = "; ".join(f"none for {what} ({why.splitlines()[0]})" for what, why in missing.items())
    words = f"{len(fair.trips)} of {len(SDKS)}" + (f", {absent}" if absent else "")
    tell_backend(request.config, "SDKs", words)
    return {"fair": fair, "foul": foul}


@pytest.fixture(params=["fair", "foul"])
def run(request: pytest.FixtureRequest, runs: Runs) -> Run:
    return runs[request.param]


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    found: Sdk = request.param
    return found


def trip_of(sdk: Sdk, run: Run) -> Trip:
    if sdk.name not in run.trips:
        pytest.skip(f"{sdk.package} is not here; the last line says why")
    return run.trips[sdk.name]


def test_every_event_arrives_once(sdk: Sdk, run: Run, runs: Runs) -> None:
    trip = trip_of(sdk, run)
    ids = {step: {event.event_id for event in events} for step, events in trip.events.items()}
    assert {step: len(each) for step, each in ids.items()} == {
        call.step: len(call.becomes) for call in TRIP
    }
    # An id is of one event only, or the others are not counted.
    assert len(set().union(*ids.values())) == EVENTS[-1]
    # What was sent twice lies there twice, under one id.
    lie = sum(map(len, trip.events.values()))
    assert lie == EVENTS[-1] if run is runs["fair"] else lie > EVENTS[-1]


def test_every_event_is_of_its_type_and_has_its_properties(sdk: Sdk, run: Run) -> None:
    trip = trip_of(sdk, run)
    around, page = around_of(sdk, trip)
    found = {}
    for call in TRIP:
        fields = {event.event_id: fields_of(event) for event in trip.events[call.step]}
        # Those of one call are numbered at the end of their ids.
        found[call.step] = [fields[name] for name in sorted(fields)]
    assert found == {call.step: seen_by(call, around, page) for call in TRIP}


def around_of(sdk: Sdk, trip: Trip) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a browser tells of its page: with every event, and with a page view."""
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
    if sdk.name == "rudder-web":
        hosts = ("referring_domain", "initial_referring_domain")
        page |= dict.fromkeys(hosts, "search.example")
    return around, page


def test_every_event_is_its_customers(sdk: Sdk, run: Run, runs: Runs) -> None:
    trip = trip_of(sdk, run)
    visitor = f"anon:{trip.anonymous}"
    for call in TRIP:
        for event in trip.events[call.step]:
            names = {visitor} if call.step <= LOGIN else {sdk.user}
            if run is runs["foul"] and sdk.name == "segment-web":
                # It says who is logged in when it sends, and it sends again after the login.
                names.add(sdk.user)
            assert event.user_id in names, call
            told = sdk.language == "browser" or call.told["call"] == "identify"
            linked = told and event.user_id == sdk.user
            assert event.properties.get("anonymous_id") == (trip.anonymous if linked else None)


def test_every_event_is_of_the_time_of_the_trip(sdk: Sdk, run: Run) -> None:
    events = [event for each in trip_of(sdk, run).events.values() for event in each]
    assert run.began <= min(event.time for event in events)
    assert max(event.time for event in events) <= run.ended


def test_no_sdk_gives_anything_up(sdk: Sdk, run: Run) -> None:
    assert trip_of(sdk, run).complaints == []


def test_the_foul_way_was_foul(sdk: Sdk, runs: Runs) -> None:
    met = trip_of(sdk, runs["foul"]).met
    assert {fate: met[fate] for fate in sdk.spell} == {f: sdk.spell.count(f) for f in sdk.spell}
    assert met["away"] >= 1


def test_nothing_is_refused_and_no_secret_is_kept(run: Run) -> None:
    assert run.letters == []
    for secret in SECRETS:
        assert [raw for raw in run.raw if secret in raw] == []
        assert secret.decode() not in run.collector_said.replace("http://127.0.0.1", "")
    assert "shopper-" not in run.collector_said
    assert "Traceback" not in run.collector_said
