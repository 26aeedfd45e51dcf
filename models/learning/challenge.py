"""Whether a challenger is better than the model that judges: a test that one may look at always.

Of each decision both models say a risk, before the label is known. When it is, the difference of
their losses is a bet: a gambler who thinks the challenger no better keeps what is staked on
average, so that wealth of 20 has a chance of 1 in 20, ever, however often one looks.

Notes
-----
With x the champion's loss less the challenger's, bounded by c, the wealth of a bet b < 1 / c is
the product of 1 + b x. It is a non-negative supermartingale when the challenger is not better
(E[x | before] <= 0), and so is the mean over several bets, one of which is about right; by Ville's
inequality it ever reaches 1 / alpha with a chance of at most alpha (Waudby-Smith and Ramdas 2024,
"Estimating means of bounded random variables by betting"; Choe and Ramdas 2023, "Comparing
sequential forecasters"). A round of the test that has found nothing after some horizons is
followed by another, with alpha / (r (r + 1)) for round r, which sums to alpha: a challenger that
was bad for long can still show that it is good now.

What is assumed: given the models, customers' labels are independent, and so are one customer's
labels of horizons that do not overlap. Hence `Pairs` counts of each customer one decision a
horizon. Something that happens to the whole shop at once breaks the assumption; that the labels
must span a horizon at least is a guard against it and no proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from math import exp, log, log1p
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from features import DAY, Millis

#: Risks are held this far from 0 and 1 when losses are compared, so that losses are bounded.
FLOOR: Final = 0.01
#: The largest difference of two losses.
MOST: Final = log((1 - FLOOR) / FLOOR)
#: Bets, as shares of the largest that cannot lose everything.
_BETS: Final = tuple(0.9 / MOST / 2**power for power in range(6))
#: Horizons that a round of the test lasts.
ROUND: Final = 8
_PAIR: Final = np.dtype(
    [("user", "<u8"), ("decision", "<u8"), ("at", "<i8"), ("champion", "<f4"), ("rival", "<f4")]
)


def loss(risk: float, label: int) -> float:
    """Return the log loss of a risk, held within .01 and .99.

    Examples
    --------
    >>> round(loss(0.5, 1), 3), round(loss(0.0, 1), 3)
    (0.693, 4.605)
    """
    held = min(max(risk, FLOOR), 1 - FLOOR)
    return -log(held if label else 1 - held)


@dataclass(frozen=True)
class Guard:
    """What it takes to be called better.

    Parameters
    ----------
    horizon
        H, in milliseconds; the labels must span as much.
    alpha
        Chance that a challenger that is not better is ever called so.
    labels
        Least labels of each kind that were compared.
    improvement
        Least mean improvement of the log loss.
    cooldown
        Least event time between two verdicts, in milliseconds.
    """

    horizon: Millis
    alpha: float = 0.05
    labels: int = 200
    improvement: float = 0.001
    cooldown: Millis = 30 * DAY


@dataclass(frozen=True)
class Rivalry:
    """Who challenges the model that judges, and what follows.

    Parameters
    ----------
    challenger
        A name of the registry; empty: nobody.
    promote
        Whether a challenger that has proved better takes over; otherwise it is only told.
    on_drift
        Who is to challenge after an alarm, if nobody does; empty: nobody.
    stability
        Population stability index from which a feature has changed.
    warmup
        Examples that a model must have learnt before it judges by itself.
    guard
        What it takes to be called better.
    """

    challenger: str = ""
    promote: bool = False
    on_drift: str = ""
    stability: float = 0.2
    warmup: int = 500
    guard: Guard = Guard(horizon=30 * DAY)  # frozen


class Trial(msgspec.Struct, kw_only=True):
    """The evidence for a challenger: plain numbers that can be stored and gone on with.

    Parameters
    ----------
    round
        Which round of the test this is.
    opened, last
        When the first and the last label of the round became known; None before.
    returned, churned
        Labels compared in this round.
    champion_loss, challenger_loss
        Sums of the losses.
    wealth
        Logarithm of what each bet has become.
    best
        Logarithm of the highest mean wealth of the round.

    Examples
    --------
    >>> trial, guard = Trial(), Guard(horizon=30 * DAY, labels=20)
    >>> for day in range(200):
    ...     trial.add(0.5, 0.9 if day % 2 else 0.1, day % 2, day * DAY, guard)
    >>> trial.is_won(guard), round(trial.improvement, 3)
    (True, 0.588)
    """

    round: int = 1
    opened: Millis | None = None
    last: Millis | None = None
    returned: int = 0
    churned: int = 0
    champion_loss: float = 0.0
    challenger_loss: float = 0.0
    wealth: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(_BETS))
    best: float = 0.0

    def add(self, champion: float, challenger: float, label: int, at: Millis, guard: Guard) -> None:
        """Compare what the two said with what came true.

        Parameters
        ----------
        champion, challenger
            Risks, said before the label was known.
        label
            1: churned.
        at
            When the label became known.
        guard
            For the horizon.
        """
        if self.opened is None:
            self.opened = at
        elif at - self.opened > ROUND * guard.horizon:
            self._start_again(at)
        self.last = at
        if label:
            self.churned += 1
        else:
            self.returned += 1
        theirs, ours = loss(champion, label), loss(challenger, label)
        self.champion_loss += theirs
        self.challenger_loss += ours
        gain = theirs - ours
        self.wealth = [
            wealth + log1p(bet * gain) for wealth, bet in zip(self.wealth, _BETS, strict=True)
        ]
        self.best = max(self.best, self.evidence)

    def _start_again(self, at: Millis) -> None:
        fresh = Trial(round=self.round + 1, opened=at)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(fresh, name))

    @property
    def count(self) -> int:
        """Labels compared in this round."""
        return self.returned + self.churned

    @property
    def improvement(self) -> float:
        """By how much the challenger's mean log loss is lower."""
        return (self.champion_loss - self.challenger_loss) / max(self.count, 1)

    @property
    def evidence(self) -> float:
        """Logarithm of the mean wealth of the bets."""
        most = max(self.wealth)
        return most + log(sum(exp(each - most) for each in self.wealth) / len(self.wealth))

    def needed(self, guard: Guard) -> float:
        """Return the logarithm of the wealth that is enough in this round."""
        return log(self.round * (self.round + 1) / guard.alpha)

    def is_won(self, guard: Guard) -> bool:
        """Whether the challenger is better, and nothing speaks against saying so."""
        return (
            self.best >= self.needed(guard)
            and self.improvement >= guard.improvement
            and min(self.returned, self.churned) >= guard.labels
            and self.opened is not None
            and self.last is not None
            and self.last - self.opened >= guard.horizon
        )

    def summary(self, guard: Guard) -> dict[str, float]:
        """Return the numbers that a verdict rests on."""
        count = max(self.count, 1)
        return {
            "labels": float(self.count),
            "churned": float(self.churned),
            "champion_loss": self.champion_loss / count,
            "challenger_loss": self.challenger_loss / count,
            "improvement": self.improvement,
            # A chance of 1 in so many, if the challenger were no better.
            "evidence": exp(min(self.best, 700.0)),
            "evidence_needed": exp(self.needed(guard)),
        }


class Pairs:
    """What both models said of decisions whose labels are awaited: of a customer, one a horizon.

    The last pairs lie in a ring of blocks, so that what is new can be stored without the rest.

    Parameters
    ----------
    horizon
        H, in milliseconds.
    made
        How many pairs were ever made.
    first
        Number of the oldest pair that still counts.
    blocks
        The blocks of the ring that there are, by number.
    size
        Blocks of the ring.

    Examples
    --------
    >>> pairs = Pairs(30 * DAY)
    >>> pairs.make("ada", "d1", 0, 0.25, 0.5)
    True
    >>> pairs.make("ada", "d2", 29 * DAY, 0.25, 0.5)
    False
    >>> pairs.said("ada", "d1"), pairs.said("ada", "d2")
    ((0.25, 0.5), None)
    """

    #: Pairs of one block of the ring, and blocks.
    BLOCK: Final = 1_024
    BLOCKS: Final = 256

    def __init__(
        self,
        horizon: Millis,
        made: int = 0,
        first: int = 0,
        blocks: dict[int, bytes] | None = None,
        size: int = BLOCKS,
    ) -> None:
        self.horizon = horizon
        self.made, self.first = made, first
        #: Pairs that had to make room before their label came.
        self.evicted = 0
        self._size = size
        self._ring: dict[int, npt.NDArray[Any]] = {
            number: np.frombuffer(data, dtype=_PAIR).copy()
            for number, data in (blocks or {}).items()
        }
        self._changed: set[int] = set()
        self._by_user: dict[int, int] = {}
        for number in range(max(first, made - size * self.BLOCK), made):
            self._by_user[int(self._at(number)["user"])] = number

    def _at(self, number: int) -> Any:
        block, place = divmod(number, self.BLOCK)
        block %= self._size
        if block not in self._ring:
            self._ring[block] = np.zeros(self.BLOCK, dtype=_PAIR)
        return self._ring[block][place]

    def is_free(self, user_id: str, at: Millis) -> bool:
        """Whether a decision shares its horizon with none of the customer's that counts."""
        before = self._by_user.get(_short(user_id))
        return before is None or at >= int(self._at(before)["at"]) + self.horizon

    def make(
        self, user_id: str, decision: str, at: Millis, champion: float, challenger: float
    ) -> bool:
        """Keep what both say of a decision; not if it shares its horizon with one that counts.

        Parameters
        ----------
        user_id, decision
            Whose, and which.
        at
            Event time of the decision.
        champion, challenger
            Their risks.

        Returns
        -------
        bool
            Whether it counts.
        """
        if not self.is_free(user_id, at):
            return False
        user = _short(user_id)
        number = self.made
        row = self._at(number)
        gone = int(row["user"])
        oldest = number - self._size * self.BLOCK
        if oldest >= self.first and self._by_user.get(gone) == oldest:
            del self._by_user[gone]
            # Learnt of at a quarter of its horizon at the earliest, as this one is.
            self.evicted += int(row["at"]) + self.horizon > at + self.horizon // 4
        row["user"], row["decision"], row["at"] = user, _short(decision), at
        row["champion"], row["rival"] = champion, challenger
        self._by_user[user] = number
        self._changed.add(number // self.BLOCK % self._size)
        self.made += 1
        return True

    def said(self, user_id: str, decision: str) -> tuple[float, float] | None:
        """Return what champion and challenger said; None if the decision does not count."""
        number = self._by_user.get(_short(user_id))
        if number is None:
            return None
        row = self._at(number)
        if int(row["decision"]) != _short(decision):
            return None
        return float(row["champion"]), float(row["rival"])

    def changed(self) -> dict[int, bytes]:
        """Return the blocks to store, and take them for stored."""
        blocks = {number: self._ring[number].tobytes() for number in sorted(self._changed)}
        self._changed.clear()
        return blocks

    def clear(self) -> None:
        """Forget all pairs: they are of other models."""
        self._by_user.clear()
        self.first = self.made


def _short(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
