"""How far into the log a stored state reaches: what its mark says of it, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from features import History, Millis
from models.deciding import Promised
from streams.batch import NO_WATERMARK

#: The newest version of a mark whose positions mean what they mean here.
_KNOWN: Final = 2
_ORIGIN: Final = "ebb_origin"


class CannotVerify(RuntimeError):
    """The state cannot be compared with the log; the message says why, and what to do."""


class Reach(msgspec.Struct, frozen=True):
    """Up to where a partition's state reflects the log.

    Parameters
    ----------
    offset
        Of the next record of ``clickstream`` to apply; -1 before the first.
    rekeyed
        The same for ``clickstream-rekeyed``.
    watermark
        Event time up to which timers have fired, or are about to, in milliseconds.
    shape
        Fingerprint of the settings that shaped the state.
    partitions
        How many the topic had.
    head, tail
        Messages that were ever to be published, and that are known to be.
    v
        Version of the mark.
    """

    offset: int = -1
    rekeyed: int = -1
    watermark: Millis = NO_WATERMARK
    shape: str = ""
    partitions: int = 0
    head: int = 0
    tail: int = 0
    v: int = 1


class _Origin(msgspec.Struct):
    timestamp: Millis
    history: History | None = None
    promised: Promised | None = None


_reach = msgspec.json.Decoder(Reach)
_origin = msgspec.json.Decoder(_Origin)


def read_reach(mark: bytes, partition: int) -> Reach:
    """Return what a mark says of the log.

    Raises
    ------
    CannotVerify
        If the bytes are not a mark, or one of a newer Ebbtide.

    Examples
    --------
    >>> read_reach(b'{"offset":7,"epoch":3,"watermark":5,"v":1}', 0).offset
    7
    """
    try:
        reach = _reach.decode(mark)
    except msgspec.DecodeError as error:
        raise CannotVerify(
            f"partition {partition}: the mark in Redis cannot be read ({error}), so what the state "
            "reflects is not known. Restore it, or build the state anew from the topic under "
            "another redis.namespace"
        ) from None
    if reach.v > _KNOWN:
        raise CannotVerify(
            f"partition {partition}: the mark in Redis is of version {reach.v}, written by a newer "
            f"Ebbtide than this one, which knows {_KNOWN}: run that one"
        )
    return reach


def moved_from(
    headers: Iterable[tuple[str, bytes]], timestamp: Millis
) -> tuple[Millis, History | None, Promised | None]:
    """Return when a moved event first arrived, which its header says; else its own timestamp.

    With it come the history of one that its customer did as a visitor, and what they were
    promised then; None with others.

    Examples
    --------
    >>> moved_from([("ebb_origin", b'{"topic":"t","partition":1,"offset":2,"timestamp":3}')], 9)
    (3, None, None)
    >>> moved_from([], 9)
    (9, None, None)
    """
    for name, value in headers:
        if name == _ORIGIN:
            try:
                origin = _origin.decode(value)
            except msgspec.DecodeError:
                break
            return origin.timestamp, origin.history, origin.promised
    return timestamp, None, None
