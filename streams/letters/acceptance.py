"""Whether a message that was refused would be accepted now, and where it would be sent."""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from features import DAY, Catalogue, InvalidEvent, Millis, build_catalogue, decode_event, to_iso
from streams.composition import definition_of
from streams.deadletters import DOOR
from streams.letters.letter import Letter
from streams.settings import Settings


class Refusal(NamedTuple):
    """What is wrong with a message now; ``final`` if nothing can send it as it is."""

    reason: str
    field: str = ""
    final: bool = False


class _Whose(msgspec.Struct):
    """The part of an event that says where it belongs."""

    user_id: str


_whose: Final = msgspec.json.Decoder(_Whose)


class Acceptance:
    """The rules of the present version, under the present settings.

    What depends on the customer's state is not judged: an event that comes too late, or again,
    is counted by the worker and does no harm.

    Parameters
    ----------
    settings
        Those of the workers: the allowed skew counts, and the topics' names.
    now
        When the message would arrive, in milliseconds.
    """

    def __init__(self, settings: Settings, now: Millis) -> None:
        self._settings = settings
        self._now = now
        self._clickstream = settings.topic("clickstream")
        self._training = settings.topic("training")
        self._ways = {
            self._clickstream: self._clickstream,
            settings.topic("rekeyed"): self._clickstream,
            self._training: self._training,
        }

    def destination(self, topic: str) -> str | None:
        """Return the topic to which what lay in ``topic`` is sent; None if nobody reads it."""
        return self._ways.get(topic)

    def key(self, letter: Letter) -> bytes | None:
        """Return the key to send with: the customer if an event names one, else as it was."""
        if self.destination(letter.why.topic) != self._clickstream:
            return letter.key
        try:
            return _whose.decode(letter.value or b"").user_id.encode() or letter.key
        except (msgspec.DecodeError, ValueError, RecursionError):
            return letter.key

    def refusal(self, letter: Letter) -> Refusal | None:
        """Return why a message would be refused now; None if it would be accepted."""
        to = self.destination(letter.why.topic)
        if letter.why.topic.startswith(DOOR):
            source = letter.why.topic.removeprefix(DOOR)
            return Refusal(
                f"came over HTTP from {source}, whose protocol it is in: that has to send it again",
                final=True,
            )
        if to is None:
            return Refusal(
                f"lay in {letter.why.topic}, which no worker or learner of these settings reads",
                final=True,
            )
        if letter.why.cut:
            return Refusal(
                f"of {letter.why.cut:,} bytes was too large to be kept; it lies where it lay",
                final=True,
            )
        if letter.value is None and letter.key is None:
            return Refusal("has neither key nor value", final=True)
        if to == self._training:
            return self._as_example(letter.value or b"")
        return self._as_event(letter.value)

    @cached_property
    def _catalogue(self) -> Catalogue:
        return build_catalogue(definition_of(self._settings))

    def _as_event(self, value: bytes | None) -> Refusal | None:
        skew = self._settings.time.skew
        try:
            at = decode_event(value).at
        except InvalidEvent as error:
            return Refusal(error.reason, error.field)
        if at > self._now + skew:
            return Refusal(
                f"{to_iso(at)} is in the future by more than {skew / DAY:g} days", "time"
            )
        return None

    def _as_example(self, value: bytes) -> Refusal | None:
        # Imported only now: events need no machine learning.
        from models.learning import TrainingExample

        try:
            example = msgspec.json.decode(value, type=TrainingExample)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return Refusal(str(error))
        catalogue = self._catalogue
        if example.catalogue != catalogue.fingerprint:
            return Refusal(
                f"its features are {example.catalogue}, this learner's {catalogue.fingerprint}"
            )
        if len(example.vector) != len(catalogue.names):
            return Refusal("its vector has another length than its features", "vector")
        return None
