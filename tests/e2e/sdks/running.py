"""All SDKs at once play the same trip: past a collector that is well, and one that is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from features import Event, decode_event
from streams.cli import ebb
from streams.cli.context import Context
from streams.demo import Child, free_port
from streams.topics import create_topics
from tests.browser import Browser
from tests.e2e.corner import Corner
from tests.e2e.sdks.installing import Sdks
from tests.e2e.sdks.road import Road, road, served
from tests.e2e.sdks.trip import EVENTS, LOGIN, QUERY, REFERRER, TRIP, step_of
from tests.servers import BUSY, clean_environment, wait_for

_HERE: Final = Path(__file__).parent
#: Seconds until everything must have arrived; SDKs wait longer with every try.
_PATIENCE: Final = 60


@dataclass(frozen=True)
class Sdk:
    """One of the stock SDKs, under the name that its events bear as their source."""

    name: str
    package: str
    language: str
    #: What the player imports, or the page that plays.
    module: str
    #: What carries its events to the collector fails that often, one after the other.
    spell: tuple[str, ...] = ("429", "500", "lost")
    #: Sends in batches, the last when the page is left: nobody is there then to send it again.
    leaves: bool = False

    @property
    def user(self) -> str:
        return f"shopper-{self.name}"

    @property
    def visitor(self) -> str:
        """Who they are before the login; a browser makes up a name of its own."""
        return f"visitor-{self.name}"


#: Those of browsers send each event by itself.
_LONG_SPELL: Final = ("429",) * 3 + ("500",) * 3 + ("lost",) * 2
SDKS: Final = (
    Sdk("segment-python", "segment-analytics-python", "python", "segment.analytics"),
    Sdk("rudder-python", "rudder-sdk-python", "python", "rudderstack.analytics"),
    Sdk("segment-node", "@segment/analytics-node", "node", "@segment/analytics-node"),
    Sdk("rudder-node", "@rudderstack/rudder-sdk-node", "node", "@rudderstack/rudder-sdk-node"),
    Sdk("segment-web", "@segment/analytics-next", "browser", "segment.html", _LONG_SPELL),
    Sdk("rudder-web", "@rudderstack/analytics-js", "browser", "rudder.html", _LONG_SPELL),
    Sdk("segment-leaving", "@segment/analytics-next", "browser", "segment.html", leaves=True),
    Sdk("rudder-leaving", "@rudderstack/analytics-js", "browser", "rudder.html", leaves=True),
)


@dataclass
class Trip:
    """What became of the trip that one SDK played."""

    sdk: Sdk
    foul: bool
    anonymous: str = ""
    #: The events in clickstream, by the step of the trip.
    events: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    #: What the SDK, or the browser, said of failures of its own.
    complaints: list[str] = field(default_factory=list)
    #: What the requests with events met on their way.
    met: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Run:
    """What became of all trips."""

    trips: dict[str, Trip]
    began: int
    ended: int = 0
    letters: list[bytes] = field(default_factory=list)
    #: Everything in clickstream, as it lies there.
    raw: list[bytes] = field(default_factory=list)
    collector_said: str = ""


class _Player:
    """A program that plays with the SDK of a server."""

    def __init__(self, sdk: Sdk, sdks: Sdks, job: dict[str, Any], log: Path, trip: Trip) -> None:
        self._trip, self._log = trip, log
        environment = clean_environment({})
        if sdk.language == "python":
            command = [sys.executable, str(_HERE / "player.py")]
            environment["PYTHONPATH"] = str(sdks.python)
            job["address"] = "host" if sdk.module.startswith("segment") else "dataPlaneUrl"
        else:
            command = ["node", str(_HERE / "player.mjs")]
            job["modules"] = f"{sdks.node}{os.sep}"
        job["calls"] = [call.by(sdk.user, sdk.visitor) for call in TRIP]
        trip.anonymous = sdk.visitor
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=log.parent,
                text=True,
            )
        self._tell(json.dumps(job))

    def _tell(self, line: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            print(line, file=stdin, flush=True)
        except BrokenPipeError:
            raise AssertionError(self.words()) from None

    def words(self) -> str:
        """Return what it said."""
        return self._log.read_text(encoding="utf-8")

    def play(self, count: int) -> None:
        """Make the next calls."""
        self._tell(str(count))

    def finish(self) -> None:
        """Wait until the SDK is through."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait(BUSY * _PATIENCE) != 0:
            self._trip.complaints.append(self.words())

    def end(self) -> None:
        """End at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class _Page:
    """A page in a browser that plays with the SDK in it."""

    def __init__(self, sdk: Sdk, shop: str, context: Any, job: dict[str, Any], trip: Trip) -> None:
        self._page, self._trip, self._leaves = context.new_page(), trip, sdk.leaves
        self._page.on("pageerror", lambda error: trip.complaints.append(f"error: {error}"))
        self._page.goto(f"{shop}/{sdk.module}?{QUERY}", referer=REFERRER)
        job |= {"calls": [{**call.told, "user": sdk.user} for call in TRIP], "leaves": sdk.leaves}
        trip.anonymous = self._page.evaluate("job => begin(job)", job)

    def play(self, count: int) -> None:
        """Make the next calls."""
        self._page.evaluate("count => play(count)", count)

    def finish(self) -> None:
        """Leave it open, so that it sends until everything has arrived, or go elsewhere."""
        if self._leaves:
            self._page.goto("about:blank")

    def end(self) -> None:
        """Nothing: the visitor leaves."""

    def words(self) -> str:
        """Return what went wrong in the page."""
        return "\n".join(self._trip.complaints)


class Stage:
    """A collector, and everybody who sends to it.

    Parameters
    ----------
    corner
        Where.
    sdks
        The SDKs that are there.
    foul
        Whether the way to the collector is.
    """

    def __init__(self, corner: Corner, sdks: Sdks, foul: bool) -> None:
        self.corner, self._sdks, self._foul = corner, sdks, foul
        self.port = free_port()
        self.roads: dict[str, Road] = {}
        self.run = Run({}, began=int(time.time() * 1_000))
        self._players: list[_Player | _Page] = []
        create_topics(corner.settings)
        self.collector = self.start()
        self._keys = {sdk.name: self._key(sdk) for sdk in SDKS}

    def start(self) -> Child:
        """Start the collector."""
        said = ("collect", "--port", str(self.port))
        return self.corner.processes.ebb(*said, env={"EBB_COLLECT_REFRESH": "200ms"})

    def ready(self) -> bool:
        """Return whether it takes events."""
        return answers(f"http://127.0.0.1:{self.port}/readyz")

    @contextmanager
    def players(self, shop: str, browser: Browser | None) -> Iterator[None]:
        """Let everybody come who can."""
        with ExitStack() as stack:
            for sdk in SDKS:
                if not self._can_come(sdk, browser):
                    continue
                trip = self.run.trips[sdk.name] = Trip(sdk, self._foul)
                url = f"http://127.0.0.1:{self.port}"
                if self._foul:
                    way = stack.enter_context(road(self.port, sdk.spell))
                    self.roads[sdk.name], url = way, way.url
                job = {"module": sdk.module, "url": url, "key": self._keys[sdk.name]}
                player: _Player | _Page
                if sdk.language == "browser":
                    assert browser is not None
                    context = stack.enter_context(browser.visitor())
                    player = _Page(sdk, shop, context, job, trip)
                else:
                    log = self.corner.folder / f"{sdk.name}.log"
                    player = _Player(sdk, self._sdks, job, log, trip)
                stack.callback(player.end)
                self._players.append(player)
            yield

    def _can_come(self, sdk: Sdk, browser: Browser | None) -> bool:
        if sdk.leaves and self._foul:
            return False
        if sdk.language == "python":
            return self._sdks.python is not None
        return self._sdks.node is not None and (sdk.language == "node" or browser is not None)

    def _key(self, sdk: Sdk) -> str:
        context = Context(environ=self.corner.environment)
        done = CliRunner().invoke(ebb, ["keys", "create", sdk.name, "--json"], obj=context)
        assert done.exit_code == 0, done.output
        return str(json.loads(done.stdout)["key"])

    def play(self, count: int) -> None:
        """Let everybody make the next calls."""
        for player in self._players:
            player.play(count)

    def finish(self) -> None:
        """Wait until everything has arrived and everybody is through."""
        for player in self._players:
            player.finish()
        self._wait_for("everything", lambda _: EVENTS[-1])

    def wait_for_the_visitors(self) -> None:
        """Wait until what was done before the login lies in clickstream."""
        what = "everything before the login"
        self._wait_for(what, lambda trip: 0 if trip.sdk.leaves else EVENTS[LOGIN])

    def _wait_for(self, what: str, events: Callable[[Trip], int]) -> None:
        try:
            wait_for(f"{what} has come", lambda: not self._missing(events), _PATIENCE, every=0.2)
        except AssertionError as error:
            words = [f"{error}: not that of {', '.join(self._missing(events))}"]
            words += filter(None, (player.words() for player in self._players))
            raise AssertionError("\n".join([*words, self.collector.tail(20)])) from None

    def _missing(self, events: Callable[[Trip], int]) -> list[str]:
        self.look()
        return [
            name
            for name, trip in self.run.trips.items()
            if len({event.event_id for each in trip.events.values() for event in each})
            < events(trip)
        ]

    def look(self) -> None:
        """Read what lies in Kafka."""
        for trip in self.run.trips.values():
            trip.events.clear()
        self.run.raw.clear()
        for said in self.corner.read("clickstream"):
            self.run.raw.append(said.value)
            event = decode_event(said.value)
            # Whatever else there may be, such as who turned out to be whom, is not of the trip.
            if (step := step_of(event)) is not None:
                self.run.trips[said.headers["ebb_source"].decode()].events[step].append(event)

    def close(self) -> Run:
        """End the collector, and return what became of all trips."""
        self.run.ended = int(time.time() * 1_000)
        self.run.letters = [said.value for said in self.corner.read("dead_letters")]
        self.corner.stop()
        self.run.collector_said = self.collector.log.read_text(encoding="utf-8")
        for name, way in self.roads.items():
            self.run.trips[name].met = dict(way.met)
        return self.run


def answers(url: str) -> bool:
    """Return whether a page is there, and well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except OSError:
        return False


def play_all(
    corners: Callable[[], Corner],
    sdks: Sdks,
    open_browser: Callable[[ExitStack], Browser | None],
    folder: Path,
) -> tuple[Run, Run]:
    """Return what became of the trips past a collector that is well, and past one that is not.

    Both at the same time, since most of it is waiting.
    """
    fair, foul = Stage(corners(), sdks, foul=False), Stage(corners(), sdks, foul=True)
    with ExitStack() as stack:
        # Not before: while it runs, nothing else here can have an event loop.
        browser = open_browser(stack)
        shop = stack.enter_context(served(_shop(folder, sdks)))
        for stage in (fair, foul):
            wait_for("the collector is ready", stage.ready, 30)
            stack.enter_context(stage.players(shop, browser))
        roads = foul.roads.values()

        # It answers 429, then 500, then it takes what it never says that it took.
        foul.play(12)
        fair.play(LOGIN)
        fair.wait_for_the_visitors()
        fair.play(len(TRIP) - LOGIN)
        wait_for("everybody is past it", lambda: all(way.lies_behind for way in roads), 60)

        # It is killed while it takes events, and is away until everybody has noticed.
        before = sum(way.met["passed on"] for way in roads)
        foul.play(6)
        wait_for(
            "events are under way",
            lambda: sum(way.met["passed on"] for way in roads) > before,
            every=0.001,
        )
        foul.collector.kill()
        foul.play(6)
        wait_for("everybody stood before a shut door", lambda: all(w.met["away"] for w in roads))
        foul.collector = foul.start()

        fair.finish()
        foul.finish()
        return fair.close(), foul.close()


def _shop(folder: Path, sdks: Sdks) -> type[SimpleHTTPRequestHandler]:
    """Furnish a shop with the pages, and the SDKs as a shop would host them itself."""
    folder.mkdir()
    for name in ("segment.html", "rudder.html", "telling.js"):
        shutil.copy(_HERE / name, folder)
    if sdks.node is not None:
        modules = sdks.node / "node_modules"
        shutil.copytree(modules / "@segment/analytics-next/dist/umd", folder / "segment")
        bundle = modules / "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
        shutil.copy(bundle, folder / "rudder.js")

    class Shop(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Shop
