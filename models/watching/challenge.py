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
from math import exp, log, log1p
from typing import Final

import msgspec

from features import DAY, Millis

#: Risks are held this far from 0 and 1 when losses are compared, so that losses are bounded.
FLOOR: Final = 0.01
#: The largest difference of two losses.
MOST: Final = log((1 - FLOOR) / FLOOR)
#: Bets, as shares of the largest that cannot lose everything.
_BETS: Final = tuple(0.9 / MOST / 2**power for power in range(6))
#: Horizons that a round of the test lasts.
ROUND: Final = 8


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
