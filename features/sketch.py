"""What a vector is made of, in few bytes, for as long as it waits for its label.

A vector of half a hundred numbers follows, to the last bit, from thirty that are small and whole,
from the gaps between the visits, and from its moment. Of one customer's sketches each is written
as what differs from the one before; the gaps, which they share, are written elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import ne
from struct import Struct
from struct import error as StructError
from typing import Any, Final

import msgspec

from features.compact import MOST, Damaged, brief, flags, full, scaled, unscaled, whole
from features.rhythm import GAPS_KEPT, Rhythm
from features.straight import MEASURED, STRAIGHT, combine
from features.timeline import DAY, Millis

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
_FAR: Final = Struct("<d")
_SINGLES: Final = Struct(f"<{len(STRAIGHT)}f")
#: What is written: days since the last visit, number of visit days, what was measured, the rest.
_WIDTH: Final = 3 + len(MEASURED)
_NOTHING: Final[tuple[Any, ...]] = (*[0] * (_WIDTH - 1), b"")


def _places_of(*names: str) -> tuple[int, ...]:
    return tuple(2 + MEASURED.index(name) for name in names)


_SPANS: Final = _places_of("silence", "since_negative")
_AMOUNTS: Final = _places_of("spent_30", "spent_90", "spent", "last_amount")
_WHOLES: Final = _places_of("quantity", "ratings_sum", "last_rating")


class Sketch:
    """A vector by what it is made of.

    Parameters
    ----------
    gaps
        The customer's gaps then, the oldest first; what follows them does not count.
    made_of
        Days since the last visit, number of visit days, what was measured, and other features in
        single precision; None if it is only known ``packed`` after another.
    packed, before
        What was written, and the sketch from which it says what differs.
    """

    __slots__ = ("_before", "_made_of", "_packed", "_written", "gaps")

    def __init__(
        self,
        gaps: Sequence[int],
        made_of: tuple[int, int, tuple[Any, ...], bytes] | None,
        packed: bytes = b"",
        before: Sketch | None = None,
    ) -> None:
        self.gaps = gaps
        self._made_of = made_of
        self._written: tuple[Any, ...] | None = None
        self._packed = packed
        self._before = before

    @classmethod
    def of(
        cls, measured: tuple[Any, ...], rhythm: Rhythm, at: Millis, others: bytes = b""
    ) -> Sketch | None:
        """Return the sketch of a vector; None of a rhythm that does not follow from its gaps.

        Parameters
        ----------
        measured, rhythm, at
            What `combine` makes the vector of.
        others
            The features behind those, in single precision.
        """
        gaps = rhythm.gaps
        if gaps is None:
            return None
        return cls(gaps, (at // DAY - rhythm.last_day, rhythm.days, measured, others))

    def written(self) -> tuple[Any, ...]:
        """Return what is written.

        Raises
        ------
        Damaged
            If the bytes are of no sketch.
        """
        if self._written is None:
            self._written = self._write() if self._made_of else self._read()
        return self._written

    def _write(self) -> tuple[Any, ...]:
        assert self._made_of is not None
        silence, days, measured, others = self._made_of
        written: list[Any] = [silence, days, *measured, others]
        for place in _SPANS:
            if span := written[place]:
                written[place] = brief(span)
        for place in _AMOUNTS:
            amount = written[place]
            # What is beyond that is not told in hundredths. Most are nothing.
            if not amount:
                written[place] = 0
            elif -MOST < amount < MOST:
                written[place] = scaled(amount)
            else:
                written[place] = _FAR.pack(amount)
        for place in _WHOLES:
            number = written[place]
            written[place] = whole(number) if number else 0
        return tuple(written)

    def _read(self) -> tuple[Any, ...]:
        written = list(_NOTHING if self._before is None else self._before.written())
        try:
            bits, *rest = _decoder.decode(self._packed)
            for place, each in zip(_places(bits), rest, strict=True):
                written[place] = each
        except (ValueError, TypeError) as error:
            raise Damaged(f"a vector cannot be read: {error}") from error
        return tuple(written)

    def pack(self, before: Sketch | None) -> bytes:
        """Return the bytes of it after another."""
        if not self._packed or self._before is not before:
            written = self.written()
            others = _NOTHING if before is None else before.written()
            differs = list(map(ne, written, others))
            self._packed = _encoder.encode([flags(differs), *compress(written, differs)])
            self._before = before
            self._made_of = None
            if before is not None and before._packed:
                # It is read again if somebody asks, which few do.
                before._written = None
        return self._packed

    @property
    def days(self) -> int:
        """How many visit days there were."""
        days: int = self.written()[1]
        return days

    def vector(self, at: Millis, horizon_days: float) -> bytes:
        """Return the vector, in single precision, little-endian.

        Parameters
        ----------
        at
            Its moment.
        horizon_days
            H, in days.

        Raises
        ------
        Damaged
            If there is none.
        """
        silence, days, *measured, others = self.written()
        try:
            for place in _SPANS:
                measured[place - 2] = full(measured[place - 2])
            for place in _AMOUNTS:
                amount = measured[place - 2]
                measured[place - 2] = (
                    _FAR.unpack(amount)[0] if isinstance(amount, bytes) else unscaled(amount)
                )
            gaps = list(self.gaps[: days - 1]) if days else []
            if not 0 <= days <= GAPS_KEPT or len(gaps) != max(days - 1, 0):
                raise Damaged("a vector lacks gaps")
            rhythm = Rhythm.of_gaps(at // DAY - silence, gaps, horizon_days) if days else Rhythm()
            values = combine(measured, rhythm, at, horizon_days)
            vector: bytes = _SINGLES.pack(*values) + others
            return vector
        except (ValueError, TypeError, ArithmeticError, StructError) as error:
            raise Damaged(f"a vector cannot be read: {error}") from error


@lru_cache(maxsize=4096)
def _places(bits: int) -> tuple[int, ...]:
    if bits >> _WIDTH:
        raise ValueError("there is more than a vector is made of")
    return tuple(place for place in range(_WIDTH) if bits >> place & 1)
