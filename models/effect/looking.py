"""What would have been said at earlier moments: the bounds as they narrowed.

They may be looked at as often as one likes, so all of them together say no more that is wrong than
the last one alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import Millis
from models.effect.comparing import Effect
from models.effect.following import Following
from models.effect.measuring import Rules, Table, counted, grouped


@dataclass(frozen=True)
class Look:
    """What was known at a moment.

    Parameters
    ----------
    at
        When.
    figures
        Some of `FIGURES`.
    """

    at: Millis
    figures: dict[str, Effect]


def looks(
    following: Following,
    rules: Rules,
    now: Millis,
    count: int,
    figures: tuple[str, ...] = ("returned", "margin"),
    groups: int = 0,
) -> dict[tuple[str, ...], tuple[Look, ...]]:
    """Return what would have been said at moments up to now, evenly spaced.

    Parameters
    ----------
    following, rules, now
        As of `measure`.
    count
        At how many moments, at most.
    figures
        Which of `FIGURES`.
    groups
        Of how many groups beside all customers, the largest first.

    Returns
    -------
    dict
        By group, the looks from the first moment at which it was known of anybody what became of
        them; the last is what `measure` says.
    """
    everybody = counted(following, rules)
    table = Table(everybody, following.untold(), rules)
    due = table.due[table.due < now]
    if not len(due):
        return {}
    # Nothing is learnt after the last of them.
    first, last = float(due.min()) + 1, min(float(due.max()) + 1, float(now))
    moments = sorted({round(each) for each in np.linspace(first, last, count)})
    return {
        group: tuple(
            Look(at, {name: table.figure(name, places, alpha, at) for name in figures})
            for at in moments
        )
        for group, places, alpha in grouped(everybody, rules)[: groups + 1]
    }
