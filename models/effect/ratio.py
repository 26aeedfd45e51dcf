"""Sample ratio mismatch: whether customers were split as the draws should have split them.

When they were not, something chose customers after they were drawn (a filter that knows the arm,
alerts that were lost for one arm only), and no difference between the arms means anything.

Not every customer is held out with the same chance: a playbook may have a holdout of its own, and
the shares are changed. So how many should have been drawn is the sum of each one's own chance,
and each playbook is looked at, too: one that loses its treated customers and another one that
loses its held-out ones would be even together.

It may be looked at as often as one likes, as all else here: the chance that the alarm is ever
raised, over all looks together, is the one that is said.

Sources: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments",
KDD 2019; the alarm at p below .001 is theirs. Lindon, Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022, for a test that may be watched.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

#: Below that chance it was no accident.
ALARM: Final = 0.001
#: The chance to be held out, of an alert that does not tell it.
UNTOLD: Final = -1.0
#: How far the logarithm of the odds may be off, about, where they are: a tenth of one arm lost is
#: off by a tenth.
_SPREAD: Final = 0.3
#: How exactly the top is found, from how far is looked at it, and at how many points.
_HALVES: Final = 60
_WIDTHS: Final = 12.0
_POINTS: Final = 401


class Drawn(NamedTuple):
    """Customers as they were split, and by which chances.

    Parameters
    ----------
    playbook
        Which was taken for them; empty where there is no policy file.
    policy
        The fingerprint of the file.
    variant
        Which arm of the playbook they have.
    share
        With which chance they have that arm; 1 where that is not known.
    chance
        With which chance they are held out; `UNTOLD` until that is known otherwise.
    held_out
        Whether they are.
    """

    playbook: str
    policy: str
    variant: str
    share: float
    chance: float
    held_out: bool


class Split(NamedTuple):
    """Whether customers were split as they were drawn.

    Parameters
    ----------
    chance
        That anything ever seems so far from what was drawn, if all is well.
    share
        The share that should have been held out.
    playbook
        Where it is farthest off; empty if that is among all customers.
    variant
        The arm that too many or too few have; empty if it is the held-out.
    found, customers, drawn
        There so many of how many are, and this share should have been.
    """

    chance: float
    share: float
    playbook: str
    variant: str
    found: int
    customers: int
    drawn: float


def evidence(found: int, chances: Mapping[float, int]) -> float:
    """Return how much sooner such a number comes of another draw than of the one that was made.

    The other draws have other odds, the same factor for each customer, and every factor counts for
    as much as a normal distribution of its logarithm gives it. Under the draw that was made, the
    mean of this is 1, after each customer: so that it ever reaches x has a chance of 1 / x.

    Parameters
    ----------
    found
        How many were drawn.
    chances
        With which chance, how many customers.

    Returns
    -------
    float
        Its logarithm; infinite for what cannot be.

    Examples
    --------
    >>> [round(evidence(found, {0.1: 1_000}), 1) for found in (95, 140, 160)]
    [-1.0, 6.0, 14.5]
    >>> evidence(0, {0.0: 9}), evidence(1, {0.0: 9})
    (0.0, inf)
    """
    found -= sum(count for chance, count in chances.items() if chance >= 1)
    left = [(chance, count) for chance, count in chances.items() if 0 < chance < 1 and count]
    most = sum(count for _, count in left)
    if not 0 <= found <= most:
        return math.inf
    if not left:
        return 0.0
    # Where it is largest: it has one top, since its slope falls all the way.
    low, high = -(_SPREAD**2) * most, _SPREAD**2 * most
    for _ in range(_HALVES):
        middle = (low + high) / 2
        expected = sum(count * _share(chance, middle) for chance, count in left)
        rising = found - expected > middle / _SPREAD**2
        low, high = (middle, high) if rising else (low, middle)
    shares = [(_share(chance, low), count) for chance, count in left]
    bend = sum(count * share * (1 - share) for share, count in shares) + 1 / _SPREAD**2
    wide = _WIDTHS / math.sqrt(bend)
    factors = np.linspace(low - wide, low + wide, _POINTS)
    logs = found * factors
    for chance, count in left:
        logs -= count * np.logaddexp(math.log1p(-chance), math.log(chance) + factors)
    logs -= factors**2 / (2 * _SPREAD**2)
    largest = float(logs.max())
    step = float(factors[1] - factors[0]) / (_SPREAD * math.sqrt(2 * math.pi))
    return largest + math.log(float(np.exp(logs - largest).sum()) * step)


def _share(chance: float, factor: float) -> float:
    """Return a chance whose odds are a factor more; the factor as its logarithm."""
    odds = math.log(chance) - math.log1p(-chance) + factor
    if odds < 0:
        return math.exp(odds) / (1 + math.exp(odds))
    return 1 / (1 + math.exp(-odds))


class _Look(NamedTuple):
    playbook: str
    variant: str
    found: int
    chances: Counter[float]


def split(customers: Iterable[Drawn], *, variants: bool = True) -> Split:
    """Return whether customers were split as they were drawn.

    Parameters
    ----------
    customers
        Each customer once.
    variants
        Whether to look at the arms of playbooks, too: not where customers were chosen by them.

    Returns
    -------
    Split
        What is looked at (the held-out among all, those of each playbook, and the arms of each)
        counts together: the chance is one over the mean of the evidence. Named is the farthest off.

    Examples
    --------
    >>> def some(playbook, chance, treated, held_out):
    ...     return [Drawn(playbook, "6e34", "only", 1.0, chance, number < held_out)
    ...         for number in range(treated + held_out)]
    >>> whole = split(some("gift", 0.28, 715, 285) + some("call", 0.1, 902, 98))
    >>> whole.chance > ALARM, round(whole.share, 2)
    (True, 0.19)
    >>> whole = split(some("gift", 0.28, 780, 220) + some("call", 0.1, 840, 160))
    >>> whole.chance < ALARM, whole.playbook, whole.found
    (True, 'call', 160)
    """
    # So few different ones that a count of each is all that is needed.
    counts = Counter(customers)
    looks = [_held_out("", counts)]
    playbooks: dict[str, Counter[Drawn]] = {}
    for each, count in counts.items():
        playbooks.setdefault(each.playbook, Counter())[each] += count
    if len(playbooks) > 1:
        looks += [_held_out(name, some) for name, some in sorted(playbooks.items())]
    if variants:
        for name, some in sorted(playbooks.items()):
            looks += _variants(name, some)
    found = [evidence(look.found, look.chances) for look in looks]
    worst = looks[max(range(len(looks)), key=found.__getitem__)]
    whole, among = looks[0].chances, worst.chances
    most = max(found)
    if math.isfinite(most):
        most += math.log(sum(math.exp(each - most) for each in found) / len(found))
    return Split(
        chance=min(math.exp(-most), 1.0),
        share=_mean(whole),
        playbook=worst.playbook,
        variant=worst.variant,
        found=worst.found,
        customers=among.total(),
        drawn=_mean(among),
    )


def _mean(chances: Counter[float]) -> float:
    count = chances.total()
    return sum(chance * each for chance, each in chances.items()) / count if count else math.nan


def _held_out(playbook: str, counts: Counter[Drawn]) -> _Look:
    chances: Counter[float] = Counter()
    found = 0
    for each, count in counts.items():
        chances[each.chance] += count
        found += each.held_out * count
    return _Look(playbook, "", found, chances)


def _variants(playbook: str, counts: Counter[Drawn]) -> list[_Look]:
    """Return a look at each arm of a playbook, whose share may change with the file."""
    files: dict[str, Counter[Drawn]] = {}
    for each, count in counts.items():
        files.setdefault(each.policy, Counter())[each] += count
    found: Counter[str] = Counter()
    chances: dict[str, Counter[float]] = {}
    for some in files.values():
        shares: dict[str, float] = {}
        for each in some:
            shares[each.variant] = min(each.share, shares.get(each.variant, 1.0))
        for each, count in some.items():
            found[each.variant] += count if shares[each.variant] < 1 else 0
        for name, share in shares.items():
            if share < 1:
                chances.setdefault(name, Counter())[share] += some.total()
    return [_Look(playbook, name, found[name], among) for name, among in sorted(chances.items())]


__all__ = ["ALARM", "UNTOLD", "Drawn", "Split", "evidence", "split"]
