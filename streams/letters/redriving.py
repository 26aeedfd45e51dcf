"""Letters sent again: each once, in the order of its log, and marked when the broker has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError

from streams.brokers import Acknowledgement, Producer, TopicMissing, open_admin, open_producer
from streams.deadletters import REDRIVEN
from streams.letters.acceptance import Acceptance, Refusal
from streams.letters.letter import Letter, Marker, letter_or_marker
from streams.letters.surveying import Survey, kind
from streams.reading import Message
from streams.settings import Settings

#: Most letters, and most bytes of them, in memory and on their way at once.
MOST_AT_ONCE: Final = 2_000
MOST_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
#: How long, in seconds, a broker may be silent before a redrive gives up.
PATIENCE: Final = 10.0
#: What fits into dead-letters may be sent.
_MOST_REQUEST_BYTES: Final = 2 * 1024 * 1024
#: That many of the letters left behind are told with their reason.
_TOLD: Final = 20


@dataclass
class Redriven:
    """What a redrive did, or with ``dry_run`` would do.

    Parameters
    ----------
    sent
        Letters sent again, acknowledged and marked.
    already
        Letters that had been sent again before, and were left alone.
    refused
        Letters left alone since they would be refused again, by kind of reason.
    told
        The first of these, with their reasons.
    """

    sent: int = 0
    already: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, Refusal]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many were left alone since they would be refused again."""
        return self.refused.total()

    def leave(self, letter: Letter, refusal: Refusal) -> None:
        """Note a letter that stays."""
        self.refused[kind(refusal.reason)] += 1
        if len(self.told) < _TOLD:
            self.told.append((letter.letter_id, refusal))


class _Planned(NamedTuple):
    letter: Letter
    topic: str


class Redrive:
    """Sends letters again.

    Parameters
    ----------
    acceptance
        The rules of now.
    producer
        As `open_redrive_producer` makes it; None to send nothing and say what would be sent.
    dead_letters
        Full name of the topic for the markers.
    force
        Whether to send also what would be refused again.
    at_once, bytes_at_once
        Most letters, and most bytes of them, in memory and on their way.
    """

    def __init__(
        self,
        acceptance: Acceptance,
        producer: Producer | None,
        dead_letters: str,
        *,
        force: bool = False,
        at_once: int = MOST_AT_ONCE,
        bytes_at_once: int = MOST_BYTES_AT_ONCE,
    ) -> None:
        self._acceptance = acceptance
        self._producer = producer
        self._dead_letters = dead_letters
        self._force = force
        self._at_once = at_once
        self._bytes_at_once = bytes_at_once
        self.report = Redriven()

    def run(
        self,
        messages: Iterable[Message],
        known: Survey,
        wanted: Callable[[Letter], bool],
        on_sent: Callable[[int], None] = lambda _: None,
    ) -> Redriven:
        """Send again, of all letters that are wanted, those that wait.

        The messages of one customer keep their order: letters come out of ``dead-letters`` in
        the order of their log, and what is in memory at once is put in that order again.

        Parameters
        ----------
        messages
            All that ``dead-letters`` holds.
        known
            What a `survey` of the whole topic found: who reads only forwards does not know
            whether a marker is still to come.
        wanted
            Which letters.
        on_sent
            Called with the number of letters sent so far.

        Raises
        ------
        KafkaError
            The first error of a delivery. What was acknowledged before is marked; what was
            sent and not marked may be sent again by the next redrive, which is harmless since
            events are applied once by their ``event_id``.
        """
        window: list[_Planned] = []
        size = 0
        done: set[str] = set()
        for message in messages:
            what = letter_or_marker(message)
            if isinstance(what, Marker):
                known.redriven.add(what.identity)
            if not isinstance(what, Letter) or what.identity in done or not wanted(what):
                continue
            done.add(what.identity)
            if what.identity in known.redriven:
                self.report.already += 1
                continue
            refusal = self._acceptance.refusal(what)
            to = self._acceptance.destination(what.why.topic)
            if refusal is not None and (refusal.final or not self._force or to is None):
                self.report.leave(what, refusal)
            elif to is not None:
                window.append(_Planned(what, to))
                size += what.size
            if len(window) >= self._at_once or size >= self._bytes_at_once:
                self._send(window)
                on_sent(self.report.sent)
                window, size = [], 0
        self._send(window)
        return self.report

    def _send(self, window: Sequence[_Planned]) -> None:
        if self._producer is None:
            self.report.sent += len(window)
            return
        sent: list[tuple[Letter, Marker]] = []
        try:
            self._send_and_wait(self._producer, window, sent)
        finally:
            # Also after an error, and after Ctrl-C: the broker has these.
            self._mark(self._producer, sent)

    def _send_and_wait(
        self, producer: Producer, window: Sequence[_Planned], sent: list[tuple[Letter, Marker]]
    ) -> None:
        waiting: list[tuple[_Planned, Acknowledgement]] = []
        for planned in sorted(window, key=lambda each: each.letter.order):
            letter = planned.letter
            try:
                acknowledgement = producer.send(
                    planned.topic,
                    value=letter.value,
                    key=self._acceptance.key(letter),
                    headers=[(REDRIVEN, letter.letter_id.encode())],
                )
            except MessageSizeTooLargeError:
                self._too_large(planned)
            else:
                waiting.append((planned, acknowledgement))
        producer.flush(timeout=PATIENCE)
        for planned, acknowledgement in waiting:
            try:
                lies = acknowledgement.get(timeout=PATIENCE)
            except MessageSizeTooLargeError:
                self._too_large(planned)
                continue
            letter = planned.letter
            sent.append(
                (
                    letter,
                    Marker(
                        letter_id=letter.letter_id,
                        timestamp=letter.why.timestamp,
                        topic=planned.topic,
                        partition=lies.partition,
                        offset=lies.offset,
                    ),
                )
            )

    def _mark(self, producer: Producer, sent: Sequence[tuple[Letter, Marker]]) -> None:
        if not sent:
            return
        waiting = [
            producer.send(
                self._dead_letters,
                key=letter.letter_id.encode(),
                headers=[(REDRIVEN, marker.encode())],
            )
            for letter, marker in sent
        ]
        producer.flush(timeout=PATIENCE)
        for acknowledgement in waiting:
            acknowledgement.get(timeout=PATIENCE)
            self.report.sent += 1

    def _too_large(self, planned: _Planned) -> None:
        why = f"is too large for {planned.topic} as it is set up (max.message.bytes)"
        self.report.leave(planned.letter, Refusal(why, final=True))


def open_redrive_producer(settings: Settings, topics: Iterable[str]) -> KafkaProducer:
    """Return a producer for a redrive, when the topics exist that it will write.

    Every record is acknowledged by all in-sync replicas, and written once even when sending is
    tried again.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topics
        Full names.

    Raises
    ------
    TopicMissing
        If Kafka does not have one of the topics.
    KafkaAway
        If no broker answers within some ten seconds.
    """
    with open_admin(settings) as admin:
        there = set(admin.list_topics())
    for topic in topics:
        if topic not in there:
            raise TopicMissing(topic)
    patience = round(PATIENCE * 1_000)
    return open_producer(
        settings,
        request_timeout_ms=patience,
        delivery_timeout_ms=patience + 1_000,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        max_request_size=_MOST_REQUEST_BYTES,
        batch_size=128 * 1024,
        linger_ms=5,
    )
