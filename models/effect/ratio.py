"""Sample ratio mismatch: whether customers were split as the draws should have split them.

When they were not, something chose customers after they were drawn (a filter that knows the arm,
alerts that were lost for one arm only), and no difference between the arms means anything.

Not every customer is held out with the same chance: a playbook may have a holdout of its own, and
the shares are changed. So how many should have been drawn is the sum of each one's own chance,
and each playbook is looked at, too: one that loses its treated customers and another one that
loses its held-out ones would be even together.

Source: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments",
KDD 2019; the alarm at p below .001 is theirs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from models.effect.sequence import Floats

#: Below that chance it was no accident.
ALARM: Final = 0.001
#: The chance to be held out, of an alert that does not tell it.
UNTOLD: Final = -1.0
#: Up to that variance the tails are summed; beyond it they are those of the normal distribution.
_SUMMED: Final = 100.0


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
        Of splits so far from what was drawn, or farther, if all is well.
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


def unlikely(found: int, chances: Mapping[float, int]) -> float:
    """Return the chance of so many, or of a number farther from what is expected.

    Parameters
    ----------
    found
        How many were drawn.
    chances
        With which chance, how many customers.

    Returns
    -------
    float
        Twice the smaller tail, 1 at most: summed where there are few, and for many by the normal
        distribution.

    Examples
    --------
    >>> round(unlikely(95, {0.1: 1_000}), 2), unlikely(50, {0.1: 1_000}) < ALARM
    (0.64, True)
    >>> unlikely(0, {0.0: 9}), unlikely(1, {0.0: 9})
    (1.0, 0.0)
    """
    sure = sum(count for chance, count in chances.items() if chance >= 1)
    left = [(chance, count) for chance, count in chances.items() if 0 < chance < 1]
    found -= sure
    most = sum(count for _, count in left)
    if not 0 <= found <= most:
        return 0.0
    expected = sum(chance * count for chance, count in left)
    variance = sum(chance * (1 - chance) * count for chance, count in left)
    if not variance:
        return 1.0
    if variance > _SUMMED:
        # Half a customer nearer, as tails of whole customers are.
        off = max(abs(found - expected) - 0.5, 0.0) / math.sqrt(variance)
        return math.erfc(off / math.sqrt(2))
    start, parts = 0, np.ones(1)
    for chance, count in left:
        first, part = _binomial(count, chance)
        start, parts = start + first, np.convolve(parts, part)
    place = found - start
    if not 0 <= place < len(parts):
        return 0.0
    tails = parts[: place + 1].sum(), parts[place:].sum()
    return min(2 * float(min(tails)), 1.0)


def _binomial(count: int, chance: float) -> tuple[int, Floats]:
    """Return the chances of numbers that are not all but impossible, and the first of them."""
    mean = count * chance
    wide = 12 * math.sqrt(mean * (1 - chance)) + 40
    first, last = max(math.floor(mean - wide), 0), min(math.ceil(mean + wide), count)
    # Here, because it takes long to import.
    from scipy.special import gammaln

    numbers = np.arange(first, last + 1, dtype=np.float64)
    ways = gammaln(count + 1) - gammaln(numbers + 1) - gammaln(count - numbers + 1)
    logs = ways + numbers * math.log(chance) + (count - numbers) * math.log1p(-chance)
    found: Floats = np.exp(logs)
    return first, found


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
        The farther off of all that is looked at, with its chance times how much that is: the
        held-out among all, those of each playbook, and the arms of each playbook.

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
    files: dict[tuple[str, str], Counter[Drawn]] = {}
    for each, count in counts.items():
        playbooks.setdefault(each.playbook, Counter())[each] += count
        files.setdefault((each.playbook, each.policy), Counter())[each] += count
    if len(playbooks) > 1:
        looks += [_held_out(name, some) for name, some in sorted(playbooks.items())]
    if variants:
        for (name, _), some in sorted(files.items()):
            looks += _variants(name, some)
    worst = min(looks, key=lambda look: unlikely(look.found, look.chances))
    whole, among = looks[0].chances, worst.chances
    chance = unlikely(worst.found, among) * len(looks)
    return Split(
        chance=min(chance, 1.0),
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
    """Return a look at each arm of a playbook, as one file has it."""
    shares: dict[str, float] = {}
    found: Counter[str] = Counter()
    for each, count in counts.items():
        shares[each.variant] = min(each.share, shares.get(each.variant, 1.0))
        found[each.variant] += count
    return [
        _Look(playbook, name, found[name], Counter({share: found.total()}))
        for name, share in sorted(shares.items())
        if share < 1
    ]


__all__ = ["ALARM", "UNTOLD", "Drawn", "Split", "split", "unlikely"]
