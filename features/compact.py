"""Numbers in few bytes: steps between them, amounts in hundredths, counts that are mostly nothing.

Whatever is packed here comes back the same to the last bit, or it is not packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import copysign
from typing import Final

from features.timeline import MINUTE, Millis

#: Seven bits a byte; numbers of more bytes than that are not ours.
_LONGEST: Final = 10
#: Far beyond what is counted here, and well within what a float can count.
MOST: Final = 1e15
_HALF_HOUR: Final = 30 * MINUTE
_ONES: Final = bytes([0x30] + [0x31] * 255)


class Damaged(ValueError):
    """The bytes are not what any Ebbtide writes."""


def pack_steps(numbers: Iterable[int]) -> bytes:
    """Return whole numbers of at least 0 in as few bytes as each needs.

    Examples
    --------
    >>> list(pack_steps([0, 127, 300]))
    [0, 127, 172, 2]
    >>> unpack_steps(pack_steps([0, 127, 300]))
    [0, 127, 300]
    """
    numbers = list(numbers)
    if max(numbers, default=0) < 128:
        return bytes(numbers)
    packed = bytearray()
    for number in numbers:
        while number > 127:
            packed.append(number & 127 | 128)
            number >>= 7
        packed.append(number)
    return bytes(packed)


def unpack_steps(data: bytes) -> list[int]:
    """Return what `pack_steps` packed.

    Raises
    ------
    Damaged
        If the last number has no end, or one is too long.
    """
    if data.isascii():
        return list(data)
    numbers: list[int] = []
    number = shift = 0
    for byte in data:
        if byte < 128:
            numbers.append(number | byte << shift)
            number = shift = 0
        else:
            number |= (byte & 127) << shift
            shift += 7
            if shift >= 7 * _LONGEST:
                raise Damaged("a number is too long")
    if shift:
        raise Damaged("a number has no end")
    return numbers


def scaled(value: float, parts: int = 100) -> float:
    """Return how many hundredths an amount is, if it is a whole number of them, else the amount.

    A whole number comes back as an int and anything else as a float, so `unscaled` can tell.

    Examples
    --------
    >>> scaled(12.5), scaled(0.1 + 0.2), unscaled(scaled(12.5)), unscaled(scaled(0.1 + 0.2))
    (1250, 0.30000000000000004, 12.5, 0.30000000000000004)
    """
    if not value:
        return 0 if copysign(1.0, value) > 0 else value
    if -MOST < value < MOST and (count := round(value * parts)) / parts == value:
        return count
    return float(value)


def unscaled(stored: float, parts: int = 100) -> float:
    """Return the amount that `scaled` was given."""
    return stored / parts if isinstance(stored, int) else stored


def whole(value: float) -> float:
    """Return a float that is a whole number as an int, which takes fewer bytes."""
    if not value:
        return 0 if copysign(1.0, value) > 0 else value
    if -MOST < value < MOST and value == (count := int(value)):
        return count
    return value


def brief(span: Millis) -> int:
    """Return a span of time as a number that is small if it is a whole number of half-hours.

    Most waits are: until a visit counts as over, until somebody is looked at again.

    Examples
    --------
    >>> brief(0), brief(3 * 24 * 3_600_000), brief(1), full(brief(1))
    (0, 288, 3, 1)
    """
    count, rest = divmod(span, _HALF_HOUR)
    return span << 1 | 1 if rest else count << 1


def full(number: int) -> Millis:
    """Return the span that `brief` was given."""
    return number >> 1 if number & 1 else (number >> 1) * _HALF_HOUR


def flags(things: Sequence[object]) -> int:
    """Return which of some things are there, as bits, that of the first the lowest.

    Examples
    --------
    >>> flags([0, 7, "", [1]])
    10
    """
    return _as_bits(bytes(map(bool, things)))


@lru_cache(maxsize=4096)
def _as_bits(are_there: bytes) -> int:
    return int(are_there[::-1].translate(_ONES), 2)


def which(counts: list[int]) -> int:
    """Return in which places there is something, as bits, the first place the highest."""
    if max(counts) < 256:
        return int(bytes(counts).translate(_ONES), 2)
    return int("".join("1" if count else "0" for count in counts), 2)
