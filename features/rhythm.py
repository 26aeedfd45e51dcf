"""How a customer comes back: gaps between visit days, and visits that fade.

Gaps are counted between distinct visit days, so a gap is at least one day. The statistics fade
(each new gap weighs 1, what came before .97 of what it did), so the rhythm follows a customer
who changes. The visit counters halve every H/4, H/2, H, 2H and 4H days. Together they are all
that the renewal view of the shop needs to know of a customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import exp, log, nan
from typing import Any, Final

FADING: Final = 0.97
POWERS: Final = (0.6, 1.0, 1.7, 3.0)
#: Gaps that are kept one by one. Of more, the sums that fade take fewer bytes.
GAPS_KEPT: Final = 64
#: Half-lives of the visit counters, in horizons.
HALF_LIVES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
LN2: Final = log(2.0)
#: What follows from the gaps.
_FOLLOWS: Final = frozenset(("log_gap", "powers", "sum_square", "visits", "weight"))


class _Said(dict[int, tuple[float, list[float], list[float]]]):
    """What a gap of so many days says: ln, powers, and what of each counter it leaves.

    Remembered, for most gaps of a shop are the same few whole numbers of days.
    """

    def __init__(self, horizon_days: float) -> None:
        super().__init__()
        self._horizon_days = horizon_days

    def __missing__(self, gap: int) -> tuple[float, list[float], list[float]]:
        said = (
            log(gap),
            [float(gap) ** k for k in POWERS],
            [exp(-LN2 * gap / (share * self._horizon_days)) for share in HALF_LIVES],
        )
        if gap < _REMEMBERED:
            self[gap] = said
        return said


_said = lru_cache(maxsize=16)(_Said)
_REMEMBERED: Final = 1024


def _said_by(gap: int, horizon_days: float) -> tuple[float, list[float], list[float]]:
    return _said(horizon_days)[gap]


def _weights(most: int) -> tuple[float, ...]:
    weight, found = 0.0, [0.0, 0.0]
    for _ in range(most):
        weight = FADING * weight + 1.0
        found.append(weight)
    return tuple(found)


_WEIGHTS: Final = _weights(500)


def weight_of(days: int) -> float:
    """Return the fading number of gaps of who has come on so many days; NaN for very many.

    Examples
    --------
    >>> weight_of(1), weight_of(3)
    (0.0, 1.97)
    """
    return _WEIGHTS[days] if days < len(_WEIGHTS) else nan


class Rhythm:
    """What the days between a customer's visits say.

    Parameters
    ----------
    first_day, last_day
        First and last visit day, in days since 1970.
    days
        Number of distinct visit days; 0 before the first.
    last_gap, sum_gap, sum_square
        The last gap, and the sum of all gaps and of their squares, in days; they do not fade.
    weight, log_gap, powers
        Fading number of gaps, sum of ln(gap), and sums of gap ** k for the k of `POWERS`.
    visits
        Fading numbers of visits as of ``last_day``, one for each of `HALF_LIVES`.

    Examples
    --------
    >>> rhythm = Rhythm()
    >>> for day in (0, 9, 18, 18):
    ...     _ = rhythm.visit(day, horizon_days=30.0)
    >>> rhythm.days, rhythm.last_gap, rhythm.mean
    (3, 9, 9.0)
    >>> [round(count, 2) for count in rhythm.faded_visits(18.0, 30.0)]
    [1.62, 2.1, 2.47, 2.71, 2.85]
    """

    __slots__ = (
        "_gaps",
        "_horizon_days",
        "days",
        "first_day",
        "last_day",
        "last_gap",
        "log_gap",
        "powers",
        "sum_gap",
        "sum_square",
        "visits",
        "weight",
    )

    def __init__(self) -> None:
        #: All gaps, of which the rest follows to the last bit; None if it does not, or of too many.
        self._gaps: list[int] | None = []
        #: H, as long as what follows from the gaps has not been added up.
        self._horizon_days = 0.0
        self.first_day = 0
        self.last_day = 0
        self.days = 0
        self.last_gap = 0
        self.sum_gap = 0
        self.sum_square = 0
        self.weight: float = 0
        self.log_gap: float = 0
        self.powers: list[float] = [0, 0, 0, 0]
        self.visits: list[float] = [0, 0, 0, 0, 0]

    def visit(self, day: int, horizon_days: float) -> bool:
        """Take note of a visit on a day; a second one on the same day, or an earlier, is no news.

        Parameters
        ----------
        day
            Days since 1970.
        horizon_days
            H, which sets the half-lives of the counters.

        Returns
        -------
        bool
            Whether it was news.
        """
        if self.days == 0:
            self.first_day = self.last_day = day
            self.days = 1
            self.visits = [1.0] * len(HALF_LIVES)
            return True
        gap = day - self.last_day
        if gap < 1:
            return False
        self.days += 1
        self.last_day = day
        self.last_gap = gap
        self.sum_gap += gap
        self.sum_square += gap * gap
        log_gap, (p, q, r, s), (f, g, h, i, j) = _said_by(gap, horizon_days)
        self.weight = FADING * self.weight + 1.0
        self.log_gap = FADING * self.log_gap + log_gap
        # One by one: a loop over four or five numbers costs thrice what it does to them.
        a, b, c, d = self.powers
        self.powers = [FADING * a + p, FADING * b + q, FADING * c + r, FADING * d + s]
        a, b, c, d, e = self.visits
        self.visits = [a * f + 1.0, b * g + 1.0, c * h + 1.0, d * i + 1.0, e * j + 1.0]
        if self._gaps is not None:
            if self.days > GAPS_KEPT:
                self._gaps = None
            else:
                self._gaps.append(gap)
        return True

    def insert(self, day: int, known: Sequence[int], horizon_days: float) -> bool:
        """Take note of a visit on an earlier day than the last, as if it had come in its turn.

        Parameters
        ----------
        day
            Days since 1970.
        known
            The visit days that are known, in order; those of long ago need not be.
        horizon_days
            As of `visit`.

        Returns
        -------
        bool
            Whether it could be taken note of: the visits beside it must be known.

        Examples
        --------
        >>> rhythm = Rhythm()
        >>> for day in (0, 18):
        ...     _ = rhythm.visit(day, horizon_days=30.0)
        >>> rhythm.insert(12, [0, 18], horizon_days=30.0)
        True
        >>> rhythm.days, rhythm.last_gap, rhythm.sum_square
        (3, 6, 180)
        """
        days = [each for each in known if self.first_day <= each < self.last_day]
        later = [*(each for each in days if each > day), self.last_day]
        if len(days) + 1 == self.days or day < self.first_day:
            # All of them are known: so exact that it does not matter which came first.
            self._begin_anew()
            for each in sorted((day, *days, later[-1])):
                self.visit(each, horizon_days)
            return True
        before = self._visit_before(day, days, later)
        if before is None:
            return False
        self._gaps = None
        weight, silence = self.weight, self.last_day - day
        spans = [share * horizon_days for share in HALF_LIVES]
        visits = [
            count + exp(-LN2 * silence / span)
            for count, span in zip(self.visits, spans, strict=True)
        ]
        for end, start in pairwise((*reversed(later), before)):
            self._unvisit(end - start, horizon_days)
        for each in (day, *later):
            self.visit(each, horizon_days)
        self.visits = visits
        self.weight = FADING * weight + 1.0  # it goes by their number alone
        return True

    @property
    def gaps(self) -> Sequence[int] | None:
        """The gaps, the oldest first; None if the rhythm is not all that they say, or too long."""
        return self._gaps

    @classmethod
    def of_gaps(cls, last_day: int, gaps: list[int], horizon_days: float) -> Rhythm:
        """Return the rhythm of who has come on a day, and before it after such gaps.

        Parameters
        ----------
        last_day
            The last visit day.
        gaps
            Of at least a day, the oldest first; at most `GAPS_KEPT` less one.
        horizon_days
            As of `visit`.

        Examples
        --------
        >>> Rhythm.of_gaps(18, [9, 9], horizon_days=30.0).mean
        9.0
        """
        rhythm = _Untold()
        span = sum(gaps)
        rhythm.first_day = last_day - span
        rhythm.last_day = last_day
        rhythm.days = len(gaps) + 1
        rhythm.last_gap = gaps[-1] if gaps else 0
        rhythm.sum_gap = span
        rhythm._gaps = gaps
        rhythm._horizon_days = horizon_days
        return rhythm

    def forget_gaps(self) -> None:
        """Take the sums as they are: of these, the gaps one by one are not known."""
        self._gaps = None

    def _begin_anew(self) -> None:
        fresh = Rhythm()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def _visit_before(self, day: int, days: Sequence[int], later: Sequence[int]) -> int | None:
        """Return the last visit day before a day; None if it is not known any more."""
        earlier = [each for each in days if each < day]
        if earlier:
            return earlier[-1]
        if len(later) == 1:
            return self.last_day - self.last_gap
        return self.first_day if self.days - len(later) == 1 else None

    def _unvisit(self, gap: int, horizon_days: float) -> None:
        """Take the last visit back, of which the gap before it is known; all but the counters."""
        log_gap, powers, _ = _said_by(gap, horizon_days)
        self.days -= 1
        self.last_day -= gap
        self.sum_gap -= gap
        self.sum_square -= gap * gap
        self.log_gap = max(self.log_gap - log_gap, 0.0) / FADING
        self.powers = [
            max(sum_ - said, 0.0) / FADING for sum_, said in zip(self.powers, powers, strict=True)
        ]

    @property
    def mean(self) -> float:
        """Usual days between visits: the fading mean gap; 0 before the second visit."""
        return self.powers[1] / self.weight if self.weight else 0.0

    def faded_visits(self, day: float, horizon_days: float) -> list[float]:
        """Return the visit counters as they have faded by a (fractional) day."""
        silence = max(day - self.last_day, 0.0)
        return [
            count * exp(-LN2 * silence / (share * horizon_days))
            for count, share in zip(self.visits, HALF_LIVES, strict=True)
        ]


class _Untold(Rhythm):
    """A rhythm of which only the gaps are known yet; it becomes a plain one when more is asked."""

    __slots__ = ()

    def __init__(self) -> None:
        # What is not there is asked for below.
        pass

    def __getattr__(self, name: str) -> Any:
        """Return what follows from the gaps, when somebody asks for the first time."""
        if name not in _FOLLOWS:
            raise AttributeError(name)
        self._add_up()
        return getattr(self, name)

    def visit(self, day: int, horizon_days: float) -> bool:
        """Take note of a visit; most are of a day that is known, and change nothing."""
        if day <= self.last_day:
            return False
        self._add_up()
        return self.visit(day, horizon_days)

    def insert(self, day: int, known: Sequence[int], horizon_days: float) -> bool:
        """Take note of a visit on an earlier day than the last."""
        self._add_up()
        return self.insert(day, known, horizon_days)

    def forget_gaps(self) -> None:
        """Take the sums as they are."""
        self._add_up()
        self.forget_gaps()

    def _add_up(self) -> None:
        """Become a plain rhythm."""
        assert self._gaps is not None
        weight = log_gap = a = b = c = d = 0.0
        v = w = x = y = z = 1.0
        squares = 0
        said = _said(self._horizon_days)
        # As `visit` does it, which would ask for each number again.
        for gap in self._gaps:
            ln, (p, q, r, s), (f, g, h, i, j) = said[gap]
            squares += gap * gap
            weight = FADING * weight + 1.0
            log_gap = FADING * log_gap + ln
            a, b, c, d = FADING * a + p, FADING * b + q, FADING * c + r, FADING * d + s
            v, w, x, y, z = v * f + 1.0, w * g + 1.0, x * h + 1.0, y * i + 1.0, z * j + 1.0
        self.sum_square, self.weight, self.log_gap = squares, weight, log_gap
        self.powers, self.visits = [a, b, c, d], [v, w, x, y, z]
        self._horizon_days = 0.0
        # They differ in nothing that is stored, which mypy cannot know.
        self.__class__ = Rhythm  # type: ignore[assignment]

    @property
    def mean(self) -> float:
        """As of any rhythm: it is asked for far more often than all the rest."""
        gaps, total = self._gaps or (), 0.0
        for gap in gaps:
            total = FADING * total + gap
        return total / weight_of(self.days) if gaps else 0.0


# It has them all, for whoever goes through them by name; mypy takes the empty ones for a type.
_Untold.__slots__ = Rhythm.__slots__  # type: ignore[assignment]
