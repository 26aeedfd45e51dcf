"""The two development sets: real shops, read once and checked by their sums."""

from __future__ import annotations

import csv
import gzip
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b, md5
from importlib.util import find_spec
from pathlib import Path

from features import DAY, Event, from_datetime
from streams.replay import Landmarks
from streams.settings import Settings

#: Where the set of 2,377 households is, if it is on this machine.
COMPLETEJOURNEY = "EBB_COMPLETEJOURNEY"


class Missing(Exception):
    """A set is not on this machine; says how to bring it."""


@dataclass(frozen=True)
class History:
    """What happened in a shop, and how the benchmark looks at it.

    Parameters
    ----------
    name
        What the table calls it.
    settings
        H, A and what counts as activity.
    events
        In the order of time.
    landmarks
        When its customers are judged.
    """

    name: str
    settings: Settings
    events: list[Event]
    landmarks: Landmarks


def some_customers(history: History, share: float) -> History:
    """Return a small shop: a part of the customers, by the hash of the name."""

    def chosen(user: str) -> bool:
        digest = blake2b(user.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * 2**64

    return replace(history, events=[each for each in history.events if chosen(each.user_id)])


def _settings(horizon_days: int, active_days: int) -> Settings:
    days = {"horizon": horizon_days * DAY, "active": active_days * DAY}
    return Settings.model_validate({"churn": days | {"activity": ["purchase"]}})


def _checked(path: Path, digest: str) -> bytes:
    data = path.read_bytes()
    if md5(data, usedforsecurity=False).hexdigest() != digest:
        raise Missing(f"{path} is not the set that it should be: its md5 is not {digest}")
    return data


def cdnow() -> History:
    """Return 69,659 purchases of 23,570 customers who joined in the first quarter of 1997."""
    spec = find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise Missing("pip install --no-deps --require-hashes -r requirements/data.txt brings it")
    path = Path(folders[0]) / "datasets" / "CDNOW_master.txt"
    text = _checked(path, "37ee2da5127d4a369d6fe0052678624d").decode("ascii")
    events = []
    for number, row in enumerate(text.splitlines()[1:]):
        customer, day, quantity, amount = row.split()
        events.append(
            Event(
                event_id=f"row-{number}",
                user_id=customer,
                type="purchase",
                time=from_datetime(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)),
                quantity=float(quantity),
                amount=float(amount),
            )
        )
    landmarks = Landmarks.parse("1997-01-31/14d", score_from="1997-06-28")
    return History("cdnow", _settings(90, 180), _ordered(events), landmarks)


def completejourney() -> History:
    """Return 77,102 events of 2,377 households of a supermarket in 2017."""
    where = os.environ.get(COMPLETEJOURNEY)
    if not where:
        raise Missing(f"set {COMPLETEJOURNEY} to the path of its events.csv.gz")
    text = gzip.decompress(_checked(Path(where), "8486abd034dd3b09ba4ade18c8d2b4e2")).decode()
    events = []
    for number, row in enumerate(csv.DictReader(text.splitlines())):
        moment = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
        events.append(
            Event(
                event_id=f"row-{number}",
                user_id=row["user_id"],
                type=row["event_type"],
                time=from_datetime(moment),
                quantity=float(row["quantity"]) if row["quantity"] else None,
                amount=float(row["amount"]) if row["amount"] else None,
            )
        )
    landmarks = Landmarks.parse("2017-03-31/7d", score_from="2017-05-31")
    return History("completejourney", _settings(28, 84), _ordered(events), landmarks)


def _ordered(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at)
