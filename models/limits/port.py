"""What must hold of limits that many workers share: exact, never overspent, asked twice or not.

A *pot* is what there is for a purpose and a time: 200 euros for one playbook on one day, 1,000
alerts in one minute. An alert says what could be done, the best first; the first *choice* for which
every pot has enough is taken, and what it may cost is *reserved* in all of them. Under the alert's
own id: who asks again for the same alert, after a crash, is told the same and nothing is set aside
twice. What is heard of it *settles* the reservation: what was not used goes back to the pots. What
nobody settles goes back when the reservation ends, so a worker that dies between reserving and
deciding keeps nothing for longer than that. What is heard after that is still counted, for a while:
money that was spent was spent.

Times are arguments, as everywhere in the core: the time of the decision, so that a replay spends
as the workers did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from features import DAY, Millis

#: Requests or settlements of one call; more would keep a server from its other work for too long.
MOST_AT_ONCE: Final = 500
#: Lua reckons in doubles, which are exact up to here.
LARGEST: Final = 1 << 53
#: Pots that one choice can draw on, and choices of one alert.
MOST_TAKES: Final = 16
MOST_CHOICES: Final = 64
#: Of one alert, what so many outcomes have cost is counted.
MOST_TOLD: Final = 64
#: How long after its end a reservation is known, so that what is heard late is counted too.
KNOWN_FOR: Final = 35 * DAY


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
    room
        How much must be left there; if that is less than the amount, the amount.
    """

    pot: Pot
    amount: int
    room: int = 0


class Choice(NamedTuple):
    """One of the things that could be done.

    Parameters
    ----------
    name
        What it is called; of the choices of an alert each has another name.
    takes
        From each pot that it draws on, each pot once; at most 16. Without any it is granted.
    until
        When what nobody has settled goes back, in milliseconds: once the offer cannot be used any
        more and word of it has had time to come. The first call at or after it puts it back.
    silent_use
        Whether silence means that it was used: a call was made unless somebody says that it was
        not. Then at its end all that was set aside counts as spent, and what is heard later as
        always.
    """

    name: str
    takes: tuple[Take, ...] = ()
    until: Millis = 0
    silent_use: bool = False


class Request(NamedTuple):
    """What could be done by an alert, and what that needs.

    Parameters
    ----------
    alert_id
        Its own id, which is the same whenever it is decided again.
    choices
        The best first; at most 64.
    """

    alert_id: str
    choices: tuple[Choice, ...]


class Lack(NamedTuple):
    """Why a choice was not granted: the first of its pots that has too little, and what is left."""

    choice: str
    pot: str
    left: int


class Answer(NamedTuple):
    """Which choice of an alert may be done.

    Parameters
    ----------
    granted
        The name of the first choice for which all was set aside, now or before; None if there is
        not enough for any. What was set aside before for another thing, or at another price, goes
        back.
    lacks
        Why not each of those before it.
    """

    granted: str | None
    lacks: tuple[Lack, ...] = ()


class Settlement(NamedTuple):
    """What is heard of an alert.

    Parameters
    ----------
    alert_id
        Whose reservation is meant.
    outcome_id
        Of what was heard: it is counted once. What an alert has cost is the sum of what its
        outcomes say, of the first 64 of them.
    cost
        What that cost; None for all that was set aside.
    closes
        Whether nothing more is to come: the offer is used, or will not be. What was set aside
        beyond the cost goes back then.
    """

    alert_id: str
    outcome_id: str
    cost: int | None
    closes: bool = True


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
            Of each, whether there was such a reservation. One that ended 35 days ago is none.

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
    for alert_id, choices in requests:
        if not alert_id or len(alert_id) > 200:
            raise ValueError(f"an alert's id has 1 to 200 characters, not {len(alert_id)}")
        names = [choice.name for choice in choices]
        if len(set(names)) < len(names) or not 0 < len(names) <= MOST_CHOICES:
            raise ValueError(
                f"alert {alert_id} could be {names}: 1 to {MOST_CHOICES} choices, each once"
            )
        for choice in choices:
            _check(alert_id, choice)
    return requests


def _check(alert_id: str, choice: Choice) -> None:
    name, takes, until, _ = choice
    if len(name) > 200:
        raise ValueError(f"a choice's name has at most 200 characters, not {len(name)}")
    names = [take.pot.name for take in takes]
    if len(set(names)) < len(names) or len(names) > MOST_TAKES:
        raise ValueError(f"alert {alert_id} draws on {names}: at most {MOST_TAKES} pots, each once")
    for pot, amount, room in takes:
        if not all(0 <= number < LARGEST for number in (amount, room, pot.limit)):
            raise ValueError(
                f"alert {alert_id} takes {amount} of {pot.limit} from {pot.name!r}, where {room} "
                "must be left: they are whole numbers from 0 to 2^53"
            )
        if not pot.name or len(pot.name) > 200:
            raise ValueError(f"a pot's name has 1 to 200 characters, not {len(pot.name)}")
    if not 0 <= until < LARGEST:
        raise ValueError(f"alert {alert_id} is to end at {until}, which is no time")


def checked_settlements(settlements: Sequence[Settlement]) -> Sequence[Settlement]:
    """Return the settlements; raises `ValueError` if one of them cannot be meant."""
    _few(settlements)
    for alert_id, outcome_id, cost, _ in settlements:
        if cost is not None and not 0 <= cost < LARGEST:
            raise ValueError(f"alert {alert_id} cannot have cost {cost}")
        if len(outcome_id) > 200:
            raise ValueError(f"an outcome's id has at most 200 characters, not {len(outcome_id)}")
    return settlements


def _few(asked: Sequence[object]) -> None:
    if len(asked) > MOST_AT_ONCE:
        raise ValueError(f"{len(asked)} at once are more than {MOST_AT_ONCE}")
