"""A rhythm as it is stored: the gaps, from which all of it follows, or its sums.

Whoever comes back now and then has few gaps, each a byte; the sums that fade are ten numbers of
full precision.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from features.compact import Damaged, pack_steps, unpack_steps
from features.rhythm import GAPS_KEPT, HALF_LIVES, POWERS, Rhythm, weight_of

_FADED: Final = Struct(f"<{1 + len(POWERS) + len(HALF_LIVES)}d")
_WEIGHT: Final = Struct("<d")


def pack_rhythm(rhythm: Rhythm) -> bytes | tuple[Any, ...] | None:
    """Return the gaps; None for who never came; the sums where the gaps are not known."""
    if not rhythm.days:
        return None
    gaps = rhythm.gaps
    if gaps is not None:
        return pack_steps(gaps)
    days, weight = rhythm.days, rhythm.weight
    faded = _FADED.pack(rhythm.log_gap, *rhythm.powers, *rhythm.visits)
    if weight != weight_of(days):
        faded += _WEIGHT.pack(weight)
    return days, rhythm.last_gap, rhythm.sum_gap, rhythm.sum_square, faded


def unpack_rhythm(packed: Any, last_day: int, span: int, horizon_days: float) -> Rhythm:
    """Return the rhythm of which `pack_rhythm` told.

    Parameters
    ----------
    packed
        What it told.
    last_day, span
        The last visit day, and the days from the first to it.
    horizon_days
        H, which sets the half-lives of the counters.

    Raises
    ------
    ValueError, TypeError
        If it told none of these.
    """
    if isinstance(packed, bytes):
        gaps = unpack_steps(packed)
        if len(gaps) >= GAPS_KEPT or sum(gaps) != span or 0 in gaps:
            raise Damaged("they are no state: the gaps are not those of the days")
        return Rhythm.of_gaps(last_day, gaps, horizon_days)
    rhythm = Rhythm()
    rhythm.first_day, rhythm.last_day = last_day - span, last_day
    if packed is not None:
        rhythm.days, rhythm.last_gap, rhythm.sum_gap, rhythm.sum_square, faded = packed
        restore_sums(rhythm, faded)
    return rhythm


def restore_sums(rhythm: Rhythm, faded: bytes) -> None:
    """Give a rhythm of which the days are known its sums.

    Raises
    ------
    struct.error
        If there are too few.
    """
    rhythm.forget_gaps()
    rhythm.log_gap, *values = _FADED.unpack_from(faded)
    rhythm.powers, rhythm.visits = values[: len(POWERS)], values[len(POWERS) :]
    if len(faded) > _FADED.size:
        (rhythm.weight,) = _WEIGHT.unpack_from(faded, _FADED.size)
    else:
        rhythm.weight = weight_of(rhythm.days)
