"""A customer's state as a worker drives it, with no Kafka and no Redis around it."""

from __future__ import annotations

from collections.abc import Iterable

from features import Applied, CustomerState, Definition, Event, Millis
from tests.oracle import Timer


def fire_until(state: CustomerState, until: Millis) -> list[Timer]:
    """Fire what is due by a time; the session ends that nobody needs to hear of included."""
    fired = []
    while (due := state.due()) <= until:
        at_session_end = state.session.events and due == session_end(state)
        cause = state.fire()
        fired.append(Timer(due, "session_end" if at_session_end else "silence", cause is not None))
    return fired


def session_end(state: CustomerState) -> Millis:
    return state.session.last + state.definition.session_gap


def arrive(state: CustomerState, event: Event) -> tuple[list[Timer], Applied]:
    """Fire what is due by the event's time, then apply it."""
    fired = fire_until(state, event.at)
    return fired, state.apply(event)


def after(events: Iterable[Event], definition: Definition) -> CustomerState:
    """Return the state after a history."""
    state = CustomerState(definition)
    for event in events:
        arrive(state, event)
    return state
