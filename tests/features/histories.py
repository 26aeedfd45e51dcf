"""Random shoppers for the property tests: what they do, and the shops that they do it in."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from features import DAY, HOUR, KINDS, MINUTE, SECOND, Definition, Event, Millis

START: Millis = 1_577_836_800_000  # 2020-01-01

#: Pauses that matter: none, within a session, just at its end, days, and beyond what is kept.
PAUSES = st.one_of(
    st.sampled_from(
        [0, 1, SECOND, 30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1, DAY, 7 * DAY, 90 * DAY]
    ),
    st.integers(0, 20 * MINUTE),
    st.integers(0, 3 * DAY),
    st.integers(0, 40 * DAY),
    st.integers(0, 130 * DAY),
)
#: How far back a late event lies: in time, within what is kept, or beyond.
LATENESS = st.one_of(
    st.just(0), st.just(0), st.just(0), st.integers(0, 2 * HOUR), st.integers(0, 120 * DAY)
)
TYPES = st.one_of(
    st.just("purchase"),
    st.sampled_from(["purchase", "purchase", "product_added", "checkout_started", "visit"]),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["wheel_spun", "PURCHASE", "påskønnet"]),
)
AMOUNTS = st.one_of(
    st.sampled_from([9.5, 20.0, 20.0, 0.0, 1e4, 1e9, -1e9, -5.0, 1e-9]),
    st.floats(-1e9, 1e9, allow_nan=False),
    st.floats(0, 200, allow_nan=False),
)
TRAITS = st.dictionaries(
    st.sampled_from(["tier", "city"] + [f"t{number}" for number in range(20)]),
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=70)),
    max_size=3,
)
DETAILS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"amount": AMOUNTS}),
    st.fixed_dictionaries(
        {},
        optional={
            "amount": AMOUNTS,
            "price": AMOUNTS,
            "quantity": st.one_of(st.sampled_from([0.0, 1.0, 2.0, 1e9]), st.floats(0, 1e9)),
            "order_id": st.sampled_from(["o1", "o2"]),
            "rating": st.integers(0, 10).map(lambda half: half / 2),
            "traits": TRAITS,
        },
    ),
)

DEFINITIONS = st.builds(
    Definition,
    horizon=st.sampled_from([DAY, 7 * DAY, 30 * DAY, 84 * DAY]),
    active=st.sampled_from([5 * DAY, 60 * DAY, 90 * DAY, 200 * DAY]),
    activity=st.sampled_from(
        [frozenset[str](), frozenset({"purchase"}), frozenset({"purchase", "visit"})]
    ),
    session_gap=st.sampled_from([30 * MINUTE, 2 * HOUR]),
    waits=st.sampled_from([(), (), (3 * DAY, 10 * DAY, 31 * DAY), (HOUR, 60 * DAY, 2 * DAY)]),
    multiples=st.sampled_from([(1.5, 2.0, 3.0, 5.0), (), (0.7, 4.0)]),
    traits=st.sampled_from([(), ("tier",), ("tier", "city")]),
    amount_cap=st.sampled_from([1e6, 100.0]),
    quantity_cap=st.sampled_from([1e3, 5.0]),
)


@st.composite
def histories(
    draw: st.DrawFn, *, least: int = 1, most: int = 30, repeats: bool = True
) -> list[Event]:
    """Events of one customer as they arrive: some late, some sent again."""
    steps = draw(
        st.lists(st.tuples(PAUSES, TYPES, LATENESS, DETAILS), min_size=least, max_size=most)
    )
    now = START + draw(st.integers(0, DAY))
    events: list[Event] = []
    for number, (pause, kind, late, details) in enumerate(steps):
        now += pause
        events.append(happened(number, kind, now - late, **details))
    if repeats and draw(st.booleans()):
        again = draw(st.lists(st.tuples(st.integers(0, len(events) - 1), st.integers(0, most))))
        for which, where in again[:10]:
            # After the first time, or this would be the first time.
            events.insert(max(where, which + 1), events[which])
    return events


def happened(number: int, kind: str, at: Millis, user: str = "ada", **details: Any) -> Event:
    """Return an event whose id follows from who and the number."""
    return Event(event_id=f"{user}-{number}", user_id=user, type=kind, time=max(at, 0), **details)
