"""One customer at one moment, including in silence: what the formulas of the catalogue read."""

from __future__ import annotations

from features.customer import CustomerState
from features.timeline import DAY, Millis


class Portrait:
    """A customer as seen at ``at``: the state, and the windows that end there.

    Parameters
    ----------
    state
        The customer; its timers due by ``at`` must have fired.
    at
        The moment, not before ``state.now``.

    Examples
    --------
    >>> from features.definition import Definition
    >>> from features.events import Event
    >>> ada = CustomerState(Definition())
    >>> _ = ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    >>> seen = Portrait(ada, 10 * DAY)
    >>> seen.silence, seen.tenure, seen.money_30
    (10.0, 10.0, 9.5)
    """

    __slots__ = (
        "at",
        "day",
        "day_1",
        "day_7",
        "day_30",
        "day_90",
        "horizon",
        "money_30",
        "money_90",
        "silence",
        "state",
        "tenure",
        "visits",
    )

    def __init__(self, state: CustomerState, at: Millis) -> None:
        tiles = state.tiles
        self.state = state
        self.at = at
        self.horizon = state.definition.horizon_days
        #: Days since 1970, with the fraction.
        self.day = at / DAY
        last = state.last_activity if state.last_activity >= 0 else state.last_seen
        self.silence = max(at - last, 0) / DAY
        self.tenure = max(at - state.first_seen, 0) / DAY
        #: Counts by kind in the last 24 hours and the last 7, 30 and 90 days.
        self.day_1 = tiles.by_hour(at, 24)
        self.day_7 = tiles.by_day(at, 7)
        self.day_30 = tiles.by_day(at, 30)
        self.day_90 = tiles.by_day(at, 90)
        self.money_30 = tiles.money(at, 30)
        self.money_90 = tiles.money(at, 90)
        self.visits = state.rhythm.faded_visits(self.day, self.horizon)

    @property
    def since_first_visit(self) -> float:
        """Days since the first visit day began; 0 before any visit."""
        return max(self.day - self.state.rhythm.first_day, 0.0) if self.state.rhythm.days else 0.0

    @property
    def since_last_visit(self) -> float:
        """Days since the middle of the last visit day; 0 before any visit."""
        if not self.state.rhythm.days:
            return 0.0
        return max(self.day - self.state.rhythm.last_day - 0.5, 0.0)

    @property
    def since_negative(self) -> float:
        """Days since something last went wrong; -1 when nothing ever did."""
        return (self.at - self.state.last_negative) / DAY if self.state.negatives else -1.0


__all__ = ["Portrait"]
