"""A look through all of ``dead-letters``: which letters there are, and what became of them."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from streams.letters.letter import Letter, Marker, letter_or_marker
from streams.reading import Message

State: TypeAlias = Literal["waiting", "redriven", "refused again"]
#: Most ids remembered, some 250 MB: repeats and markers are known by them.
MOST_IDS: Final = 2_000_000
#: Most bytes of letters that are kept to be shown.
MOST_BYTES: Final = 64 * 1024 * 1024
#: Most kinds of reason that are told apart.
_MOST_KINDS: Final = 200
#: A number that is no part of a name.
_NUMBER: Final = re.compile(r"(?<![A-Za-z\d])\d[\d:.TZ+-]*(?<![.:])")


class TooManyLetters(ValueError):
    """There are more letters than can be told apart in memory."""


class _Ids(set[str]):
    """Ids of letters, up to a bound."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def add(self, identity: str) -> None:
        super().add(identity)
        if len(self) > self._most:
            raise TooManyLetters(f"more than {self._most:,} dead letters")


@dataclass
class Survey:
    """What was found.

    Parameters
    ----------
    letters
        The newest of those that were asked for, oldest first.
    found
        Ids of all that were asked for, each letter once.
    redriven
        Ids of all that were sent again.
    came_back
        Ids of those whose message, sent again, was refused again.
    reasons, topics
        How many of those asked for have a reason of that kind, and lay in that topic.
    strange
        Messages that are neither letter nor marker.
    """

    letters: list[Letter]
    found: set[str]
    redriven: set[str]
    came_back: set[str]
    reasons: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    strange: int = 0

    def state(self, letter: Letter) -> State:
        """Return what became of a letter."""
        if letter.identity not in self.redriven:
            return "waiting"
        return "refused again" if letter.letter_id in self.came_back else "redriven"

    @property
    def waiting(self) -> int:
        """How many of those asked for were not sent again."""
        return len(self.found) - len(self.found & self.redriven)

    @property
    def left_out(self) -> int:
        """How many of those asked for are not among `letters`."""
        return len(self.found) - len(self.letters)


def survey(
    messages: Iterable[Message],
    wanted: Callable[[Letter], bool] = lambda _: True,
    *,
    keep: int = 0,
    most_bytes: int = MOST_BYTES,
    most_ids: int = MOST_IDS,
) -> Survey:
    """Read ``dead-letters`` once, and tell what is there.

    A letter is counted once, however often it was published: a crash can repeat one.

    Parameters
    ----------
    messages
        All that the topic holds.
    wanted
        Which letters are asked for.
    keep, most_bytes
        How many of the newest are returned, and how large they may be together; the newest
        one always is.
    most_ids
        How many letters are told apart.

    Raises
    ------
    TooManyLetters
        If there are more than ``most_ids``.
    """
    found = Survey([], _Ids(most_ids), _Ids(most_ids), _Ids(most_ids))
    kept: list[tuple[int, int, Letter]] = []
    size = 0
    for number, message in enumerate(messages):
        what = letter_or_marker(message)
        if what is None:
            found.strange += 1
            continue
        if isinstance(what, Marker):
            found.redriven.add(what.identity)
            continue
        if what.why.redriven:
            found.came_back.add(what.why.redriven)
        if what.identity in found.found or not wanted(what):
            continue
        found.found.add(what.identity)
        _count(found.reasons, kind(what.why.reason))
        _count(found.topics, what.why.topic)
        if keep:
            heapq.heappush(kept, (what.at, number, what))
            size += what.size
        while len(kept) > keep or (size > most_bytes and len(kept) > 1):
            size -= heapq.heappop(kept)[2].size
    found.letters = [letter for _, _, letter in sorted(kept)]
    return found


def kind(reason: str) -> str:
    """Return a reason without its numbers and dates, so that like goes with like.

    Examples
    --------
    >>> kind("40000 bytes are more than the 32768 of an event")
    'N bytes are more than the N of an event'
    >>> kind("2026-01-01T00:00:00Z is after its arrival by more than 1 days")
    'N is after its arrival by more than N days'
    >>> kind("Invalid RFC3339 encoded datetime (byte 7)")
    'Invalid RFC3339 encoded datetime (byte N)'
    """
    return _NUMBER.sub("N", reason)


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < _MOST_KINDS else "others"] += 1
