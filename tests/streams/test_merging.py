"""What a visitor did becomes the customer's: once, in whatever order it is told."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    HOUR,
    MINUTE,
    CustomerState,
    Definition,
    Event,
    Millis,
    decode_state,
    encode_state,
    is_visitor,
)
from models.deciding import Ledger, Policy
from models.learning import NOT_YET
from streams.live.intake import Intake
from streams.live.messages import Origin, handed_message
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle
from tests import oracle
from tests.features.histories import START, happened
from tests.features.watching import fire_until
from tests.streams.pipeline.judges import prior_of
from tests.streams.pipeline.miniature import shop_with

VISITOR = "anon:5f3c"
LATER = START + 99 * DAY


def link(number: int, at: Millis, customer: str = "ada", visitor: str = VISITOR) -> Event:
    named = {"identified_as": customer}
    return happened(10_000 + number, "identified", at, visitor, properties=named)


class Partition:
    """The customers of one partition, stored and read again with every batch."""

    def __init__(self, definition: Definition, lateness: Millis = HOUR, **rules: Any) -> None:
        self.shop = shop_with(definition, lateness=lateness, **rules)
        self.judge = prior_of(self.shop)
        self.stored: dict[str, tuple[bytes, bytes]] = {}
        self.watermark = NO_WATERMARK
        self.effects: list[Effects] = []

    def read(self, name: str) -> Customer:
        definition = self.shop.definition
        if name not in self.stored:
            return Customer(CustomerState(definition), Ledger(), new=True)
        state, ledger = self.stored[name]
        return Customer(decode_state(state, definition), Ledger.decode(ledger), new=False)

    def take(self, arrivals: Sequence[Arrival], due: Iterable[str] = ()) -> Effects:
        book = {name: self.read(name) for name in {*due, *(a.event.user_id for a in arrivals)}}
        effects = handle(self.shop, self.judge, arrivals, due, book, self.watermark)
        self.watermark = effects.watermark
        for name, customer in effects.changed.items():
            if customer.state_changed or customer.ledger_changed:
                self.stored[name] = encode_state(customer.state), customer.ledger.encode()
        self.effects.append(effects)
        return effects


class Town:
    """The visitor on one partition, the customer on another, and what goes from one to the other.

    Parameters
    ----------
    definition
        The shop's.
    """

    def __init__(self, definition: Definition | None = None, **rules: Any) -> None:
        definition = definition or Definition()
        self.here = Partition(definition, **rules)
        self.there = Partition(definition, **rules)
        self.under_way: deque[Arrival] = deque()
        self.sent: list[Arrival] = []

    def comes(self, *events: Event) -> None:
        """Events come, each on its own partition, in one batch."""
        for partition in (self.here, self.there):
            mine = [each for each in events if is_visitor(each.user_id) == (partition is self.here)]
            arrivals = [Arrival(n, max(LATER, each.at), each) for n, each in enumerate(mine)]
            if arrivals:
                self._send(partition.take(arrivals))

    def _send(self, effects: Effects) -> None:
        for passed in effects.passed:
            place = Origin("clickstream", 0, passed.offset, passed.timestamp)
            message = handed_message(passed.handed, passed.promised, place)
            lying = SimpleNamespace(
                topic="rekeyed", timestamp=LATER, value=message.value, headers=message.headers
            )
            [moved] = Intake("clickstream").read([lying]).arrivals
            self.under_way.append(moved)
            self.sent.append(moved)

    def arrives(self, count: int | None = None) -> None:
        """What is under way arrives, all of it or so many, one by one."""
        while self.under_way and count != 0:
            self.there.take([self.under_way.popleft()])
            count = None if count is None else count - 1

    def state(self, name: str, at: Millis) -> CustomerState:
        state = self.there.read(name).state
        fire_until(state, at)
        return state

    def features(self, name: str, at: Millis) -> dict[str, float]:
        catalogue = self.there.shop.catalogue
        return catalogue.as_dict(catalogue.vector(self.state(name, at), at))


# -- however it is told -----------------------------------------------------------------------

#: Types that are each the only one of their kind: the tiles know kinds.
TYPES = ("visit", "visit", "purchase", "searched", "product_added", "complaint", "checkout_started")
#: What depends on which of several sessions was known when, and on the order within an hour.
BY_ORDER = {
    *("sessions", "session_events", "session_minutes", "cart_abandons", "checkout_abandons"),
    "order_last",
}
ACTIVITIES = st.sampled_from([frozenset[str](), frozenset({"purchase"})])
#: Hours apart, or days.
TIMES = st.one_of(st.integers(0, 70 * 24), st.integers(0, 70).map(lambda day: day * 24))


@st.composite
def doings(draw: st.DrawFn, user: str, *, least: int) -> list[Event]:
    """Return what somebody does in seventy days, in the order of time."""
    steps = draw(
        st.lists(
            st.tuples(TIMES, st.sampled_from(TYPES), st.sampled_from([9.5, 20.0, 30.0])),
            min_size=least,
            max_size=10,
            unique_by=lambda step: step[0],
        )
    )
    return [
        happened(number, kind, START + hour * HOUR, user, **_money(kind, amount))
        for number, (hour, kind, amount) in enumerate(sorted(steps))
    ]


def _money(kind: str, amount: float) -> dict[str, float]:
    return {"amount": amount} if kind == "purchase" else {}


@settings(max_examples=80, deadline=None)
@given(
    st.data(),
    doings(VISITOR, least=1),
    doings("ada", least=0),
    ACTIVITIES,
    st.sampled_from([0, HOUR, 3 * DAY]),
)
def test_however_it_is_told_the_customer_is_who_did_it_all(
    data: st.DataObject,
    visits: list[Event],
    own: list[Event],
    activity: frozenset[str],
    lateness: Millis,
) -> None:
    town = Town(Definition(activity=activity), lateness=lateness)
    links = [link(n, START + day * DAY) for n, day in enumerate(data.draw(LINKS, "links"))]
    told = data.draw(st.permutations([*visits, *links]), "told")
    told += data.draw(st.lists(st.sampled_from(told), max_size=5), "told again")
    visitor, customer = deque(told), deque(own)
    for turn in data.draw(st.lists(st.sampled_from("vch"), max_size=40), "turns"):
        if turn == "v" and visitor:
            town.comes(visitor.popleft())
        elif turn == "c" and customer:
            town.comes(customer.popleft())
        else:
            town.arrives(1)
    town.comes(*visitor)
    town.comes(*customer)
    town.arrives()
    # A crash of the one who sends: the last of it is sent again.
    again = data.draw(st.integers(0, len(town.sent)), "sent again from")
    town.there.take(town.sent[again:])

    end = START + 80 * DAY
    everything = sorted([*visits, *own], key=lambda event: event.at)
    expected = oracle.features(everything, town.there.shop.definition, end)
    found = town.features("ada", end)
    assert (
        oracle.differences(
            {name: value for name, value in found.items() if name not in BY_ORDER},
            {name: value for name, value in expected.items() if name not in BY_ORDER},
        )
        == []
    )


LINKS = st.lists(st.integers(0, 70), min_size=1, max_size=3)


# -- what is in reach -------------------------------------------------------------------------


def test_what_is_older_than_all_ids_that_are_known_is_counted_and_counted_once() -> None:
    """A busy customer's ids reach back an hour; what came of the visitor is known by number."""
    town = Town()
    visits = [happened(n, "visit", START + n * HOUR, VISITOR) for n in range(5)]
    own = [happened(n, "visit", START + 9 * DAY + n * MINUTE, "ada") for n in range(300)]
    town.comes(*visits, *own)
    town.comes(link(0, START + 10 * DAY))
    town.arrives()
    town.there.take(town.sent)
    assert town.state("ada", START + 20 * DAY).events == 305
    assert sum(each.counts["recalled"] for each in town.there.effects) == 5
    assert sum(each.counts["duplicate"] for each in town.there.effects) == 5
    assert town.state("ada", START + 20 * DAY).first_seen == START


@pytest.mark.parametrize("day", [1, 215, 255, 299])
def test_a_rhythm_of_which_not_all_is_known_any_more_takes_a_visit_in_its_turn(day: int) -> None:
    """Tiles reach back ninety days; what is older is known by its sums."""
    town = Town()
    own = [happened(n, "visit", START + n * 10 * DAY, "ada") for n in range(31)]
    visit = happened(0, "visit", START + day * DAY, VISITOR)
    town.comes(*own)
    town.comes(visit, link(0, START + 300 * DAY))
    town.arrives()
    end = START + 310 * DAY
    told = [*own, visit] if day < 210 else sorted([*own, visit], key=lambda event: event.at)
    expected = oracle.features(told, Definition(), end)
    found = town.features("ada", end)
    differences = oracle.differences(found, expected)
    # The early one is beyond what is kept, for everybody.
    assert differences == []
    assert found["events"] == (31 if day < 210 else 32)


def test_who_signs_up_has_the_sessions_of_the_visitor() -> None:
    """A cart left behind on the day before, and the visit in which they signed up."""
    kinds = ("visit", "product_added", "visit", "visit", "searched")
    minutes = (0, 5, 2_000, 2_020, 2_045)
    visits = [
        happened(n, kind, START + minute * MINUTE, VISITOR)
        for n, (kind, minute) in enumerate(zip(kinds, minutes, strict=True))
    ]
    signed_up = happened(0, "identified", START + 2_050 * MINUTE, "ada")
    bought = happened(1, "purchase", START + 2_060 * MINUTE, "ada", amount=20.0)
    town = Town()
    town.comes(*visits)
    town.comes(signed_up, link(0, signed_up.at))
    town.comes(bought)
    town.arrives()
    end = START + 3 * DAY
    expected = oracle.features([*visits, signed_up, bought], Definition(), end)
    assert expected["cart_abandons"] == 1
    assert expected["sessions"] == 2
    assert oracle.differences(town.features("ada", end), expected) == []


def test_of_a_long_trail_the_last_events_are_handed_over_and_the_others_counted() -> None:
    town = Town()
    town.comes(*(happened(n, "visit", START + n * MINUTE, VISITOR) for n in range(300)))
    assert (trail := town.here.read(VISITOR).state.trail) is not None
    assert (len(trail.events), trail.lost) == (128, 172)
    assert sum(each.counts["trail_lost"] for each in town.here.effects) == 172
    town.comes(link(0, START + DAY))
    town.arrives()
    state = town.state("ada", START + 2 * DAY)
    assert (state.events, state.first_seen) == (128, START + 172 * MINUTE)


def test_large_events_take_the_room_of_many() -> None:
    town = Town()
    large = {f"p{number}": "x" * 1_000 for number in range(30)}
    for number in range(5):
        visit = happened(number, "visit", START + number, VISITOR, properties=large)
        town.comes(visit)
    assert (trail := town.here.read(VISITOR).state.trail) is not None
    assert (len(trail.events), trail.lost) == (2, 3)
    assert trail.size == sum(map(len, trail.events)) <= 64 * 1024


# -- who it is --------------------------------------------------------------------------------


def test_a_visitor_who_is_known_is_emptied_and_passes_on_what_comes_later() -> None:
    town = Town()
    first, second, third = (happened(n, "visit", START + n * DAY, VISITOR) for n in range(3))
    town.comes(first, second)
    town.comes(link(0, START + DAY + HOUR))
    state = town.here.read(VISITOR).state
    assert (state.events, state.session.events, state.tiles.days) == (0, 0, {})
    assert town.here.read(VISITOR).due() > LATER
    town.comes(third, first, second, third)
    town.arrives()
    assert town.state("ada", START + 5 * DAY).events == 3
    assert town.here.read(VISITOR).state.events == 0
    [*_, last] = town.sent
    assert len(town.sent) == 3
    assert last.event.user_id == "ada"
    assert last.event.event_id == third.event_id
    assert last.event.properties == {"anonymous_id": "5f3c"}


def test_a_later_link_takes_over_and_an_older_or_repeated_one_changes_nothing() -> None:
    town = Town()
    visits = [happened(n, "visit", START + n * DAY, VISITOR) for n in range(4)]
    town.comes(visits[0])
    town.comes(link(0, START + HOUR, "ada"))
    town.comes(link(1, START, "bob"))
    town.comes(visits[1], link(0, START + HOUR, "ada"))
    town.comes(link(2, START + DAY + HOUR, "cid"))
    town.comes(link(0, START + HOUR, "ada"), *visits)
    town.arrives()
    end = START + 9 * DAY
    assert "bob" not in town.there.stored
    assert (town.state("ada", end).events, town.state("cid", end).events) == (2, 2)


def test_who_is_known_is_one_customer_however_often_it_is_said() -> None:
    town = Town()
    town.comes(happened(0, "visit", START, "ada"), link(0, START + HOUR))
    for number in range(1, 5):  # a page says it whenever it is loaded
        town.comes(link(number, START + number * DAY))
    counts = Counter[str]()
    for effects in (*town.here.effects, *town.there.effects):
        counts.update(effects.counts)
    assert (counts["linked"], counts["linked_again"], counts["customers"]) == (1, 4, 1)
    assert counts["duplicate"] == 0


@pytest.mark.parametrize("name", ["anon:other", "hidden:07", "", "x" * 201, 7, None])
def test_what_names_no_customer_is_an_event_like_others(name: object) -> None:
    town = Town()
    said = happened(0, "identified", START, VISITOR, properties={"identified_as": name})
    town.comes(said, happened(1, "visit", START + 1, VISITOR))
    assert not town.under_way
    assert town.here.read(VISITOR).state.events == 2


def test_only_visitors_are_linked() -> None:
    town = Town()
    town.comes(happened(0, "visit", START, "ada"), link(0, START + 1, "bob", "ada"))
    assert not town.under_way
    assert town.state("ada", START + 1).events == 2


# -- what is decided --------------------------------------------------------------------------


def test_nothing_is_decided_on_what_has_passed_when_it_is_told() -> None:
    """Silences between the visits, and a complaint: all before anybody knew whose they were."""
    town = Town(policy=Policy(threshold=0.0))
    days = (0, 20, 21, 39)
    visits = [happened(n, "visit", START + day * DAY, VISITOR) for n, day in enumerate(days)]
    visits.append(happened(9, "complaint", START + 39 * DAY + HOUR, VISITOR))
    town.comes(*visits)
    known = START + 40 * DAY
    town.comes(happened(0, "visit", known, "other"), link(0, known))
    town.arrives()
    town.comes(happened(1, "visit", known + 60 * DAY, "other"))
    town.there.take((), ["ada"])
    decided = [each for effects in town.there.effects for each in effects.decided]
    moments = [each.decision.at for each in decided if each.user_id == "ada"]
    assert moments
    assert min(moments) > known


@pytest.mark.parametrize(("day", "answered"), [(2, False), (5, True)])
def test_who_came_as_a_visitor_has_come_back(day: int, answered: bool) -> None:
    """The silence of the third day was looked at; on the fifth they were there, as a visitor."""
    town = Town()
    town.comes(happened(0, "purchase", START, "ada", amount=9.5))
    town.comes(happened(0, "visit", START + 6 * DAY, "bob"))
    town.there.take((), ["ada"])
    known = START + 6 * DAY
    town.comes(happened(0, "visit", START + day * DAY, VISITOR), link(0, known))
    town.arrives()
    pending = town.there.read("ada").ledger.pending
    assert (START + 3 * DAY, answered) in [
        (each.at, each.returned_in < NOT_YET) for each in pending
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3), max_size=8), st.integers(0, 6))
def test_what_was_believed_of_a_visitor_ends_however_the_log_is_cut(
    cuts: list[int], place: int
) -> None:
    kinds = ("visit", "complaint", "visit", "complaint", "visit", "complaint")
    log = [happened(n, kind, START + 9 * n * DAY, VISITOR) for n, kind in enumerate(kinds)]
    at = log[place - 1].at + HOUR if place else START
    log.insert(place, link(0, at))
    rules = {"visitors": True, "policy": Policy(threshold=0.0, cooldown=0)}
    whole, cut = Town(**rules), Town(**rules)
    whole.comes(*log)
    rest = deque(log)
    for count in cuts:
        cut.comes(*(rest.popleft() for _ in range(min(count, len(rest)))))
    cut.comes(*rest)
    assert cut.here.stored == whole.here.stored
    totals = [
        sum((effects.counts for effects in town.here.effects), Counter()) for town in (whole, cut)
    ]
    assert totals[0] == totals[1]
    assert totals[0]["pending"] == 0
    told = [
        sorted(alert.alert_id for effects in town.here.effects for alert in effects.alerts)
        for town in (whole, cut)
    ]
    assert told[0] == told[1]
    assert not whole.here.read(VISITOR).ledger.pending
