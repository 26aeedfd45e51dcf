"""A browser that opens a page as a reader would, and tells what the page did: once a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Set, a run without a browser fails where it would skip.
REQUIRED = "EBB_TEST_REQUIRE_BROWSER"
#: What Debian, and others, call it.
NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Nothing of the browser's own on the network, and no sandbox, which containers forbid.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = (1280, 900), (390, 844)


class NoBrowser(Exception):
    """There is none on this machine; says what would bring one."""


@dataclass
class Opened:
    """A page that is open: what it drew, said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def run(self, script: str) -> Any:
        """Return what a script of the page gives."""
        return self.page.evaluate(script)


class Browser:
    """A browser that runs."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self.version = f"Chromium {browser.version}"

    @contextmanager
    def visitor(self, **more: Any) -> Iterator[Any]:
        """Have a reader with a storage of their own, and no page open yet."""
        context = self._browser.new_context(**more)
        try:
            yield context
        finally:
            context.close()

    @contextmanager
    def opened(self, path: Path, size: tuple[int, int] = DESKTOP, **more: Any) -> Iterator[Opened]:
        """Open a report, and wait until its charts are drawn."""
        width, height = size
        context = self._browser.new_context(viewport={"width": width, "height": height}, **more)
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda line: found.said.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
        page.on("request", lambda request: found.asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        try:
            yield found
        finally:
            context.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it.

    Raises
    ------
    NoBrowser
        If there is none on this machine.
    """
    from playwright.sync_api import Error, sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowser("no browser: apt install chromium")
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        except Error as error:
            raise NoBrowser(f"{path} does not start: {error.message.splitlines()[0]}") from None
        yield Browser(started)
        started.close()


def required() -> bool:
    """Tell whether this run must not do without."""
    return os.environ.get(REQUIRED, "") not in ("", "0")
