"""Who was contacted as a visitor is left in peace as a customer: both are one shopper."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from features import (
    DAY,
    HOUR,
    MINUTE,
    CustomerState,
    Definition,
    Event,
    Millis,
    build_catalogue,
    from_datetime,
)
from models.deciding import Alert, Ledger, Policy
from models.limits import MemoryLimits
from models.playbooks import Plan, read_plan
from streams.composition import task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle
from streams.replay.becoming import handed_over
from streams.replay.book import Book
from streams.verify.records import Records
from streams.verify.redeciding import Expected, Redeciding
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import Told
from tests.streams.pipeline.miniature import shop_with
from tests.streams.test_merging import LATER, VISITOR, Partition, Town, link

OTHER = "anon:77"
#: The limits by hand: over a channel, or over all; how many, in which time.
CAPS = (("email", 1, 5 * DAY), ("", 2, 9 * DAY))
PEACE, CALLED = 12 * HOUR, 7 * DAY
TEXT = """
version = 1
holdout = { share = 0.3 }
limits = { cooldown = "12h" }
cap = [ { channel = "email", most = 1, per = "5d" }, { most = 2, per = "9d" } ]

[[playbook]]
name = "gift"
priority = 10
unless = { cause = "session_end" }
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 1 }

[[playbook]]
name = "call"
priority = 20
unless = { cause = "session_end" }
cooldown = "7d"
action = { kind = "call", channel = "phone" }
"""
OVER = {"gift": "email", "call": "phone"}


def plan_of() -> Plan:
    return read_plan(TEXT, build_catalogue(Definition()).names)


def town(cooldown: Millis = 0) -> Town:
    policy = Policy(threshold=0.5, hysteresis=0.0, cooldown=cooldown, holdout=0.3)
    found = Town(visitors=True, policy=policy, plan=plan_of(), lateness=0)
    found.here.judge = found.there.judge = Told(0.9)
    return found


class Contact(NamedTuple):
    at: Millis
    playbook: str


def contact(alert: Alert) -> Contact:
    return Contact(from_datetime(alert.decided_at), str(alert.playbook))


def allowed(known: Sequence[Contact], at: Millis, cause: str, cooldown: Millis) -> str:
    """Return what may be done for the shopper: the slow way, from all that is known."""
    if cause == "session_end" or (known and cause != "distress"):
        return ""  # the file has it so, or the risk has not fallen since
    if any(at - each.at < cooldown for each in known if cooldown):
        return ""
    for playbook, channel in OVER.items():
        if any(at - each.at < PEACE for each in known):
            continue
        if playbook == "call" and any(
            at - each.at < CALLED for each in known if each.playbook == "call"
        ):
            continue
        full = False
        for over, most, per in CAPS:
            if over in ("", channel):
                within = [
                    each
                    for each in known
                    if at - each.at < per and (not over or OVER[each.playbook] == over)
                ]
                full = full or len(within) >= most
        if not full:
            return playbook
    return ""


def too_much(known: Sequence[Contact], new: Contact) -> bool:
    """Whether with this one some limit does not hold, before it or after it."""
    near = [(abs(new.at - each.at), OVER[each.playbook]) for each in known]
    return any(apart < PEACE for apart, _ in near) or any(
        sum(apart < per and over in ("", channel) for apart, channel in near) >= most
        for over, most, per in CAPS
        if over in ("", OVER[new.playbook])
    )


HOURS = st.lists(st.integers(0, 20 * 24), max_size=8, unique=True)


def doings(user: str, hours: Sequence[int]) -> list[Event]:
    return [
        # A visit says nothing, but its end and the silence after it are looked at.
        happened(number, "complaint" if hour % 3 else "visit", START + hour * HOUR, user)
        for number, hour in enumerate(sorted(hours))
    ]


@settings(max_examples=120, deadline=None)
@given(
    visits=st.tuples(HOURS, HOURS),
    own=HOURS,
    links=st.tuples(st.integers(0, 21 * 24), st.integers(0, 21 * 24)),
    cooldown=st.sampled_from([0, DAY]),
    data=st.data(),
)
def test_both_histories_together_never_exceed_a_limit(
    visits: tuple[list[int], list[int]],
    own: list[int],
    links: tuple[int, int],
    cooldown: Millis,
    data: st.DataObject,
) -> None:
    """Two visitors are one customer; what they bring arrives late, again and in between."""
    shop = town(cooldown)
    here = sorted(
        (*doings(VISITOR, visits[0]), *doings(OTHER, visits[1])),
        key=lambda event: event.at,
    )
    # A link may come long after its own time: then the visitor was contacted after it.
    for number, (hour, name) in enumerate(zip(links, (VISITOR, OTHER), strict=True)):
        place = data.draw(st.integers(0, len(here)), "the link comes after so many")
        here.insert(place, link(number, START + hour * HOUR + MINUTE, visitor=name))
    there = doings("ada", own)
    known: list[Contact] = []
    taken: set[str] = set()

    def at_home(arrival: Arrival) -> None:
        """The customer's partition takes one; what it decides is what may be decided."""
        effects = shop.there.take([arrival])
        alerts = {each.alert_id: each for each in effects.alerts}
        found = {(contact(each).at, each.cause): contact(each) for each in alerts.values()}
        for user_id, decision, *_ in effects.decided:
            assert user_id == "ada"
            expected = allowed(known, decision.at, decision.cause, cooldown)
            new = found.get((decision.at, decision.cause))
            assert (new.playbook if new else "") == expected
            if new is not None:
                assert not too_much(known, new)
                known.append(new)
        if arrival.history is not None and arrival.history.visitor not in taken:
            # Before the others of this visitor, and only once.
            taken.add(arrival.history.visitor)
            known.extend(contacts_of(shop.here.effects, arrival.history.visitor))

    while here or there or shop.under_way:
        turns = [name for name, left in (("here", here), ("there", there)) if left]
        turns += ["moved"] if shop.under_way else []
        turn = data.draw(st.sampled_from(turns))
        if turn == "here":
            shop.comes(here.pop(0))
        elif turn == "there":
            event = there.pop(0)
            at_home(Arrival(0, LATER, event))
        else:
            at_home(shop.under_way.popleft())
    again = data.draw(st.integers(0, len(shop.sent)), "sent again from")
    for arrival in shop.sent[again:]:
        at_home(arrival)
    last = START + 22 * DAY
    for number in range(4):
        at_home(Arrival(0, LATER, happened(900 + number, "complaint", last + number * DAY, "ada")))
    ledger = shop.there.read("ada").ledger
    assert ledger.standing.alerted_at == max((each.at for each in known), default=-1)


def contacts_of(effects: Sequence[Effects], name: str) -> list[Contact]:
    return [contact(each) for one in effects for each in one.alerts if each.user_id == name]


# -- in a few words -----------------------------------------------------------------------------


def test_no_second_coupon_on_one_day() -> None:
    shop = town()
    shop.comes(happened(0, "complaint", START, VISITOR))
    shop.comes(link(0, START + HOUR))
    shop.arrives()
    shop.comes(happened(0, "complaint", START + 2 * HOUR, "ada"))
    shop.comes(happened(1, "complaint", START + 4 * DAY, "ada"))
    shop.comes(happened(2, "complaint", START + 4 * DAY + 13 * HOUR, "ada"))
    shop.comes(happened(3, "complaint", START + 6 * DAY, "ada"))
    shop.comes(happened(4, "complaint", START + 14 * DAY, "ada"))
    assert [each.playbook for each in contacts_of(shop.here.effects, VISITOR)] == ["gift"]
    days = [
        ((each.at - START) // DAY, each.playbook) for each in contacts_of(shop.there.effects, "ada")
    ]
    # The e-mail counts for five days, and two of whatever kind are the most in nine.
    assert days == [(4, "call"), (14, "gift")]
    [first, *others] = shop.sent
    assert first.promised is not None
    assert all(each.promised is None for each in others)
    assert shop.here.read(VISITOR).ledger.encode() == Ledger().encode()


def test_what_was_done_ahead_of_the_customers_time_counts_as_done_now() -> None:
    """The link took days to arrive, and the visitor's silence was looked at meanwhile."""
    shop = town()
    shop.comes(happened(0, "visit", START, VISITOR))
    shop.comes(happened(0, "visit", START + 4 * DAY, OTHER))
    shop.here.take([], [VISITOR])
    shop.comes(link(0, START + HOUR))
    shop.arrives()
    [*_, last] = contacts_of(shop.here.effects, VISITOR)
    assert last.at > START + 2 * DAY
    shop.comes(happened(0, "complaint", START + 2 * DAY, "ada"))
    [asked] = [each.decision for each in shop.there.effects[-1].decided]
    assert (asked.at, asked.alert) == (START + 2 * DAY, False)


def test_without_a_file_the_cooldown_of_the_settings_follows() -> None:
    policy = Policy(threshold=0.5, hysteresis=0.0, cooldown=3 * DAY, holdout=0.3)
    shop = Town(visitors=True, policy=policy, lateness=0)
    shop.here.judge = shop.there.judge = Told(0.9)
    shop.comes(happened(0, "complaint", START, VISITOR))
    shop.comes(link(0, START + HOUR))
    shop.arrives()
    for number, days in enumerate((1, 2, 3, 4)):
        shop.comes(happened(number, "complaint", START + days * DAY, "ada"))
    alerts = [each for effects in shop.there.effects for each in effects.alerts]
    assert [from_datetime(each.decided_at) for each in alerts] == [START + 3 * DAY]
    # Nothing asks for more, so nothing more is kept.
    assert not shop.there.read("ada").ledger.sent


def test_what_nobody_was_promised_is_not_sent_along() -> None:
    shop = town()
    shop.comes(happened(0, "visit", START, VISITOR), link(0, START + MINUTE))
    shop.arrives()
    assert shop.sent
    assert all(each.promised is None for each in shop.sent)
    before = shop.there.read("ada").ledger
    assert (before.standing.alerted_at, before.sent) == (-1, ())


def test_what_was_decided_in_the_batch_of_the_link_goes_along() -> None:
    shop = town()
    shop.comes(happened(0, "complaint", START, VISITOR), link(0, START + HOUR))
    [first] = shop.sent
    assert first.promised is not None
    assert [each.playbook for each in first.promised.sent] == ["gift"]


def test_who_is_many_visitors_is_remembered_no_longer_than_any_limit_can_ask() -> None:
    shop = town()
    for number in range(150):
        name = f"anon:{number}"
        shop.comes(happened(number, "complaint", START + number, name))
        shop.comes(link(number, START + number + 1, visitor=name))
    shop.arrives()
    sent = shop.there.read("ada").ledger.sent
    assert len(sent) == 100
    assert sent[-1].at == START + 149


# -- taken again --------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False])
def test_decisions_are_the_same_again_with_what_was_promised_and_only_then(told: bool) -> None:
    policy = Policy(threshold=0.01, hysteresis=0.0, cooldown=0, holdout=0.3)
    shop = Town(visitors=True, policy=policy, plan=plan_of(), lateness=0)
    shop.comes(happened(0, "complaint", START, VISITOR))
    shop.comes(link(0, START + HOUR))
    shop.arrives()
    hours = (2, 4 * 24, 4 * 24 + 13, 6 * 24, 14 * 24)
    own = [happened(n, "complaint", START + hour * HOUR, "ada") for n, hour in enumerate(hours)]
    for event in own:
        shop.comes(event)
    ledger = shop.there.read("ada").ledger
    assert len(contacts_of(shop.there.effects, "ada")) == 2

    rules, judge = shop.there.shop, shop.there.judge
    moved = [replace(each, promised=each.promised if told else None) for each in shop.sent]
    log = [*moved, *(Arrival(0, LATER, event) for event in own)]
    book = {"ada": Customer(CustomerState(Definition()), Ledger(), new=True)}
    redeciding = Redeciding(rules)
    redeciding.watch(handle(rules, judge, log, (), book, NO_WATERMARK))
    redeciding.expect(Expected("ada", ledger, shop.there.watermark, 0))
    records = Records(redeciding.customers.__contains__, task_of(rules))
    alerts = [alert for effects in shop.there.effects for alert in effects.alerts]
    records.read_alerts(SimpleNamespace(value=msgspec.json.encode(each)) for each in alerts)
    examples = [each for effects in shop.there.effects for each in effects.examples]
    records.read_training(SimpleNamespace(value=msgspec.json.encode(each)) for each in examples)
    counts = redeciding.retell(records).counts
    assert counts["unknown"] == 0
    assert (counts["different"] == 0) is told
    decided = sum(len(effects.decided) for effects in shop.there.effects)
    assert counts.total() >= decided > len(own)


# -- in a replay --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    visits=st.tuples(HOURS, HOURS),
    own=HOURS,
    links=st.tuples(st.integers(0, 21 * 24), st.integers(0, 21 * 24)),
    cuts=st.lists(st.integers(1, 9), max_size=5),
)
def test_a_replay_of_a_file_keeps_the_same_promises(
    visits: tuple[list[int], list[int]], own: list[int], links: tuple[int, int], cuts: list[int]
) -> None:
    """Events of one partition, as they come one by one; and all at once, as a backtest has them."""
    events = sorted(
        [
            *doings(VISITOR, visits[0]),
            *doings(OTHER, visits[1]),
            *doings("ada", own),
            link(0, START + links[0] * HOUR + MINUTE),
            link(1, START + links[1] * HOUR + MINUTE, visitor=OTHER),
            happened(999, "visit", START + 40 * DAY, "bob"),
        ],
        key=lambda event: event.at,
    )
    arrivals = [Arrival(number, event.at, event) for number, event in enumerate(events)]
    live = town().here
    for arrival in arrivals:
        for passed in live.take([arrival]).passed:
            event, history = passed.handed
            live.take([Arrival(arrival.offset, passed.timestamp, event, history, passed.promised)])

    book = Book(live.shop, MemoryLimits(), {})
    told = list(handed_over(arrivals, live.shop.definition.session_gap))
    found: list[Effects] = []
    while told:
        count = cuts.pop() if cuts else len(told)
        found += book.take(Told(0.9), told[:count])
        del told[:count]

    def alerts(effects: Sequence[Effects]) -> list[tuple[str, str]]:
        return sorted((each.alert_id, str(each.playbook)) for one in effects for each in one.alerts)

    assert alerts(found) == alerts(live.effects)


def test_a_backtest_by_other_rules_goes_by_what_it_decides_itself() -> None:
    """Workers sent the visitor a gift; by these rules nobody is sent anything."""
    policy = Policy(threshold=0.95, holdout=0.0)
    shop = shop_with(policy=policy, lateness=0, visitors=True, plan=plan_of())
    was = town()
    was.comes(happened(0, "complaint", START, VISITOR), link(0, START + HOUR))
    [moved] = was.sent
    assert moved.promised is not None
    here, there = (Book(shop, MemoryLimits(), shared) for shared in [{}] * 2)
    first = [happened(0, "visit", START, VISITOR), link(0, START + HOUR)]
    assert not [
        alert
        for effects in here.take(Told(0.9), [Arrival(n, LATER, e) for n, e in enumerate(first)])
        for alert in effects.alerts
    ]
    list(there.take(Told(0.9), [moved]))
    assert not there.customers["ada"].ledger.sent
    # Where the visitor's partition is behind, what the workers had decided is all there is.
    alone = Book(shop, MemoryLimits(), {})
    list(alone.take(Told(0.9), [moved]))
    assert [each.playbook for each in alone.customers["ada"].ledger.sent] == ["gift"]


@pytest.mark.parametrize("visitors", [True, False])
def test_arrivals_are_cut_where_promises_are_known_only(visitors: bool) -> None:
    found = Partition(Definition(), visitors=visitors)
    book = Book(found.shop, MemoryLimits(), {})
    told = [happened(0, "visit", START, VISITOR), link(0, START + HOUR)]
    arrivals = list(handed_over([Arrival(n, e.at, e) for n, e in enumerate(told)], 30 * MINUTE))
    assert len(list(book.take(Told(0.1), arrivals))) == (2 if visitors else 1)
