"""Read once and put together: what counts as now, and what is not taken from the future."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from features import DAY, HOUR, Event, Millis
from models.deciding import Alert, Outcome
from models.effect import Rules
from streams.effect import Asked, as_dict, join
from tests.streams.effect.small_shop import GONE, HORIZON, START, small_shop

RULES = Rules(horizon=HORIZON, gone=GONE, holdout=0.3)
ASKED = Asked(RULES, ("action",), lambda kind: True, lateness=HOUR, skew=DAY)


@dataclass
class Made:
    """A source that says what it was given."""

    sent: list[Alert]
    done: list[tuple[Millis, Event]]
    unusable: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("made up",)

    def alerts(self) -> Iterator[Alert]:
        return iter(self.sent)

    def events(self) -> Iterator[tuple[Millis, Event]]:
        return iter(self.done)

    def outcomes(self) -> Iterator[Outcome]:
        return iter(())


def visit(name: str, at: Millis) -> Event:
    return Event(event_id=f"{name}@{at}", user_id=name, type="visit", time=at)


def test_time_is_that_of_the_latest_event_but_not_of_one_from_the_future() -> None:
    shop = small_shop(1, customers=150)
    name = shop.alerts[0].user_id
    known = visit(name, START + 5 * DAY)
    soon, never = START + 6 * DAY, START + 9_000 * DAY
    done = [
        (START + 5 * DAY, known),
        (START + 5 * DAY, visit("x", soon)),
        (soon, visit(name, never)),
    ]
    found = join(Made(shop.alerts, done), ASKED)
    assert found.now == soon - HOUR
    assert found.met["from_the_future"] == 1
    assert found.measured.lines[0].figures["returned"].count == 0


def test_the_clock_moves_time_while_nobody_does_anything() -> None:
    shop = small_shop(1, customers=150)
    later = START + 99 * DAY
    found = join(Made(shop.alerts, []), ASKED, clock=later)
    assert found.now == later - HOUR
    assert found.measured.lines[0].figures["returned"].count == 150
    told = as_dict(found, RULES, ("action",))
    assert told["lines"][1]["figures"]["returned"]["low"] is None
    assert told["lines"][1]["verdict"] == "not yet"
