"""Runs of CDNOW through the whole path, and what its file says to whoever only reads it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from features import Event, from_datetime
from streams.demo import Child
from tests.e2e.corner import Corner
from tests.streams.recorded.cdnow import cdnow_file

#: A shop like CDNOW: purchases only, and months between them.
SHOP = {"EBB_HORIZON": "90d", "EBB_ACTIVE": "180d", "EBB_ACTIVITY": "purchase"}
#: Fewer looks, one label in five, and alerts for the clearest cases: enough to see, sooner done.
BRIEFLY = {
    "EBB_SILENCE_WAITS": "45d,90d",
    "EBB_SILENCE_MULTIPLES": "2",
    "EBB_LABELS_KEEP": "0.2",
    "EBB_POLICY_THRESHOLD": "0.8",
}
#: Whether all customers of CDNOW take part where some would do, which takes minutes more.
EVERYBODY = os.environ.get("EBB_TEST_CDNOW") == "all"
SLICE_CUSTOMERS = 600


@dataclass(frozen=True)
class Run:
    """A run that has ended: where, of which file, and what the status said."""

    corner: Corner
    file: Path
    status: dict[str, Any]


def import_many(new_corner: Callable[..., Corner], file: Path) -> Run:
    """Take a file through two workers and one learner."""
    corner = new_corner(**SHOP, **BRIEFLY)
    corner.create_topics()
    corner.two(Corner.worker)
    corner.learner()
    corner.import_cdnow(file)
    status = corner.idle(180)
    corner.stop()
    return Run(corner, file, status)


def import_slice(new_corner: Callable[..., Corner], file: Path, start: Callable[..., Child]) -> Run:
    """Take a slice through two processes of a kind, with nobody who learns."""
    corner = new_corner(**SHOP)
    corner.create_topics()
    corner.two(start)
    corner.drain(corner.import_cdnow(file)["sent"])
    status = corner.status()
    corner.stop()
    return Run(corner, file, status)


def one_in(part: int, to: Path) -> Path:
    """Write the rows of one customer in so many, of all who joined, to a file of CDNOW's form."""
    if EVERYBODY:
        return cdnow_file()
    header, *rows = cdnow_file().read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if int(row.split()[0]) % part == 0]
    to.write_text("".join([header, *kept]), encoding="utf-8")
    return to


def first_customers(to: Path, customers: int = SLICE_CUSTOMERS) -> Path:
    """Write the rows of the first customers to a file of CDNOW's form."""
    header, *rows = cdnow_file().read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if int(row.split()[0]) <= customers]
    to.write_text("".join([header, *kept]), encoding="utf-8")
    return to


def purchases_in(file: Path) -> dict[str, list[Event]]:
    """Return each customer's purchases in their order: the file, read by hand.

    Nothing of how the product reads files is used here.
    """
    found: dict[str, list[Event]] = defaultdict(list)
    for number, row in enumerate(file.read_text(encoding="utf-8").splitlines()[1:]):
        customer, day, quantity, amount = row.split()
        event = Event(
            event_id=f"row-{number}",
            user_id=customer,
            type="purchase",
            time=from_datetime(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)),
            quantity=float(quantity),
            amount=float(amount),
        )
        found[customer].append(event)
    return {name: sorted(events, key=lambda event: event.at) for name, events in found.items()}


def sample(customers: list[str], size: int) -> list[str]:
    """Return the same few customers every time, and no special ones."""
    return sorted(customers, key=lambda name: blake2b(f"sample|{name}".encode()).digest())[:size]
