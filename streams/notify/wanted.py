"""Whether a message is still wanted when its turn comes.

Between a decision and the attempt to send it there may be a night, or three days of a receiver
that is down; and the customer may have unsubscribed meanwhile.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from features import CustomerState, Definition, Told, decode_state, from_datetime
from features.store import Store
from streams.live import partition_of_customer

logger = logging.getLogger(__name__)


class _Offer(msgspec.Struct, frozen=True):
    transactional: bool = False


class _Alert(msgspec.Struct, frozen=True):
    user_id: str = ""
    channel: str = ""
    decided_at: Annotated[datetime, Meta(tz=True)] | None = None
    offer: _Offer = _Offer()


class _Body(msgspec.Struct, frozen=True):
    data: _Alert


_decoder: Final = msgspec.json.Decoder(_Body)


class Wanted(Protocol):
    """Knows whether a message is still wanted."""

    async def __call__(self, body: bytes) -> bool:
        """Return whether a body may be sent; raises what the store's client does if it is away."""
        ...


async def always(body: bytes) -> bool:
    """Stand in where nobody can unsubscribe."""
    return True


class StillWanted:
    """Looks at what is known of the customer by now.

    Parameters
    ----------
    store
        Of the workers; only read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, body: bytes) -> bool:
        """Return whether the customer has not unsubscribed from the alert's channel since."""
        try:
            alert = _decoder.decode(body).data
        except msgspec.DecodeError:
            return True  # of no customer, such as a trial
        if not alert.channel or not alert.user_id or alert.offer.transactional:
            return True
        try:
            state = await self._known(alert.user_id)
            if state is not None and state.trail is not None and state.trail.customer is not None:
                # It was decided of a visitor, and what that one has said is the customer's now.
                state = await self._known(state.trail.customer)
        except (ValueError, TypeError, LookupError, msgspec.MsgspecError) as error:
            # The worker has looked when it decided; whose it is stays unsaid.
            logger.warning("what Redis holds of a customer cannot be read: %s", error)
            return True
        if state is None:
            return True
        at = None if alert.decided_at is None else from_datetime(alert.decided_at)
        return not refused(state.traits, alert.channel, at)

    async def _known(self, customer: str) -> CustomerState | None:
        partition = await partition_of_customer(self._store, customer)
        if partition is None:
            return None
        page = await self._store.read(partition, [customer], -1, 0)
        data = page.records[customer].state
        return None if data is None else decode_state(data, Definition())


def refused(told: Told, channel: str, decided_at: int | None) -> bool:
    """Return whether a customer has said no, and a decision did not know better.

    A no from before the decision may have been taken back by what the shop told since: the
    decision knew the policy file, which says by which trait.

    Examples
    --------
    >>> ada = Told()
    >>> _ = ada.word("email", granted=False, at=7)
    >>> refused(ada, "email", 5), refused(ada, "phone", 5), refused(ada, "email", 9)
    (True, False, True)
    >>> _ = ada.trait("newsletter", "yes", 8)
    >>> refused(ada, "email", 9), refused(ada, "email", 7)
    (False, True)
    """
    word = told.last_word(channel)
    if word is None or word.granted:
        return False
    if decided_at is None or decided_at <= word.at:
        return True
    return not any(at > word.at for at in told.times.values())


__all__ = ["StillWanted", "Wanted", "always", "refused"]
