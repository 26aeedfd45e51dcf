"""Vectors that wait for their label, in few bytes: what is as before, small, or in hundredths.

Of one customer's vectors each is written as what it differs by from the one before. Two bits a
value say how it is written: not at all, as a whole number in a byte, as hundredths in two, or in
its four bytes. Every value comes back the same to the last bit.
"""

from __future__ import annotations

from array import array
from functools import cache
from struct import Struct
from typing import Final

from features.compact import Damaged

_SAME, _WHOLE, _HUNDREDTHS, _FULL = range(4)
_DIGITS: Final = b"0123" + bytes(252)
#: The four classes that a byte holds.
_FOURS: Final = tuple(
    bytes((byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3)) for byte in range(256)
)
_BYTES: Final = (0, 1, 2, 4)


@cache
def _hundredths() -> array[int]:
    """Return the bits of each number of hundredths that two bytes can count."""
    numbers = array("f", [number / 100 for number in range(1 << 16)])
    return array("I", numbers.tobytes())


#: The bits of each whole number that a byte can count, and which number it is.
_WHOLES: Final = array("I", array("f", range(256)).tobytes())
_WHICH: Final = {bits: number for number, bits in enumerate(_WHOLES)}


@cache
def _of(values: int) -> tuple[Struct, Struct]:
    return Struct(f"<{values}I"), Struct(f"<{values}f")


def pack_vector(vector: bytes, before: bytes) -> bytes:
    """Return a vector as what it differs by from another.

    Parameters
    ----------
    vector
        Numbers in single precision, little-endian.
    before
        As many others; empty for zeros.

    Examples
    --------
    >>> from array import array
    >>> vector = array("f", [0.0, 3.0, 22.5, 0.1 + 0.2]).tobytes()
    >>> len(vector), len(pack_vector(vector, b"")), len(pack_vector(vector, vector))
    (16, 8, 1)
    >>> unpack_vector(pack_vector(vector, b""), b"", 4) == vector
    True
    """
    count = len(vector) // 4
    bits, floats = _of(count)
    hundredths = _hundredths()
    values = bits.unpack(vector)
    others = bits.unpack(before) if before else (0,) * count
    numbers = floats.unpack(vector)
    classes = bytearray(-(-count // 4) * 4)
    data = bytearray()
    for place, value in enumerate(values):
        if value == others[place]:
            continue
        number = _WHICH.get(value)
        if number is not None:
            classes[place] = _WHOLE
            data.append(number)
            continue
        amount = numbers[place]
        if 0.0 < amount < 655.0 and hundredths[number := int(amount * 100 + 0.5)] == value:
            classes[place] = _HUNDREDTHS
            data += number.to_bytes(2, "little")
        else:
            classes[place] = _FULL
            data += value.to_bytes(4, "little")
    digits = classes.translate(_DIGITS)
    return int(digits or b"0", 4).to_bytes(len(classes) // 4, "big") + data


def unpack_vector(packed: bytes, before: bytes, count: int) -> bytes:
    """Return the vector that `pack_vector` packed.

    Parameters
    ----------
    packed
        What it returned.
    before
        What it was given.
    count
        How many values there are.

    Raises
    ------
    Damaged
        If the bytes are too few or too many.
    """
    bits, _ = _of(count)
    place = -(-count // 4)
    classes = b"".join([_FOURS[byte] for byte in packed[:place]])
    if place + sum([_BYTES[each] for each in classes]) != len(packed) or any(classes[count:]):
        raise Damaged("a vector is too short or too long")
    if before and len(before) != bits.size:
        raise Damaged("a vector is of another length than the one before")
    values = list(bits.unpack(before)) if before else [0] * count
    hundredths = _hundredths()
    for number, kind in enumerate(classes):
        if kind == _SAME:
            continue
        if kind == _WHOLE:
            values[number] = _WHOLES[packed[place]]
            place += 1
        elif kind == _HUNDREDTHS:
            values[number] = hundredths[packed[place] | packed[place + 1] << 8]
            place += 2
        else:
            values[number] = int.from_bytes(packed[place : place + 4], "little")
            place += 4
    return bits.pack(*values)
