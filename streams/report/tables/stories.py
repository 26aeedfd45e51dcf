"""Ten customers told as stories: what they did, what was thought of them, what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Any, Final

import numpy as np

from features import KINDS, Kind, is_distress
from streams.report.evidence import Evidence, moments_of, numbers_of
from streams.report.folder import DECISIONS, PREDICTIONS, STORIES
from streams.report.tables.table import Columns, moments, of_rows

#: How many are told.
TOLD: Final = 10
#: A story with about so many events is neither empty nor tiring.
_GOOD_LENGTH: Final = 20


@dataclass(frozen=True, eq=False)
class Story:
    """A customer of whom every event is known.

    Parameters
    ----------
    customer, segment
        Who, and what kind of customer they were last; empty if nothing was ever said of them.
    first_at, last_activity_at
        In milliseconds; -1 for never.
    alerts
        When they were alerted, in milliseconds.
    days
        Different days on which they did something.
    events
        How many are known.
    trouble
        Whether something went wrong for them.
    gone
        Whether they had been silent for the active time by the end.
    """

    customer: str
    segment: str
    first_at: int
    last_activity_at: int
    alerts: tuple[int, ...]
    days: int
    events: int
    trouble: bool
    gone: bool

    def kinds(self) -> Iterator[str]:
        """Yield what the customer is an example of."""
        alerted = bool(self.alerts)
        if self.gone and alerted and self.alerts[-1] > self.last_activity_at:
            yield "alerted-gone"
        if alerted and self.alerts[0] < self.last_activity_at and not self.gone:
            yield "alerted-returned"
        if self.gone and not alerted and self.days > 1:
            yield "missed"
        if not self.gone and not alerted and self.days > 2:
            yield "loyal"
        if self.trouble:
            yield "trouble"
        if self.days == 1:
            yield "one-time"


#: What there should be an example of, in the order in which one is looked for, round by round.
KINDS_TOLD: Final = ("alerted-gone", "alerted-returned", "missed", "loyal", "trouble", "one-time")


class Told:
    """The customers whose stories are told.

    Parameters
    ----------
    evidence
        The files of the backtest.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    @cached_property
    def events(self) -> Any:
        """All events that are known of some customers, by customer and time."""
        table = self._evidence.read(STORIES, ["customer", "at", "type", "amount"])
        return table.sort_by([("customer", "ascending"), ("at", "ascending")])

    @cached_property
    def risks(self) -> Any:
        """What the model said of those customers, by customer and time."""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = self.events["customer"].unique()
        wanted = pc.field("customer").isin(names)
        said = self._evidence.read(
            PREDICTIONS,
            ["customer", "at", "cause", "segment", "risk", "label"],
            (pc.field("model") == self._evidence.model) & wanted,
        )
        if self._evidence.landmarks or not self._evidence.decides:
            # Nobody decided by this model: who would have been alerted?
            alert = pc.greater_equal(said["risk"], pa.scalar(self._evidence.threshold))
            said = said.append_column("alert", alert)
        else:
            decided = self._evidence.read(DECISIONS, ["customer", "at", "cause", "alert"], wanted)
            said = said.join(decided, ["customer", "at", "cause"], join_type="left outer")
            said = said.set_column(
                said.schema.get_field_index("alert"), "alert", said["alert"].fill_null(False)
            )
        return said.sort_by([(name, "ascending") for name in ("customer", "at", "cause")])

    @cached_property
    def chosen(self) -> list[tuple[str, Story]]:
        """The stories that are told, each with what it is an example of."""
        left = sorted(
            # Of whom nothing was said, there is no risk through silence to show.
            (story for story in self._stories() if story.segment),
            key=lambda story: (abs(story.events - _GOOD_LENGTH), story.customer),
        )
        found: list[tuple[str, Story]] = []
        missing = 0
        for kind in cycle(KINDS_TOLD):
            one = next((story for story in left if kind in story.kinds()), None)
            missing = 0 if one else missing + 1
            if one:
                left.remove(one)
                found.append((kind, one))
            if len(found) == TOLD or missing == len(KINDS_TOLD):
                break
        found += [("other", story) for story in left[: TOLD - len(found)]]
        return sorted(found, key=lambda each: [*KINDS_TOLD, "other"].index(each[0]))

    def _stories(self) -> Iterator[Story]:
        people, evidence = self._evidence.people, self._evidence
        place = {name: nth for nth, name in enumerate(people.names)}
        alerts: dict[str, list[int]] = {}
        segment: dict[str, str] = {}
        told = self.risks
        for name, at, alert, kind in zip(
            told["customer"].to_pylist(),
            moments_of(told["at"]).tolist(),
            told["alert"].to_pylist(),
            told["segment"].to_pylist(),
            strict=True,
        ):
            segment[name] = kind or ""
            if alert:
                alerts.setdefault(name, []).append(at)
        names = self.events["customer"].to_pylist()
        days = moments_of(self.events["at"]) // 86_400_000
        types = self.events["type"].to_pylist()
        starts = [nth for nth, name in enumerate(names) if nth == 0 or names[nth - 1] != name]
        for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
            name = names[start]
            if name not in place:
                continue
            last = int(people.last_activity_at[place[name]])
            yield Story(
                customer=name,
                segment=segment.get(name, ""),
                first_at=int(people.first_at[place[name]]),
                last_activity_at=last,
                alerts=tuple(alerts.get(name, ())),
                days=len(np.unique(days[start:end])),
                events=end - start,
                trouble=any(
                    is_distress(KINDS.get(each, Kind.OTHER), None) for each in types[start:end]
                ),
                gone=evidence.end - last >= evidence.active,
            )


def stories(evidence: Evidence) -> Columns:
    """Return who is told of, and what each is an example of."""
    chosen = told(evidence).chosen
    return of_rows(
        [
            {"customer": story.customer, "kind": kind, "segment": story.segment}
            for kind, story in chosen
        ]
    ) | {"first_at": moments([story.first_at for _, story in chosen])}


def story_events(evidence: Evidence) -> Columns:
    """Return all that they did, story by story."""
    held = _of_the_chosen(evidence, told(evidence).events)
    return {
        "customer": held["customer"].to_pylist(),
        "at": moments(moments_of(held["at"])),
        "type": held["type"].to_pylist(),
        "amount": numbers_of(held["amount"]),
    }


def story_risks(evidence: Evidence) -> Columns:
    """Return all that was said of them, story by story; a label that is not known is no number."""
    held = _of_the_chosen(evidence, told(evidence).risks)
    return {
        "customer": held["customer"].to_pylist(),
        "at": moments(moments_of(held["at"])),
        "risk": numbers_of(held["risk"]),
        "cause": held["cause"].to_pylist(),
        "alert": held["alert"].to_numpy().astype(np.bool_),
        "label": numbers_of(held["label"]),
    }


def _of_the_chosen(evidence: Evidence, rows: Any) -> Any:
    names = [story.customer for _, story in told(evidence).chosen]
    order = {name: nth for nth, name in enumerate(names)}
    place = [order.get(name, -1) for name in rows["customer"].to_pylist()]
    held = np.array([nth for nth, where in enumerate(place) if where >= 0], dtype=np.int64)
    return rows.take(held[np.argsort(np.array(place, dtype=np.int64)[held], kind="stable")])


def told(evidence: Evidence) -> Told:
    """Return the stories of a backtest; chosen once."""
    return evidence.kept("stories", Told)
