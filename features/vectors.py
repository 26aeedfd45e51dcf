"""Vectors that wait for their label, in few bytes.

Of one customer's vectors each is written as what it differs by from the one before. Two bits a
value say how it is written: not at all, as a whole number in a byte, or in its four bytes. Every
value comes back the same to the last bit.
"""

from __future__ import annotations

from array import array
from functools import cache
from struct import Struct
from typing import Final

from features.compact import Damaged

_WHOLE, _FULL = 1, 3
_DIGITS: Final = b"0123" + bytes(252)
#: The four classes that a byte holds.
_FOURS: Final = tuple(
    bytes((byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3)) for byte in range(256)
)
#: The first byte says how many values there are; or that the rest is no vector, or too long.
_MOST: Final = 254
_AS_IT_IS: Final = b"\xff"


#: The bits of each whole number that a byte can count, and which number it is.
_WHOLES: Final = array("I", array("f", range(256)).tobytes())
_WHICH: Final = {bits: number for number, bits in enumerate(_WHOLES)}


@cache
def _bits(count: int) -> Struct:
    return Struct(f"<{count}I")


def pack_vector(vector: bytes, before: bytes) -> bytes:
    """Return a vector as what it differs by from another.

    Parameters
    ----------
    vector
        Numbers in single precision, little-endian. Other bytes are taken as they are.
    before
        Another vector; empty for zeros. It counts if it is as long.

    Examples
    --------
    >>> vector = array("f", [0.0, 3.0, 22.5, 0.1 + 0.2]).tobytes()
    >>> len(vector), len(pack_vector(vector, b"")), len(pack_vector(vector, vector))
    (16, 11, 2)
    >>> unpack_vector(pack_vector(vector, b""), b"") == vector
    True
    """
    count, odd = divmod(len(vector), 4)
    if odd or count > _MOST:
        return _AS_IT_IS + vector
    bits = _bits(count)
    values = bits.unpack(vector)
    others = bits.unpack(before) if len(before) == len(vector) else (0,) * count
    classes = bytearray(count + 3 & ~3)
    wholes, rest = [], []
    which = _WHICH.get
    for place, value, other in zip(range(count), values, others, strict=True):
        if value != other:
            number = which(value)
            if number is None:
                classes[place] = _FULL
                rest.append(value)
            else:
                classes[place] = _WHOLE
                wholes.append(number)
    packed = int(classes.translate(_DIGITS) or b"0", 4).to_bytes(len(classes) // 4, "big")
    return b"%c%b%b%b" % (count, packed, bytes(wholes), _bits(len(rest)).pack(*rest))


def unpack_vector(packed: bytes, before: bytes) -> bytes:
    """Return the vector that `pack_vector` packed, given the same other one.

    Raises
    ------
    Damaged
        If the bytes are too few or too many.
    """
    if packed[:1] == _AS_IT_IS:
        return packed[1:]
    count = packed[0] if packed else 0
    place = 1 + (count + 3) // 4
    classes = b"".join([_FOURS[byte] for byte in packed[1:place]])
    wholes = place + classes.count(_WHOLE)
    tail = _bits(classes.count(_FULL))
    if wholes + tail.size != len(packed) or any(classes[count:]):
        raise Damaged("a vector is too short or too long")
    bits = _bits(count)
    values = list(bits.unpack(before)) if len(before) == bits.size else [0] * count
    whole, full = iter(packed[place:wholes]), iter(tail.unpack_from(packed, wholes))
    for number, kind in enumerate(classes):
        if kind == _FULL:
            values[number] = next(full)
        elif kind == _WHOLE:
            values[number] = _WHOLES[next(whole)]
        elif kind:
            raise Damaged("a vector has a value of no class that is known")
    return bits.pack(*values)
