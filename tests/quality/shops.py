"""The two development sets: real shops, read once and checked by their sums."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from importlib.util import find_spec
from pathlib import Path

from features import DAY, Definition, Event, Millis, from_datetime

#: Where the set of 2,377 households is, if it is on this machine.
COMPLETEJOURNEY = "EBB_COMPLETEJOURNEY"


class Missing(Exception):
    """A set is not on this machine; says how to bring it."""


@dataclass(frozen=True)
class Shop:
    """A shop, and the landmarks at which its customers are judged.

    Parameters
    ----------
    name
        What the table calls it.
    definition
        H, A and what counts as activity.
    events
        Of each customer, in order.
    landmarks
        Ends of calendar days; all that follows a landmark's horizon is known.
    score_from
        Landmarks before it only teach.
    """

    name: str
    definition: Definition
    events: Mapping[str, list[Event]]
    landmarks: tuple[Millis, ...]
    score_from: Millis


def _end_of(day: str) -> Millis:
    return from_datetime(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)) + DAY


def _landmarks(first: str, step_days: int, end: str, horizon: Millis) -> tuple[Millis, ...]:
    last = _end_of(end) - horizon
    return tuple(range(_end_of(first), last + 1, step_days * DAY))


def _definition(horizon_days: int, active_days: int) -> Definition:
    return Definition(
        horizon=horizon_days * DAY, active=active_days * DAY, activity=frozenset({"purchase"})
    )


def _checked(path: Path, digest: str) -> bytes:
    data = path.read_bytes()
    if md5(data, usedforsecurity=False).hexdigest() != digest:
        raise Missing(f"{path} is not the set that it should be: its md5 is not {digest}")
    return data


def cdnow() -> Shop:
    """Return 69,659 purchases of 23,570 customers who joined in the first quarter of 1997."""
    spec = find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise Missing("pip install --no-deps --require-hashes -r requirements/data.txt brings it")
    path = Path(folders[0]) / "datasets" / "CDNOW_master.txt"
    text = _checked(path, "37ee2da5127d4a369d6fe0052678624d").decode("ascii")
    events: dict[str, list[Event]] = defaultdict(list)
    for number, row in enumerate(text.splitlines()[1:]):
        customer, day, quantity, amount = row.split()
        events[customer].append(
            Event(
                event_id=f"row-{number}",
                user_id=customer,
                type="purchase",
                time=from_datetime(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)),
                quantity=float(quantity),
                amount=float(amount),
            )
        )
    definition = _definition(90, 180)
    return Shop(
        "cdnow",
        definition,
        _ordered(events),
        _landmarks("1997-01-31", 14, "1998-06-30", definition.horizon),
        _end_of("1997-06-28"),
    )


def completejourney() -> Shop:
    """Return 77,102 events of 2,377 households of a supermarket in 2017."""
    where = os.environ.get(COMPLETEJOURNEY)
    if not where:
        raise Missing(f"set {COMPLETEJOURNEY} to the path of its events.csv.gz")
    text = gzip.decompress(_checked(Path(where), "8486abd034dd3b09ba4ade18c8d2b4e2")).decode()
    events: dict[str, list[Event]] = defaultdict(list)
    for number, row in enumerate(csv.DictReader(text.splitlines())):
        moment = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
        events[row["user_id"]].append(
            Event(
                event_id=f"row-{number}",
                user_id=row["user_id"],
                type=row["event_type"],
                time=from_datetime(moment),
                quantity=float(row["quantity"]) if row["quantity"] else None,
                amount=float(row["amount"]) if row["amount"] else None,
            )
        )
    definition = _definition(28, 84)
    return Shop(
        "completejourney",
        definition,
        _ordered(events),
        _landmarks("2017-03-31", 7, "2017-12-31", definition.horizon),
        _end_of("2017-05-31"),
    )


def _ordered(events: Mapping[str, list[Event]]) -> dict[str, list[Event]]:
    return {name: sorted(each, key=lambda event: event.at) for name, each in events.items()}
