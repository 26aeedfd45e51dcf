"""Somebody who visits the shop with a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.streams.collect.tracker.street import PATIENCE, Collector, Shop

MINUTE: Final = 60_000
#: Milliseconds in which what was told is sent, and that nobody's patience is shorter than.
SOON: Final = 300
MORNING: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
STUB: Final = """<script>window.ebb = window.ebb || new Proxy([],
{ get: (q, n) => n in q ? q[n] : (...w) => q.push([n, ...w]) });</script>"""


def furnish(shop: Shop, collector: Collector, options: str = "", before: str = STUB) -> None:
    """Put the tracker into the shop's page, with its options and what stands before it."""
    shop.page = (
        f"<!doctype html><title>A shop</title>{before}"
        f'<script async src="/ebb.js" data-key="key-1" data-host="{collector.url}" {options}>'
        "</script>"
    )


class Visitor:
    """Somebody in the shop.

    Parameters
    ----------
    context
        Their browser, with a storage of its own.
    shop
        Where they are.
    """

    def __init__(self, context: Any, shop: Shop) -> None:
        self.context = context
        self.shop = shop
        self.said: list[str] = []
        self.page = self.tab()

    def tab(self) -> Any:
        """Open one more tab, with nothing in it."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("console", lambda line: self.said.append(line.text))
        return page

    def stop_the_clock(self) -> None:
        """Let no time pass from now on but by `wait`."""
        # However long the two take: no clock is stopped at a time that is over.
        self.context.clock.install(time=MORNING - timedelta(hours=1))
        self.context.clock.pause_at(MORNING + timedelta(seconds=1))

    def wait(self, milliseconds: float = SOON) -> None:
        """Let the visitor's time pass; much of it would end a request that is under way."""
        self.context.clock.run_for(milliseconds)

    def enter(self, path: str = "/", page: Any = None) -> None:
        """Open a page of the shop, and wait for the tracker."""
        page = page or self.page
        page.goto(self.shop.url + path)
        page.wait_for_function("() => window.ebb && !Array.isArray(ebb)", polling="raf")

    def run(self, script: str, page: Any = None) -> Any:
        """Run a script in the page."""
        return (page or self.page).evaluate(f"() => {{ {script} }}")

    def stored(self) -> dict[str, str]:
        """Return what the browser keeps for the shop."""
        found: dict[str, str] = self.page.evaluate("() => ({ ...localStorage })")
        return found

    def until_stored(self, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Wait until something holds of what the browser keeps."""
        patience = time.monotonic() + PATIENCE
        while not holds(found := self.stored()):
            assert time.monotonic() < patience, found
        return found

    def until_all_is_sent(self) -> None:
        """Wait until the tracker knows of every event that it arrived."""
        self.until_stored(lambda found: not any(name.startswith("ebb.q.") for name in found))

    def pause_after(self, failures: int) -> tuple[float, bool]:
        """Return how long the tracker waits now that so many tries failed, and if it was asked."""
        found = self.until_stored(
            lambda stored: json.loads(stored.get("ebb.pause", "[0]"))[0] == failures
        )
        _, until, asked = json.loads(found["ebb.pause"])
        return until - self.run("return Date.now()"), asked

    def waiting(self) -> int:
        """Return how many events wait in the browser."""
        return sum(name.startswith("ebb.q.") for name in self.stored())

    def complaints(self) -> list[str]:
        """Return what the tracker said, and errors; not what the browser says of a network."""
        network = ("Failed to load resource", "Access to fetch")
        return [line for line in self.said if not line.startswith(network)]
