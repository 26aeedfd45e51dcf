"""Our own work as a plain function: a customer's bytes and events in, bytes and effects out.

It is all that a worker does with an event between reading and storing it: the whole pipeline with
its states, ledgers, timers, decisions and reasons, and the codec of what is stored. So other stream
processors can do the same work, and what differs is how each of them reads, keeps and sends.

Not in it: dead letters, events on a wrong partition, and labels, of which none is known within the
two days of the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from features import CustomerState, Millis, decode_event, decode_state, encode_state
from models.deciding import Ledger
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle
from streams.settings import load_settings

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[Millis, bytes, bytes]).decode
_json = msgspec.json.Encoder().encode


class Known:
    """A customer of whom somebody else keeps track: who has no partition has a time of his own."""

    __slots__ = ("customer", "watermark")

    def __init__(self, customer: Customer, watermark: Millis) -> None:
        self.customer = customer
        self.watermark = watermark


class Core:
    """The rules and the model that a worker has, with a threshold of its policy."""

    def __init__(self, threshold: float) -> None:
        said = {"EBB_CLOCK": "events", "EBB_POLICY_THRESHOLD": written(threshold)}
        self.shop = shop_of(load_settings(environ=said).settings)
        self.judge = prior_judge(task_of(self.shop))

    def new(self) -> Customer:
        """Return a customer of whom nothing is known."""
        return Customer(CustomerState(self.shop.definition), Ledger(), new=True)

    def stored(self, state: bytes | None, ledger: bytes | None) -> Customer:
        """Return a customer as a store holds him."""
        if state is None:
            return self.new()
        kept = Ledger() if ledger is None else Ledger.decode(ledger)
        return Customer(decode_state(state, self.shop.definition), kept, new=False)

    def open(self, data: bytes | None) -> Known:
        """Return the customer that `pack` wrote; a new one where there is nothing."""
        if data is None:
            return Known(self.new(), NO_WATERMARK)
        watermark, state, ledger = _unpack(data)
        return Known(self.stored(state, ledger), watermark)

    def pack(self, known: Known) -> bytes:
        """Return a customer as bytes."""
        state = encode_state(known.customer.state)
        return _pack((known.watermark, state, known.customer.ledger.encode()))

    def take(self, known: Known, arrivals: Sequence[Arrival]) -> Effects:
        """Take events of one customer in.

        What was due in the meantime happens before them, at its own time. Where nothing comes any
        more, nothing happens any more: peers know of no time that passes for all customers.
        """
        book = {arrivals[0].event.user_id: known.customer}
        effects = handle(self.shop, self.judge, arrivals, (), book, known.watermark)
        known.watermark = effects.watermark
        return effects

    def step(self, data: bytes | None, arrivals: Sequence[Arrival]) -> tuple[bytes, Effects]:
        """Take events of one customer in, from bytes to bytes."""
        known = self.open(data)
        effects = self.take(known, arrivals)
        return self.pack(known), effects


def written(threshold: float) -> str:
    """Return a threshold as it is set for the worker, and for everybody else.

    >>> written(0.12345678)
    '0.123457'
    """
    return f"{threshold:.6f}"


def arrival(value: bytes, timestamp: Millis | None = None) -> Arrival:
    """Return a record's event; where a peer does not tell when it arrived, it came at once."""
    event = decode_event(value)
    return Arrival(0, event.at if timestamp is None else timestamp, event)


def alerts_of(effects: Effects) -> list[tuple[bytes, bytes]]:
    """Return key and value of each alert, as a worker publishes them."""
    return [(alert.user_id.encode(), _json(alert)) for alert in effects.alerts]
