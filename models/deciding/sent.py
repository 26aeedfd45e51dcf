"""What was done for a customer, kept for caps and cooldowns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from features import Damaged, Millis


class Sent(NamedTuple):
    """What was done for a customer, or would have been if the customer were not held out.

    Parameters
    ----------
    at
        When.
    playbook, channel
        By which, and over which; empty where that is not known.
    transactional
        Whether it was owed, and so counts for no cap.
    """

    at: Millis
    playbook: str = ""
    channel: str = ""
    transactional: bool = False


def pack_sent(sent: Sequence[Sent], base: Millis) -> list[Any]:
    """Return what was done as plain data: what several share is said once, and times from a base.

    Examples
    --------
    >>> pack_sent([Sent(5, "gift", "email"), Sent(9, "gift", "email")], 10)
    [[['gift', 'email', False]], [0, 0], [5, 1]]
    """
    kinds: list[list[Any]] = []
    which = []
    for _, *kind in sent:
        if kind not in kinds:
            kinds.append(kind)
        which.append(kinds.index(kind))
    return [kinds, which, [base - each.at for each in sent]]


def unpack_sent(packed: Any, base: Millis) -> tuple[Sent, ...]:
    """Return what `pack_sent` packed.

    Raises
    ------
    Damaged
        If it was not packed so.
    """
    kinds, which, times = packed
    if len(which) != len(times) or not all(0 <= place < len(kinds) for place in which):
        raise Damaged("they are no ledger: of something that was sent a part is missing")
    found = []
    for place, time in zip(which, times, strict=True):
        playbook, channel, transactional = kinds[place]
        found.append(Sent(base - time, str(playbook), str(channel), bool(transactional)))
    return tuple(found)


__all__ = ["Sent", "pack_sent", "unpack_sent"]
