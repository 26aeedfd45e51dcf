"""Logs of a partition as they can come: late, repeated, from the future, cut anyhow; and shops."""

from __future__ import annotations

from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE, Definition, Event, Millis
from models.deciding import Policy
from streams.pipeline import Arrival
from tests.features.histories import DETAILS, START, TYPES, happened
from tests.streams.pipeline.miniature import shop_with

NAMES = ("ada", "björn", "chloé")


PAUSES = st.one_of(
    st.sampled_from([0, 1, 30 * MINUTE, DAY, 30 * DAY, 30 * DAY + 1]),
    st.integers(0, HOUR),
    st.integers(0, 5 * DAY),
    st.integers(0, 70 * DAY),
)
BEHIND = st.one_of(
    st.just(0), st.just(0), st.integers(0, 2 * HOUR), st.integers(0, 60 * DAY), st.just(-2 * DAY)
)
HAPPENINGS = st.one_of(TYPES, st.sampled_from(["complaint", "refund", "visit", "purchase"]))
CUTS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=12)
LIMITS = st.integers(1, 4)


@st.composite
def logs(draw: st.DrawFn, *, late: bool = True, most: int = 30) -> list[Arrival]:
    """Return a partition's log: late events, repeats, and some from the future."""
    step = st.tuples(
        st.sampled_from(NAMES), PAUSES, HAPPENINGS, BEHIND if late else st.just(0), DETAILS
    )
    now = START
    events: list[tuple[Millis, Event]] = []
    for number, (user, pause, kind, behind, details) in enumerate(
        draw(st.lists(step, min_size=1, max_size=most))
    ):
        now += pause
        events.append((now, happened(number, kind, now - behind, user, **details)))
    if late:
        for which in draw(st.lists(st.integers(0, len(events) - 1), max_size=4)):
            events.insert(which + (which * 7) % (len(events) - which) + 1, events[which])
    return [Arrival(offset, stamp, event) for offset, (stamp, event) in enumerate(events)]


DEFINITIONS = st.builds(
    Definition,
    horizon=st.sampled_from([7 * DAY, 30 * DAY]),
    active=st.sampled_from([40 * DAY, 90 * DAY]),
    activity=st.sampled_from([frozenset[str](), frozenset({"purchase", "visit"})]),
)
SHOPS = st.builds(
    shop_with,
    DEFINITIONS,
    policy=st.builds(
        Policy,
        threshold=st.sampled_from([0.2, 0.5]),
        cooldown=st.sampled_from([0, 10 * DAY]),
        holdout=st.just(0.4),
    ),
    lateness=st.sampled_from([0, HOUR, 3 * DAY]),
    keep=st.sampled_from([1.0, 1.0, 0.5]),
)


def visits(*days_and_users: tuple[float, str]) -> list[Arrival]:
    """Return a log of visits; one on an earlier day than those before it comes late."""
    events = [
        happened(number, "visit", START + round(day * DAY), user)
        for number, (day, user) in enumerate(days_and_users)
    ]
    return [Arrival(number, event.at, event) for number, event in enumerate(events)]
