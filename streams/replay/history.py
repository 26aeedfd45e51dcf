"""Where a backtest takes its history from: a file, or a stretch of a topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features import to_iso
from streams.pipeline import Arrival
from streams.recorded import MappingError, Tally, built_in_mappings, load_mapping
from streams.replay.arrivals import RecordedTopic, recorded_file
from streams.replay.becoming import handed_over
from streams.replay.span import Span, WrongSpan, parse_span
from streams.settings import Settings

#: Told what is being done (``reading``, ``replaying``), how much of it, and of how much.
Show = Callable[[str, int, int | None], None]


class WrongSource(ValueError):
    """What was named is no source of events, or its mapping is missing or wrong; says why."""


class NoEvents(ValueError):
    """There are no events in a source; says where it was looked."""


@dataclass
class History:
    """Recorded events, and what is to be said about them.

    Parameters
    ----------
    source
        What the report calls them.
    arrivals
        Of each partition; to be read once.
    treated
        Whether somebody may have been sent an alert at the time.
    total
        Returns how many events there are, about, once the first one has come.
    told
        Returns what was met on the way, as plain data, once all have come.
    notes
        Returns what people should know of it, a line each, once all have come.
    tally
        Of a file, what was met while reading, with the rows that are no events.
    began
        When the first event came, as `time.monotonic` has it.
    """

    source: str
    arrivals: list[Iterator[Arrival]]
    treated: bool
    total: Callable[[], int]
    told: Callable[[], dict[str, Any]]
    notes: Callable[[], list[str]]
    tally: Tally | None = None
    began: float = 0.0


@contextmanager
def open_history(
    settings: Settings,
    source: str,
    mapping: str | None = None,
    limit: int | None = None,
    show: Show | None = None,
) -> Iterator[History]:
    """Open what somebody named as the source of a backtest.

    Parameters
    ----------
    settings
        How to reach Kafka, and the names of the topics.
    source
        A file, or ``kafka://TOPIC?from=...&to=...``.
    mapping
        Of a file, which column says what.
    limit
        Only so many events.
    show
        Told how much of a file is read.

    Raises
    ------
    WrongSource
        If the source is neither, or the mapping is missing, wrong or too much.
    NoEvents
        If there are no events in it; also while they are taken.
    SourceError, MappingError
        While they are taken, if the file cannot be read.
    KafkaAway, TopicMissing
        If no broker answers, or there is no such topic.
    """
    if "://" not in source:
        yield _limited(_file(settings, Path(source), mapping, show), limit)
        return
    try:
        span = parse_span(source)
    except WrongSpan as error:
        raise WrongSource(str(error)) from None
    if mapping is not None:
        raise WrongSource("a mapping is for files; the events of a topic are as they are")
    with RecordedTopic(settings, span) as recorded:
        if not recorded.total:
            raise NoEvents(_nothing_there(span, recorded))
        yield _limited(_topic(span, recorded), limit)


def _limited(history: History, limit: int | None) -> History:
    """Let only so many events of all partitions come, and note when the first one does."""
    taken, unread = 0, len(history.arrivals)

    def some(arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
        nonlocal taken, unread
        for arrival in arrivals:
            if taken == limit:
                break
            taken += 1
            history.began = history.began or time.monotonic()
            yield arrival
        unread -= 1
        if not taken and not unread:
            raise NoEvents(f"{history.source}: there are no events in it")

    total = history.total
    history.arrivals = [some(arrivals) for arrivals in history.arrivals]
    history.total = lambda: total() if limit is None else min(total(), limit)
    return history


def _file(settings: Settings, path: Path, mapping: str | None, show: Show | None) -> History:
    if not path.is_file():
        raise WrongSource(f"{path}: there is no such file; a topic is written kafka://clickstream")
    if mapping is None:
        raise WrongSource(
            f"a mapping says which column is what: one of {', '.join(built_in_mappings())}, or a "
            f"TOML file. To have one proposed: ebb import --dry-run {path}"
        )
    try:
        loaded = load_mapping(mapping)
    except MappingError as error:
        raise WrongSource(str(error)) from None
    tally = Tally()
    size = max(1, path.stat().st_size)
    rows = 0

    def on_rows(count: int, position: int) -> None:
        nonlocal rows
        rows = count
        if show is not None:
            show("reading", position, size)

    return History(
        source=str(path),
        arrivals=[
            handed_over(recorded_file(path, loaded, tally, on_rows), settings.churn.session_gap)
        ],
        treated=False,
        total=lambda: rows - tally.rejected,
        told=lambda: _of_tally(tally),
        notes=list,
        tally=tally,
    )


def _of_tally(tally: Tally) -> dict[str, Any]:
    return {
        "rejected": tally.rejected,
        "rejected_by_reason": dict(tally.reasons.most_common()),
    }


def _topic(span: Span, recorded: RecordedTopic) -> History:
    return History(
        source=str(span),
        arrivals=recorded.arrivals(),
        treated=True,
        total=lambda: recorded.total,
        told=lambda: {**recorded.counts, "begins_late": recorded.begins_late},
        notes=lambda: list(_notes(recorded)),
    )


def _nothing_there(span: Span, recorded: RecordedTopic) -> str:
    oldest = recorded.oldest()
    if oldest is None:
        return f"{span}: the topic {recorded.topic} is empty"
    return (
        f"{span}: nothing arrived in that time. {recorded.topic} holds {recorded.held:,} records, "
        f"the first of which arrived at {to_iso(oldest)}; from and to are times of arrival, not "
        "those of the events"
    )


def _notes(recorded: RecordedTopic) -> Iterator[str]:
    counts = recorded.counts
    if recorded.begins_late:
        yield (
            "The topic had records before this stretch, which were not read: customers count as "
            "new where it begins, so judge by what comes later."
        )
    if counts["invalid"]:
        yield f"{counts['invalid']:,} messages are no events, and were left out."
    if recorded.unmoved:
        yield (
            f"{recorded.unmoved:,} events lie on a partition that is not their customer's, and no "
            "worker has moved them: they were left out."
        )
