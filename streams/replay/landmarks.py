"""The times at which everybody is judged, instead of at each customer's own decision points.

A landmark t is the end of a calendar day (UTC); events before t are known. *Eligible* is who did
something that counts in [t - A, t); *churned* is who then does nothing that counts in [t, t + H).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from features import DAY, Millis, from_datetime, parse_duration

_WRONG: Final = "write the first day and the step, such as 2017-03-31/7d"


@dataclass(frozen=True)
class Landmarks:
    """The times at which everybody is judged.

    Parameters
    ----------
    start
        The first of them, in milliseconds.
    step
        From one to the next, in milliseconds.
    score_from
        Landmarks before it only teach.

    Examples
    --------
    The landmark of a day is the midnight that ends it.

    >>> from features import to_iso
    >>> weekly = Landmarks.parse("2017-03-31/7d", score_from="2017-05-31")
    >>> to_iso(weekly.start), to_iso(weekly.score_from), weekly.step // DAY
    ('2017-04-01T00:00:00Z', '2017-06-01T00:00:00Z', 7)
    """

    start: Millis
    step: Millis
    score_from: Millis = 0

    def __post_init__(self) -> None:
        if self.step <= 0:
            raise ValueError(f"landmarks every {self.step} ms would never end; {_WRONG}")

    @classmethod
    def parse(cls, text: str, score_from: str | None = None) -> Landmarks:
        """Read landmarks as people write them: ``2017-03-31/7d``.

        Parameters
        ----------
        text
            The first day, at whose end the first landmark is, and the step.
        score_from
            The day whose landmark is the first that is scored; earlier ones only teach.

        Raises
        ------
        ValueError
            If one of them cannot be read.
        """
        first, slash, step = text.partition("/")
        if not slash:
            raise ValueError(f"{text!r} names no landmarks; {_WRONG}")
        return cls(
            _end_of(first),
            parse_duration(step),
            0 if score_from is None else _end_of(score_from),
        )


def _end_of(day: str) -> Millis:
    try:
        found = date.fromisoformat(day.strip())
    except ValueError:
        raise ValueError(f"{day!r} is not a day; write it as 2017-03-31") from None
    return from_datetime(datetime(found.year, found.month, found.day, tzinfo=UTC)) + DAY
