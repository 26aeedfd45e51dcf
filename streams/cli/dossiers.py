"""All about one customer, as several commands ask for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from features import Millis, to_iso
from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from streams.live import Dossier


def dossier_of(context: Context, customer: str, at: Millis | None = None) -> Dossier:
    """Return all about a customer, now or at a later time.

    Parameters
    ----------
    context
        Of the command.
    customer, at
        Who, and as of when; None for now.

    Raises
    ------
    Problem
        If nobody knows the customer, or it is a visitor who has become one.
    Usage
        If the time is in the past.
    """
    from streams.live import HasBecome, TooEarly, UnknownCustomer

    try:
        return asyncio.run(_read(context, customer, at))
    except UnknownCustomer:
        raise Problem(
            f"nothing is known of {customer!r}; ids are the user_id of the events, "
            "and ebb status says how many customers there are"
        ) from None
    except HasBecome as known:
        raise Problem(
            f"{customer!r} is {known.customer} since {to_iso(known.since)[:16]}Z, and what they "
            f"did is there: ebb inspect {known.customer}"
        ) from None
    except TooEarly as error:
        raise Usage(str(error)) from None


async def _read(context: Context, customer: str, at: Millis | None) -> Dossier:
    from streams.live import looking

    async with looking(context.settings) as view:
        return await view.dossier(customer, at)


__all__ = ["dossier_of"]
