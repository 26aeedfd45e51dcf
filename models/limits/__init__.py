"""What may still be spent: pots of money and of alerts, and what is set aside in them.

`RedisLimits` is imported when it is first asked for: what is pure needs no Redis client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.limits.memory import MemoryLimits
from models.limits.port import (
    KNOWN_FOR,
    MOST_AT_ONCE,
    MOST_CHOICES,
    MOST_TOLD,
    Answer,
    Choice,
    Filling,
    Lack,
    Limits,
    LimitsAway,
    Pot,
    Request,
    Settlement,
    Take,
)

if TYPE_CHECKING:
    from models.limits.redis import RedisLimits

__all__ = [
    "KNOWN_FOR",
    "MOST_AT_ONCE",
    "MOST_CHOICES",
    "MOST_TOLD",
    "Answer",
    "Choice",
    "Filling",
    "Lack",
    "Limits",
    "LimitsAway",
    "MemoryLimits",
    "Pot",
    "RedisLimits",
    "Request",
    "Settlement",
    "Take",
]


def __getattr__(name: str) -> Any:
    if name != "RedisLimits":
        raise AttributeError(name)
    from models.limits.redis import RedisLimits

    return RedisLimits
