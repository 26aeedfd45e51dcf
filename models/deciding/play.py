"""What a policy file said at a decision: the playbook, and what stood in the way of the others."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from features import Millis

#: Of so many playbooks it is kept what stood in their way; files with more are rare.
OBSTACLES_KEPT: Final = 8


class Obstacle(NamedTuple):
    """What stood in the way of one playbook: codes and numbers, put into words when read.

    Parameters
    ----------
    playbook
        Which.
    code, about, numbers, found, wanted
        As of a hindrance of `models.playbooks`.
    """

    playbook: str
    code: str
    about: str = ""
    numbers: tuple[float, ...] = ()
    found: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


class Play(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a policy file said.

    Parameters
    ----------
    policy
        The file's fingerprint.
    playbook, variant
        Which playbook was taken, and with which of its arms; empty where none was.
    kind, channel
        What is done, and over which channel.
    held
        ``shop`` or ``playbook`` where the customer is held out of all or of this one.
    not_before
        The first moment at which the customer may be disturbed; -1 where none was taken.
    obstacles
        What stood in the way of the others, in the order of the file.
    steering
        Empty where nothing steers; ``explored`` of a customer who goes by the file's order whatever
        was learnt; ``agreed`` where what was learnt has the same first as the file's order; else
        ``steered``.
    instead
        Of one who was steered, what the file's order has first; empty if it has nothing.
    uplift
        What was learnt of the playbook that was taken, in place of the file's uplift; None where
        the file's stood.

    Examples
    --------
    >>> str(Play("6e34", "bargains", "ten", "coupon", "email"))
    'playbook bargains, arm ten: coupon over email'
    """

    policy: str
    playbook: str = ""
    variant: str = ""
    kind: str = ""
    channel: str = ""
    held: str = ""
    not_before: Millis = -1
    obstacles: tuple[Obstacle, ...] = ()
    steering: str = ""
    instead: str = ""
    uplift: float | None = None

    def __str__(self) -> str:
        """Return it in words."""
        arm = f", arm {self.variant}" if self.variant not in ("", "only") else ""
        over = f" over {self.channel}" if self.channel else ""
        return f"playbook {self.playbook}{arm}: {self.kind}{over}"


__all__ = ["OBSTACLES_KEPT", "Obstacle", "Play"]
