"""What a few customers do, as it arrives: late, repeated, after long pauses."""

from __future__ import annotations

from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE, Event
from tests.streams.verify.small_shop import START

TYPES = ("page_viewed", "product_added", "checkout_started", "purchase", "complaint", "odd")


@st.composite
def histories(draw: st.DrawFn, *, late: bool) -> tuple[list[Event], list[int]]:
    """Events of a few customers as they arrive, and how long after they happened."""
    now = START
    events, delays = [], []
    for number in range(draw(st.integers(1, 60))):
        now += draw(st.sampled_from([0, 1_000, 20 * MINUTE, 5 * HOUR, 2 * DAY, 12 * DAY]))
        delay = draw(st.sampled_from([0, 10 * MINUTE, *([2 * HOUR, 4 * DAY] if late else [])]))
        repeat = number and draw(st.sampled_from([False] * 9 + [True]))
        events.append(
            Event(
                event_id=f"e{number - 1 if repeat else number}",
                user_id=f"u{draw(st.integers(0, 4))}",
                type=draw(st.sampled_from(TYPES)),
                time=now - delay,
                amount=draw(st.sampled_from([None, 5.0, 19.99])),
            )
        )
        delays.append(delay)
    return events, delays
