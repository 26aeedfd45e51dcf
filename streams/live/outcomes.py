"""Reads what came of alerts, beside the events: at least once, and never in the way of these.

A worker takes its share of ``outcomes`` in a consumer group of its own. What follows from a batch
is done (`Settle`; who wants no messages any more, `streams.live.withdrawing`), and then the place
in the topic is committed in the store, together with the messages that it brings about, which
leave through an outbox as those of the clickstream do. Whoever dies between the two does it again:
what is done must bear that.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from time import monotonic
from typing import Any, Final, Protocol

from aiokafka.errors import IllegalStateError, KafkaError

from features.store import Store
from models.deciding import InvalidOutcome, Outcome, decode_outcome
from streams.cancelling import obey
from streams.deadletters import DeadLetter, redriven_from
from streams.live.cursor import Log
from streams.live.held import Held
from streams.live.messages import Message, letter_message
from streams.live.relay import Relay
from streams.live.withdrawing import withdrawal, withdrawal_message
from streams.membership import Assigned, leave

logger = logging.getLogger(__name__)

#: Records of one batch, and milliseconds to wait for it.
_BATCH: Final = 500
_WAIT: Final = 500
#: Seconds until what failed is tried again; each failure in a row doubles it.
_BACKOFF: Final = (0.2, 5.0)
#: Seconds that a consumer may take to leave its group, and that a commit for lag monitors may.
_END: Final = 2.0
#: Seconds between looks at the store while nothing comes.
_LOOK: Final = 1.0
#: Seconds to wait for a record that must be there.
_PROBE: Final = 3.0
#: The place of outcomes depends on no setting.
_SHAPE: Final = "outcomes"
#: About what `ChunkApp.trouble` is told.
_ABOUT: Final = "outcomes"


class Settle(Protocol):
    """Is told what came of alerts, each batch once or more often."""

    async def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of outcomes, in the order in which they lie in their partition.

        Raises
        ------
        ConnectionError
            If it cannot be done now; the batch is then read again.
        """
        ...


async def settle_nothing(outcomes: Sequence[Outcome]) -> None:
    """Stand in where nothing is to be settled."""


class OutcomeReader:
    """Takes note of outcomes, for as long as its worker runs.

    Parameters
    ----------
    make
        Makes a consumer of a group that commits nothing by itself; not yet subscribed.
    topic
        Full name of ``outcomes``.
    topic_ids
        Asks Kafka for the topic's id, by its full name.
    store
        Where the places are kept.
    relay
        Publishes withdrawals and dead letters; of outcomes alone.
    trouble
        Takes what is wrong just now, in words, and loses it when it is over.
    settle
        What is to be done with a batch.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        topic: str,
        topic_ids: Callable[[], Awaitable[Mapping[str, str]]],
        store: Store,
        relay: Relay,
        trouble: MutableMapping[str, str],
        settle: Settle = settle_nothing,
    ) -> None:
        self._make = make
        self._topic = topic
        self._topic_ids = topic_ids
        self._store = store
        self._relay = relay
        self._trouble = trouble
        self._settle = settle
        self._held: dict[int, Held] = {}
        #: Until when a partition rests in which something failed, and for how long next time.
        self._resting: dict[int, tuple[float, float]] = {}
        #: What lag monitors were told last.
        self._told: dict[int, int] = {}
        #: When it was last looked whether the store is still the one that was written.
        self._looked: dict[int, float] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        pause = _BACKOFF[0]
        while True:
            obey()
            consumer = self._make()
            try:
                await consumer.start()
                consumer.subscribe([self._topic], listener=Assigned(consumer, self._let_go))
                while True:
                    obey()
                    await self._round(consumer)
                    pause = _BACKOFF[0]
            except (KafkaError, OSError) as error:
                self._say(f"waiting for Kafka to read {self._topic}: {_words(error)}")
            except Exception as error:
                # Whatever it is: events go on.
                logger.exception("%s: beginning anew", self._topic)
                self._say(f"outcomes wait: {_words(error)}")
            finally:
                for number in list(self._held):
                    self._let_go(number)
                await leave(consumer, _END)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF[1])

    # -- partitions -----------------------------------------------------------------------

    async def _round(self, consumer: Any) -> None:
        """Take what there is, of all partitions that can be worked on."""
        for part in sorted(consumer.assignment(), key=_number):
            if part.partition not in self._held and self._rested(part.partition):
                await self._guarded(part, self._open(consumer, part))
        consumer.pause(
            *(each for each in consumer.assignment() if each.partition not in self._held)
        )
        found = await consumer.getmany(timeout_ms=_WAIT, max_records=_BATCH)
        for part in sorted(consumer.assignment(), key=_number):
            if (held := self._held.get(part.partition)) is not None:
                await self._guarded(part, self._step(consumer, part, held, found.get(part, ())))

    async def _guarded(self, part: Any, work: Awaitable[None]) -> None:
        """Do something with a partition; whatever goes wrong, read its place again later."""
        number = part.partition
        try:
            await work
        except IllegalStateError:
            self._let_go(number)  # a rebalance has taken it away meanwhile
        except (TimeoutError, ConnectionError, OSError, KafkaError) as error:
            logger.warning("%s-%d: %s; reading the place again", self._topic, number, _words(error))
            self._rest(number, _words(error))
        except Exception as error:
            logger.exception("%s-%d: dropped a batch; reading it again", self._topic, number)
            self._rest(number, _words(error))
        else:
            self._resting.pop(number, None)
            if not self._resting:
                self._say("")

    def _rested(self, number: int) -> bool:
        return self._resting.get(number, (0.0, 0.0))[0] <= monotonic()

    def _rest(self, number: int, why: str) -> None:
        _, pause = self._resting.get(number, (0.0, _BACKOFF[0]))
        self._resting[number] = (monotonic() + pause, min(pause * 2, _BACKOFF[1]))
        self._let_go(number)
        self._say(f"outcomes wait: {why}")

    def _let_go(self, number: int) -> None:
        self._told.pop(number, None)
        if self._held.pop(number, None) is not None:
            self._relay.let_go(number)

    async def _open(self, consumer: Any, part: Any) -> None:
        """Go to the place that the store knows."""
        number = part.partition
        held = Held(self._store, number, await self._store.mark(number), _SHAPE)
        firsts, lasts, ids = await asyncio.gather(
            consumer.beginning_offsets([part]), consumer.end_offsets([part]), self._topic_ids()
        )

        async def holds(offset: int) -> bool:
            consumer.seek(part, offset)
            consumer.resume(part)
            found = await consumer.getmany(part, timeout_ms=round(_PROBE * 1_000))
            return any(record.offset >= offset for record in found.get(part, ()))

        log = Log(firsts[part], lasts[part], ids.get(self._topic, ""), holds)
        # What is gone is counted; no event is to wait for somebody to decide about it.
        places = await held.places(
            {self._topic: held.mark.offset}, {self._topic: log}, accept_gap=True
        )
        await held.recover_outbox()
        consumer.seek(part, places[self._topic])
        consumer.resume(part)
        self._held[number] = held
        self._relay.take(number, held)

    # -- outcomes -------------------------------------------------------------------------

    async def _step(self, consumer: Any, part: Any, held: Held, records: Sequence[Any]) -> None:
        if records:
            await self._take(held, records)
        else:
            # Past what holds no record, such as the marker of a transaction.
            offset = await consumer.position(part)
            if offset > max(held.mark.offset, 0) or held.untrimmed:
                await self._commit(held, max(offset, held.mark.offset), [], {})
            elif monotonic() - self._looked.get(part.partition, 0.0) >= _LOOK:
                # An older copy of the store may have been put back, and nothing be there to write.
                self._looked[part.partition] = monotonic()
                await held.check()
        if self._held.get(part.partition) is held:
            await self._tell_group(consumer, part, held.mark.offset)

    async def _take(self, held: Held, records: Sequence[Any]) -> None:
        await held.wait_for_room()
        outcomes, messages, counts = sorted_out(records)
        if outcomes:
            await self._settle(outcomes)
        await self._commit(held, records[-1].offset + 1, messages, counts)

    async def _commit(
        self, held: Held, offset: int, messages: Sequence[Message], counts: Mapping[str, int]
    ) -> None:
        await held.commit(
            offset=offset,
            watermark=held.mark.watermark,
            partitions=held.mark.partitions,
            records={},
            timers={},
            messages=messages,
            counts=counts,
        )
        self._relay.wake()

    async def _tell_group(self, consumer: Any, part: Any, offset: int) -> None:
        """Commit the group's offset, for lag monitors; nothing depends on it."""
        if offset < 0 or self._told.get(part.partition) == offset:
            return
        self._told[part.partition] = offset
        try:
            async with asyncio.timeout(_END):
                await consumer.commit({part: offset})
        except (KafkaError, OSError, TimeoutError) as error:
            logger.debug("offset not published: %s", error)

    def _say(self, trouble: str) -> None:
        if trouble:
            if self._trouble.get(_ABOUT) != trouble:
                logger.warning("%s", trouble)
            self._trouble[_ABOUT] = trouble
        else:
            self._trouble.pop(_ABOUT, None)


def sorted_out(records: Sequence[Any]) -> tuple[list[Outcome], list[Message], Counter[str]]:
    """Return the outcomes of records, what is to be published for them, and how many of what.

    Published are the consents that they withdraw, and a dead letter for each that is none.
    """
    outcomes: list[Outcome] = []
    messages: list[Message] = []
    counts: Counter[str] = Counter()
    for record in records:
        try:
            outcome = decode_outcome(record.value)
        except InvalidOutcome as error:
            letter = DeadLetter(
                reason=error.reason,
                field=error.field,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp=record.timestamp,
                redriven=redriven_from(record.headers),
            )
            messages.append(letter_message(letter, record.key, record.value))
            counts["invalid"] += 1
            continue
        outcomes.append(outcome)
        counts["outcomes"] += 1
        counts[f"outcomes_{outcome.type}"] += 1
        if (event := withdrawal(outcome, record.timestamp)) is not None:
            messages.append(withdrawal_message(event))
            counts["withdrawals"] += 1
    return outcomes, messages, counts


def _number(part: Any) -> int:
    number: int = part.partition
    return number


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
