"""What was told of a customer, and when: traits, and whether they want to be written to.

Whoever told it last is believed, in the order of the times at which it was told, not in that in
which it arrives: so neither what comes late nor what comes twice changes what is known. A *word*
is what a customer said of a channel, yes or no, or of all of them; of two words of one moment the
no holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from features.events import Event
from features.timeline import Millis

#: The types of events by which a customer says yes or no to being written to.
WORDS: Final[Mapping[str, bool]] = {"subscribed": True, "unsubscribed": False}
#: The property of such an event that names the channel; without it, it is about all of them.
CHANNEL: Final = "channel"
#: Instead of a channel: all of them.
ALL_CHANNELS: Final = ""
#: The trait that tells the time zone of a customer's device, where the shop tells none itself.
DEVICE_ZONE: Final = "context.timezone"
#: How the trait begins that tells whether a category of the shop's consent banner is granted.
CATEGORY: Final = "consent."

TRAITS_KEPT: Final = 16
CHANNELS_KEPT: Final = 16
_TRAIT_LENGTH: Final = 64
_UNKNOWN: Final[Millis] = -1
_Stored: TypeAlias = tuple[int | list[int | None] | None, list[tuple[str, int, bool]]]


class Word(NamedTuple):
    """What a customer said, and when."""

    at: Millis
    granted: bool


class Told(dict[str, str]):
    """The traits of a customer by name, each with its time, and the customer's words by channel.

    Attributes
    ----------
    times
        When each trait was told; a trait that was stored before times were kept has none.
    words
        The last word about each channel, in small letters; about all of them under the empty name.

    Examples
    --------
    >>> told = Told()
    >>> told.trait("newsletter", True, 5), told.trait("newsletter", False, 4), told
    (True, False, {'newsletter': 'True'})
    >>> told.word("Email", granted=False, at=7), told.word("email", granted=True, at=6)
    (True, False)
    >>> told.last_word("email"), told.last_word("phone")
    (Word(at=7, granted=False), None)
    """

    __slots__ = ("times", "words")

    def __init__(self, traits: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(traits)
        self.times: dict[str, Millis] = {}
        self.words: dict[str, Word] = {}

    def trait(self, name: str, value: object, at: Millis) -> bool:
        """Take a trait as told at a time; return whether that is news."""
        known = name in self
        if not known and len(self) >= TRAITS_KEPT and name != DEVICE_ZONE:
            return False
        if known and at < self.times.get(name, _UNKNOWN):
            return False
        self[name] = str(value)[:_TRAIT_LENGTH]
        self.times[name] = at
        return True

    def word(self, channel: str, *, granted: bool, at: Millis) -> bool:
        """Take a customer's word about a channel; return whether that is news."""
        name, word = channel_name(channel), Word(at, granted)
        if name not in self.words and len(self.words) >= CHANNELS_KEPT and name != ALL_CHANNELS:
            if granted:
                return False
            # Better no message at all than one that was not wanted.
            name = ALL_CHANNELS
        last = later(self.words.get(name), word)
        if last == self.words.get(name):
            return False
        self.words[name] = last
        return True

    def last_word(self, channel: str) -> Word | None:
        """Return the customer's last word that concerns a channel; None if there is none."""
        if not self.words:
            return None
        own, of_all = self.words.get(channel_name(channel)), self.words.get(ALL_CHANNELS)
        return own if of_all is None else later(own, of_all)

    def told_at(self, name: str) -> Millis:
        """Return when a trait was told; -1 if that is not known."""
        return self.times.get(name, _UNKNOWN)

    def copy(self) -> Told:
        """Return what was told by now: what is told later does not change it."""
        made = Told(self)
        made.times, made.words = dict(self.times), dict(self.words)
        return made

    def stored(self, since: Millis) -> list[Any]:
        """Return times and words as plain data, times by what they lie before ``since``."""
        # Most are told together, and then one number is enough.
        times = [self._before(name, since) for name in sorted(self)]
        alike = len(set(times)) == 1
        words = [[name, since - at, granted] for name, (at, granted) in sorted(self.words.items())]
        return [times[0] if alike else times, words]

    def _before(self, name: str, since: Millis) -> Millis | None:
        at = self.times.get(name)
        return None if at is None else since - at

    @classmethod
    def restored(cls, traits: Mapping[str, str], data: Sequence[Any], since: Millis) -> Told:
        """Return what `stored` told, with the traits themselves.

        Raises
        ------
        ValueError
            If it told none of these.
        """
        made = cls(traits)
        times, words = msgspec.convert(data, _Stored)
        each = times if isinstance(times, list) else [times] * len(made)
        for name, before in zip(sorted(made), each, strict=True):
            if before is not None:
                made.times[name] = since - before
        made.words = {name: Word(since - before, granted) for name, before, granted in words}
        return made


def later(known: Word | None, word: Word) -> Word:
    """Return the later of two words; of one moment, the no.

    Examples
    --------
    >>> later(Word(5, True), Word(5, False)), later(Word(5, False), Word(6, True))
    (Word(at=5, granted=False), Word(at=6, granted=True))
    """
    if known is None or (word.at, not word.granted) > (known.at, not known.granted):
        return word
    return known


def channel_name(channel: str) -> str:
    """Return a channel as it is compared: in small letters, and of a bounded length."""
    return channel.strip().lower()[:_TRAIT_LENGTH]


def told_something(event: Event) -> bool:
    """Whether an event tells something of its customer, beside that it happened."""
    return bool(event.traits) or event.type in WORDS


def channel_of(event: Event) -> str:
    """Return the channel that a customer's word is about; `ALL_CHANNELS` if it names none.

    Examples
    --------
    >>> channel_of(Event(event_id="e", user_id="ada", type="unsubscribed", time=0,
    ...                  properties={"channel": "email"}))
    'email'
    """
    channel = event.properties.get(CHANNEL)
    return channel_name(channel) if isinstance(channel, str) else ALL_CHANNELS


__all__ = [
    "ALL_CHANNELS",
    "CATEGORY",
    "CHANNEL",
    "CHANNELS_KEPT",
    "DEVICE_ZONE",
    "TRAITS_KEPT",
    "WORDS",
    "Told",
    "Word",
    "channel_name",
    "channel_of",
    "later",
    "told_something",
]
