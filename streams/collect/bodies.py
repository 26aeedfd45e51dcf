"""The body of a request: read within bounds of size and time, and unpacked within the same.

Nobody is judged by Content-Type: real SDKs send JSON as ``text/plain`` and even as a form.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from streams.collect.answers import Refused

#: How gzip begins; no JSON does.
_GZIP: Final = b"\x1f\x8b"
#: Most pieces of a gzip body: one is usual.
_PIECES: Final = 64
_UNPACKED: Final = frozenset({"", "identity", "gzip", "x-gzip"})


async def read_body(
    pieces: AsyncIterator[bytes], most: int, seconds: float, grow: Callable[[int], None]
) -> bytes:
    """Read a body as it arrives.

    Parameters
    ----------
    pieces
        The body, piece by piece.
    most
        Most bytes.
    seconds
        How long it may take.
    grow
        Told of the bytes of each piece before it is kept; may raise.

    Raises
    ------
    Refused
        ``too_large`` or ``too_slow``.
    """
    kept: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in pieces:
                size += len(piece)
                if size > most:
                    raise Refused("too_large", f"The body is larger than {most} bytes.")
                grow(len(piece))
                kept.append(piece)
    except TimeoutError:
        raise Refused("too_slow") from None
    return kept[0] if len(kept) == 1 else b"".join(kept)


def unpacked(body: bytes, encoding: str, most: int, grow: Callable[[int], None]) -> bytes:
    """Return what the sender wrote, decompressed if it is gzip.

    What the body begins with counts, not the header: proxies unpack and leave the header, and
    some senders pack and forget it.

    Parameters
    ----------
    body
        As it arrived.
    encoding
        Content-Encoding, as it was sent.
    most
        Most bytes of the result: a body that would become larger is given up at that point.
    grow
        Told of the bytes of the result before it is kept; may raise.

    Raises
    ------
    Refused
        ``too_large``, ``invalid_gzip`` or ``unknown_encoding``.

    Examples
    --------
    >>> import gzip
    >>> unpacked(gzip.compress(b"{}"), "gzip", 10, lambda size: None)
    b'{}'
    >>> unpacked(gzip.compress(bytes(1_000_000)), "", 10, lambda size: None)
    Traceback (most recent call last):
    ...
    streams.collect.answers.Refused: too_large
    """
    if not body.startswith(_GZIP):
        if encoding.strip().lower() not in _UNPACKED:
            raise Refused("unknown_encoding")
        return body
    kept: list[bytes] = []
    size = 0
    rest = body
    for _ in range(_PIECES):
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            piece = unpacker.decompress(rest, most - size + 1)
        except zlib.error:
            raise Refused("invalid_gzip") from None
        size += len(piece)
        if size > most:
            raise Refused("too_large", f"The body is larger than {most} bytes decompressed.")
        if not unpacker.eof:
            raise Refused("invalid_gzip", "The gzip of the body ends too early.")
        grow(len(piece))
        kept.append(piece)
        rest = unpacker.unused_data
        if not rest:
            return kept[0] if len(kept) == 1 else b"".join(kept)
    raise Refused("invalid_gzip", f"The gzip of the body has more than {_PIECES} pieces.")
