"""What treating has done: each figure in both arms, for all customers and for each group.

A figure of a customer is known when its time has passed for everybody who was alerted then, came
back or not: so who returned early counts no earlier than who did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features import WEEK, Millis
from models.effect.adjusting import Flags
from models.effect.advice import Advice, advise
from models.effect.comparing import Effect, compare
from models.effect.following import Followed, Following
from models.effect.ratio import UNTOLD, Split, split
from models.effect.sequence import Floats

Places = npt.NDArray[np.int64]
#: The figures, and what they mean.
FIGURES: Final[Mapping[str, str]] = {
    "returned": "came back within the horizon",
    "repurchased": "bought within the horizon",
    "margin": "left after cost within the horizon, in money",
    "gone": "did nothing until they counted as gone",
}
#: Figures that a verdict rests on: both may be wrong.
_JUDGED: Final = 2


@dataclass(frozen=True)
class Rules:
    """By what rules effects are measured.

    Parameters
    ----------
    horizon
        For how long what a customer does is held to the alert.
    gone
        Who does nothing for that long is gone.
    holdout
        The share of customers that was to be held out, where their alerts do not tell it.
    margin
        The share of what is bought that is earned.
    cost
        Of an alert to a treated customer whose outcomes tell no cost.
    alpha
        The chance of any wrong word about all customers, however often one looks; and of any
        about a group.
    worth
        How many more customers, as a share, must come back for it to be worth doing.
    since
        Customers who were first alerted before are left out.
    """

    horizon: Millis
    gone: Millis
    holdout: float
    margin: float = 1.0
    cost: float = 0.0
    alpha: float = 0.05
    worth: float = 0.02
    since: Millis = 0


@dataclass(frozen=True)
class Line:
    """What treating has done to some customers.

    Parameters
    ----------
    group
        Which; empty for all.
    treated, held_out
        How many were alerted, known or not.
    split
        Whether the arms have the sizes that were drawn.
    weekly
        How many became known in a week.
    figures
        Each of `FIGURES`.
    advice
        What to do.
    risk
        The mean risk of those whose return is known; not a number where there are none.
    """

    group: tuple[str, ...]
    treated: int
    held_out: int
    split: Split
    weekly: float
    figures: Mapping[str, Effect]
    advice: Advice
    risk: float

    @property
    def brought(self) -> tuple[float, float, float]:
        """What treating has brought after cost, in all, with its bounds."""
        margin = self.figures["margin"]
        money = margin.difference
        return (
            margin.treated * money.estimate,
            margin.treated * money.low,
            margin.treated * money.high,
        )


@dataclass(frozen=True)
class Measured:
    """What came of it.

    Parameters
    ----------
    lines
        Of all customers first; then of each group, the largest first.
    before
        Customers who were left out, as they were first alerted before it began.
    first, last
        When the first and the last of those who count was alerted; None if there is nobody.
    """

    lines: tuple[Line, ...]
    before: int
    first: Millis | None
    last: Millis | None


def measure(following: Following, rules: Rules, now: Millis) -> Measured:
    """Return what treating has done.

    Parameters
    ----------
    following
        What became of each customer.
    rules
        By what rules.
    now
        Up to when everything that happened is known.

    Notes
    -----
    The line of all customers is given bounds at alpha / 2, since a word about it may rest on
    either of two figures; the lines of g groups at alpha / (2 g). How many groups there are is
    settled by the first alerts, long before a group has enough customers for a word.
    """
    everybody = counted(following, rules)
    table = Table(everybody, following.untold(), rules)
    whole, *groups = grouped(everybody, rules)
    first = table.line(*whole, now)
    lines = [first, *(table.line(*group, now, first) for group in groups)]
    moments = [each.at for each in everybody.values()]
    return Measured(
        lines=tuple(lines),
        before=len(following.customers) - len(everybody),
        first=min(moments, default=None),
        last=max(moments, default=None),
    )


def counted(following: Following, rules: Rules) -> dict[str, Followed]:
    """Return the customers who count, by name."""
    return {name: each for name, each in following.customers.items() if each.at >= rules.since}


def grouped(
    everybody: Mapping[str, Followed], rules: Rules
) -> list[tuple[tuple[str, ...], Places, float]]:
    """Return all customers, then each group, the largest first: where they are, and its alpha."""
    by_group: dict[tuple[str, ...], list[int]] = {}
    for place, each in enumerate(everybody.values()):
        if each.group:
            by_group.setdefault(each.group, []).append(place)
    groups = sorted(by_group.items(), key=lambda item: (-len(item[1]), item[0]))
    alpha = rules.alpha / _JUDGED
    whole: tuple[tuple[str, ...], Places, float] = ((), np.arange(len(everybody)), alpha)
    return [whole, *((name, np.array(some), alpha / len(groups)) for name, some in groups)]


class Table:
    """Customers as columns.

    Parameters
    ----------
    everybody
        Those who count.
    untold
        How many of their alerts told no cost.
    rules
        By what rules.
    """

    def __init__(
        self, everybody: Mapping[str, Followed], untold: Mapping[str, int], rules: Rules
    ) -> None:
        self._rules = rules
        customers = everybody.values()

        def column(values: Iterable[float]) -> Floats:
            return np.fromiter(values, dtype=np.float64, count=len(everybody))

        holdout = rules.holdout
        self._drawn = [
            each.drawn if each.drawn.chance != UNTOLD else each.drawn._replace(chance=holdout)
            for each in customers
        ]
        self._chances = column(each.chance for each in self._drawn)
        at = self._at = column(each.at for each in customers)
        self._risk = column(each.risk for each in customers)
        self._treated: Flags = column(each.treated for each in customers) > 0
        back = column(each.back for each in customers)
        bought = column(each.bought for each in customers)
        spent = column(each.spent for each in customers)
        told = column(each.cost for each in customers)
        cost = told + rules.cost * column(untold.get(name, 0) for name in everybody)
        #: When it is known of each what became of them: after that moment.
        self.due = due = at + rules.horizon
        #: Of each figure: the values, and after which moment each is known.
        self._figures: dict[str, tuple[Floats, Floats]] = {
            "returned": ((back <= due).astype(np.float64), due),
            "repurchased": ((bought <= due).astype(np.float64), due),
            "margin": (spent * rules.margin - cost, due),
            "gone": ((back > at + rules.gone).astype(np.float64), at + rules.gone),
        }
        self._before = np.column_stack(
            [
                self._risk,
                np.log1p(column(each.days.bit_count() for each in customers)),
                np.log1p(np.maximum(column(each.spent_before for each in customers), 0.0)),
            ]
        )

    def figure(self, name: str, places: Places, alpha: float, now: Millis) -> Effect:
        """Return one of `FIGURES` of the customers at some places, as it was known then."""
        values, due = self._figures[name]
        there = places[due[places] < now]
        return compare(
            values[there],
            self._treated[there],
            self._before[there],
            self._chances[there],
            alpha=alpha,
        )

    def line(
        self,
        group: tuple[str, ...],
        places: Places,
        alpha: float,
        now: Millis,
        whole: Line | None = None,
    ) -> Line:
        """Return what treating has done to the customers at some places.

        Where the arms of all customers are not what was drawn, no group is to be trusted.
        """
        figures = {name: self.figure(name, places, alpha, now) for name in FIGURES}
        treated = int(self._treated[places].sum())
        held_out = len(places) - treated
        rules = self._rules
        drawn = self._drawn
        # A group may be one of arms: how many have it says nothing of the draw.
        found = split((drawn[place] for place in places.tolist()), variants=whole is None)
        weekly = self._weekly(places, now)
        there = places[self.due[places] < now]
        return Line(
            group=group,
            treated=treated,
            held_out=held_out,
            split=found,
            weekly=weekly,
            figures=figures,
            advice=advise(
                figures["returned"],
                figures["margin"],
                mismatch=found.chance if whole is None else min(found.chance, whole.split.chance),
                weekly=weekly,
                worth=rules.worth,
            ),
            risk=float(self._risk[there].mean()) if len(there) else float("nan"),
        )

    def _weekly(self, places: Places, now: Millis) -> float:
        there = places[self.due[places] < now]
        if not len(there):
            return 0.0
        moments = self._at[there]
        return float(len(there) / max((moments.max() - moments.min()) / WEEK, 1.0))
