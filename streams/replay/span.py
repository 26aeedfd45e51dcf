"""A stretch of a topic, as one writes it: ``kafka://clickstream?from=2026-01-01&to=2026-02-01``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from features import Millis, from_datetime, to_iso

#: How a source that is a topic begins.
SCHEME: Final = "kafka://"
_RIGHT: Final = (
    "write kafka://clickstream?from=2026-01-01&to=2026-02-01; from and to may be left out"
)


class WrongSpan(ValueError):
    """The text names no stretch of a topic; says why, and what would be right."""


@dataclass(frozen=True)
class Span:
    """A stretch of a topic.

    Parameters
    ----------
    topic
        Its name, as written.
    since, until
        Time of arrival of the first record, and that before which all of them arrived, in
        milliseconds; None for the topic's beginning, and for what it holds by now.
    """

    topic: str
    since: Millis | None = None
    until: Millis | None = None

    def __str__(self) -> str:
        ends = (("from", self.since), ("to", self.until))
        words = "&".join(f"{name}={to_iso(at)}" for name, at in ends if at is not None)
        return f"{SCHEME}{self.topic}{'?' if words else ''}{words}"


def parse_moment(text: str) -> Millis:
    """Read a date, which is its midnight in UTC, or a time in ISO 8601, UTC unless it says so.

    Raises
    ------
    ValueError
        If the text is neither.

    Examples
    --------
    >>> to_iso(parse_moment("2026-01-01")), to_iso(parse_moment("2026-01-01T12:00+02:00"))
    ('2026-01-01T00:00:00Z', '2026-01-01T10:00:00Z')
    """
    try:
        moment = datetime.fromisoformat(text)
        # In UTC, since a year 1 in a zone east of it is before all time.
        zone = UTC if moment.tzinfo is None else moment.tzinfo
        return from_datetime(moment.replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is neither a date nor a time; write 2026-01-31 or 2026-01-31T18:00Z"
        ) from None


def parse_span(text: str) -> Span:
    """Read a stretch of a topic; raises `WrongSpan`.

    Examples
    --------
    >>> print(parse_span("kafka://clickstream?from=2026-01-01"))
    kafka://clickstream?from=2026-01-01T00:00:00Z
    >>> parse_span("kafka://clickstream?form=2026-01-01")
    Traceback (most recent call last):
    ...
    streams.replay.span.WrongSpan: kafka://clickstream?form=2026-01-01: 'form' is neither from \
nor to; write kafka://clickstream?from=2026-01-01&to=2026-02-01; from and to may be left out
    """
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise WrongSpan(f"{text}: {error}; {_RIGHT}") from None
    if not text.startswith(SCHEME) or not parts.netloc or parts.path.strip("/") or parts.fragment:
        raise WrongSpan(f"{text}: that names no topic; {_RIGHT}")
    moments: dict[str, Millis] = {}
    for word in filter(None, parts.query.split("&")):
        name, _, value = word.partition("=")
        if name not in ("from", "to"):
            raise WrongSpan(f"{text}: {name!r} is neither from nor to; {_RIGHT}")
        if name in moments:
            raise WrongSpan(f"{text}: {name} is there twice; {_RIGHT}")
        try:
            # A plus is the plus of a time zone here, not a blank.
            moments[name] = parse_moment(unquote(value))
        except ValueError as error:
            raise WrongSpan(f"{text}: {name}: {error}") from None
    since, until = moments.get("from"), moments.get("to")
    if since is not None and until is not None and since >= until:
        raise WrongSpan(f"{text}: nothing is from {to_iso(since)} on and before {to_iso(until)}")
    return Span(unquote(parts.netloc), since, until)
