"""What must hold of limits that many workers share: exact, never overspent, asked twice or not.

A *pot* is what there is for a purpose and a time: 200 euros for one playbook on one day, 1,000
alerts in one minute. An alert *reserves* what it may cost in every pot that it draws on, in all of
them or in none. Under its own id: who asks again for the same alert, after a crash, is told the
same and nothing is set aside twice. What came of it *settles* the reservation: what was not used
goes back to the pots. What nobody settles goes back when the reservation ends, so a worker that
dies between reserving and deciding keeps nothing for longer than that.

Times are arguments, as everywhere in the core: the time of the decision, so that a replay spends
as the workers did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from features import Millis

#: Requests or settlements of one call; more would keep a server from its other work for too long.
MOST_AT_ONCE: Final = 500
#: Lua reckons in doubles, which are exact up to here.
LARGEST: Final = 1 << 53
#: Pots that one alert can draw on.
MOST_TAKES: Final = 16


class Pot(NamedTuple):
    """What there is for a purpose and a time.

    Parameters
    ----------
    name
        Of the purpose and the time, such as ``bargains/2026-11-29``; at most 200 characters.
    limit
        What it holds when it is full: in the smallest unit of money, or in alerts.
    kept_until
        When it may be forgotten, in milliseconds. Later than any decision of its time can be
        taken again.
    money
        Whether what is not used comes back. An alert that was sent was sent, whatever came of it.
    """

    name: str
    limit: int
    kept_until: Millis
    money: bool = True


class Take(NamedTuple):
    """What an alert needs of a pot.

    Parameters
    ----------
    pot
        Which.
    amount
        How much of it, at least 0.
    """

    pot: Pot
    amount: int


class Request(NamedTuple):
    """What an alert needs before it may be sent.

    Parameters
    ----------
    alert_id
        Its own id, which is the same whenever it is decided again.
    takes
        From each pot that it draws on, each pot once; at most 16.
    until
        When what nobody has settled goes back, in milliseconds: once the offer cannot be used any
        more and word of it has had time to come. The first call at or after it puts it back.
    """

    alert_id: str
    takes: tuple[Take, ...]
    until: Millis


class Answer(NamedTuple):
    """Whether an alert may be sent.

    Parameters
    ----------
    granted
        Whether everything that it needs was set aside, now or before.
    blocked_by
        If not, the first of its pots that has too little left.
    left
        What is left in that one.
    """

    granted: bool
    blocked_by: str = ""
    left: int = 0


class Settlement(NamedTuple):
    """What an alert did cost.

    Parameters
    ----------
    alert_id
        Whose reservation is meant.
    spent
        All that it has cost so far; 0 if the offer was not used. Of several settlements of an
        alert the largest holds, in whatever order they come.
    """

    alert_id: str
    spent: int


class Filling(NamedTuple):
    """How a pot stands.

    Parameters
    ----------
    taken
        What is set aside or spent.
    spent
        What of that is spent.
    """

    taken: int = 0
    spent: int = 0


class LimitsAway(ConnectionError):
    """The limits cannot be asked, or cannot say what they did. To ask again does no harm."""


class Limits(Protocol):
    """Where reservations are kept."""

    async def reserve(self, requests: Sequence[Request], now: Millis) -> list[Answer]:
        """Set aside what alerts need, one after the other.

        Parameters
        ----------
        requests
            At most `MOST_AT_ONCE`, in the order in which they are to be served.
        now
            The time of the decisions, in milliseconds; reservations that end by then go back.

        Returns
        -------
        list of Answer
            To each request.

        Raises
        ------
        ValueError
            If there are too many, or one asks for what no pot can have.
        LimitsAway
            If they cannot be asked.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement], now: Millis) -> list[bool]:
        """Put back what was not used.

        Returns
        -------
        list of bool
            Of each, whether there was such a reservation. One that has ended is none.

        Raises
        ------
        ValueError
            If there are too many, or one has cost less than nothing.
        LimitsAway
            If they cannot be asked.
        """
        ...

    async def look(self, pots: Sequence[str]) -> list[Filling]:
        """Return how pots stand; of one that nobody has drawn on, `Filling()`."""
        ...


def checked(requests: Sequence[Request]) -> Sequence[Request]:
    """Return the requests; raises `ValueError` if one of them cannot be meant."""
    _few(requests)
    for alert_id, takes, until in requests:
        if not alert_id or len(alert_id) > 200:
            raise ValueError(f"an alert's id has 1 to 200 characters, not {len(alert_id)}")
        names = [take.pot.name for take in takes]
        if len(set(names)) < len(names) or len(names) > MOST_TAKES:
            raise ValueError(
                f"alert {alert_id} draws on {names}: at most {MOST_TAKES} pots, each once"
            )
        for pot, amount in takes:
            if not 0 <= amount < LARGEST or not 0 <= pot.limit < LARGEST:
                raise ValueError(
                    f"alert {alert_id} takes {amount} of {pot.limit} from {pot.name!r}: "
                    "both are whole numbers from 0 to 2^53"
                )
            if not pot.name or len(pot.name) > 200:
                raise ValueError(f"a pot's name has 1 to 200 characters, not {len(pot.name)}")
        if not 0 <= until < LARGEST:
            raise ValueError(f"alert {alert_id} is to end at {until}, which is no time")
    return requests


def checked_settlements(settlements: Sequence[Settlement]) -> Sequence[Settlement]:
    """Return the settlements; raises `ValueError` if one of them cannot be meant."""
    _few(settlements)
    for alert_id, spent in settlements:
        if not 0 <= spent < LARGEST:
            raise ValueError(f"alert {alert_id} cannot have cost {spent}")
    return settlements


def _few(asked: Sequence[object]) -> None:
    if len(asked) > MOST_AT_ONCE:
        raise ValueError(f"{len(asked)} at once are more than {MOST_AT_ONCE}")
