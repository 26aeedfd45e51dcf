"""The visitors of a file who become customers: what they did, handed over as a worker does it.

In a topic this is no question: what workers handed over lies in ``clickstream-rekeyed``, and is
read there. A file has only what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from features import Millis, Trail, is_visitor, linked_customer
from streams.batch import Arrival


def handed_over(arrivals: Iterable[Arrival], session_gap: Millis) -> Iterator[Arrival]:
    """Yield arrivals, and after each that says who a visitor is what that visitor did.

    Parameters
    ----------
    arrivals
        In the order of time.
    session_gap
        Silence that ends a session.

    Examples
    --------
    >>> from features import Event
    >>> def happened(number, kind, **properties):
    ...     event = Event(event_id=str(number), user_id="anon:7", type=kind, time=number,
    ...                   properties=properties)
    ...     return Arrival(number, number, event)
    >>> log = [happened(1, "visit"), happened(2, "identified", identified_as="ada"),
    ...        happened(3, "visit")]
    >>> [(each.event.user_id, each.event.event_id) for each in handed_over(log, 1_800_000)]
    [('anon:7', '1'), ('anon:7', '2'), ('ada', '1'), ('anon:7', '3'), ('ada', '3')]
    """
    trails: dict[str, Trail] = {}
    for arrival in arrivals:
        yield arrival
        event = arrival.event
        if not is_visitor(event.user_id):
            continue
        trail = trails.get(event.user_id)
        if trail is None:
            trail = trails[event.user_id] = Trail()
        customer = linked_customer(event)
        if customer is not None:
            handed = trail.hand_over(session_gap) if trail.link(customer, event.at) else []
        elif trail.customer is not None:
            handed = [trail.pass_on(event)]
        else:
            trail.add(event)
            continue
        for its, history in handed:
            yield Arrival(arrival.offset, arrival.timestamp, its, history)
