"""A shop and a collector, and somebody who visits with a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.collect.tracker import script
from tests.browser import Browser
from tests.conftest import browser_for
from tests.streams.collect.tracker.street import Collector, Shop, street
from tests.streams.collect.tracker.visiting import Visitor, furnish


# While it runs, its event loop is the process's: it ends with these files.
@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """One browser for all of these files."""
    yield from browser_for(request)


# Of each test alone: a visitor of the test before may still be leaving.
@pytest.fixture
def _street() -> Iterator[tuple[Shop, Collector]]:
    with street() as both:
        yield both


@pytest.fixture
def collector(_street: tuple[Shop, Collector]) -> Collector:
    """A collector that is well, and to which nothing has come."""
    return _street[1]


@pytest.fixture
def shop(_street: tuple[Shop, Collector], collector: Collector) -> Shop:
    """A shop whose page has the tracker as it is served."""
    found = _street[0]
    found.script = script()
    furnish(found, collector)
    return found


@pytest.fixture
def visitor(browser: Browser, shop: Shop) -> Iterator[Visitor]:
    """Somebody who comes for the first time, and sees no error of the page."""
    with browser.visitor() as context:
        found = Visitor(context, shop)
        yield found
        assert [line for line in found.said if line.startswith("error")] == []
