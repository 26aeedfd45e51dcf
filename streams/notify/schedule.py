"""What follows from an answer: done, again later, given up, or leave the endpoint alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from features import DAY, SECOND, Millis

#: What an endpoint answers that cannot keep up, or whose proxy cannot.
_SLOW: Final = frozenset({429, 502, 504})
_GONE: Final = 410
#: How long an endpoint that cannot keep up is left in peace at first; then twice as long each time.
_FIRST_REST: Final = 5 * SECOND
#: Failures in a row after which an endpoint is taken to be down, whatever it answers.
_DOWN: Final = 10
#: Nobody is waited for longer than that, whatever they say.
_LONGEST_WORD: Final = DAY
#: So much later at most, at random: what failed together need not come back together.
_JITTER: Final = 0.1


@dataclass(frozen=True)
class Answer:
    """What became of an attempt.

    Parameters
    ----------
    status
        The status that came back; 0 if none did.
    words
        What it was, for people; never more than a line.
    retry_after
        How long the endpoint asks to be left alone; None if it does not.
    """

    status: int
    words: str
    retry_after: Millis | None = None

    @property
    def taken(self) -> bool:
        """Whether the endpoint has it: 2xx, and nothing else."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Verdict:
    """What to do after an attempt.

    Parameters
    ----------
    kind
        ``delivered``; ``again``; ``dead``: given up; ``gone``: given up, and the endpoint
        disabled.
    at
        When to try again.
    rest_until
        Until when the endpoint is left in peace with everything; 0 if it need not be.
    why
        In words, of all but ``delivered``.
    attempted
        Whether anything was sent.
    """

    kind: Literal["delivered", "again", "dead", "gone"]
    at: Millis = 0
    rest_until: Millis = 0
    why: str = ""
    attempted: bool = True


def judge(
    answer: Answer,
    *,
    tries: int,
    delays: Sequence[Millis],
    now: Millis,
    until: Millis,
    strikes: int,
    failures: int,
    longest_rest: Millis,
    dice: float,
) -> Verdict:
    """Return what follows from an answer.

    Parameters
    ----------
    answer
        To the attempt that was just made.
    tries
        Attempts that were made, this one among them.
    delays
        How long to wait after the first, the second, ...; after one more it is given up.
    now
        The time.
    until
        An attempt after that is worse than none; 0 for no end.
    strikes
        How often in a row the endpoint was left in peace, before this.
    failures
        How many attempts at the endpoint failed in a row, before this.
    longest_rest
        How long it is left in peace at most, unless it asks for more.
    dice
        From 0 to 1, at random.

    Examples
    --------
    >>> words = {"delays": (5_000, 300_000), "now": 0, "until": 0, "strikes": 0, "failures": 0}
    >>> words |= {"longest_rest": 300_000, "dice": 0.0}
    >>> judge(Answer(204, "204"), tries=1, **words).kind
    'delivered'
    >>> judge(Answer(500, "500"), tries=2, **words)
    Verdict(kind='again', at=300000, rest_until=0, why='500', attempted=True)
    >>> judge(Answer(500, "500"), tries=3, **words).why
    'given up after 3 attempts: 500'
    >>> judge(Answer(429, "429", retry_after=60_000), tries=1, **words).rest_until
    60000
    """
    if answer.taken:
        return Verdict("delivered")
    if answer.status == _GONE:
        return Verdict("gone", why=f"it answered {answer.words}")
    asked = min(answer.retry_after or 0, _LONGEST_WORD)
    rest_until = 0
    if answer.status in _SLOW or asked or failures >= _DOWN:
        rest = min(_FIRST_REST << min(strikes, 20), longest_rest)
        # What the endpoint itself asks for is known better than what we think up.
        rest_until = now + (asked or rest)
    if tries > len(delays):
        made = f"{tries} attempts" if tries > 1 else "one attempt"
        return Verdict("dead", rest_until=rest_until, why=f"given up after {made}: {answer.words}")
    delay = delays[tries - 1]
    at = max(now + delay + int(_JITTER * delay * dice), rest_until)
    if until and at > until:
        return Verdict("dead", rest_until=rest_until, why=f"no longer valid: {answer.words}")
    return Verdict("again", at, rest_until, answer.words)


def retry_after(header: str | None, now: Millis) -> Millis | None:
    """Return how long a ``Retry-After`` asks to wait; None if it says nothing that can be read.

    Parameters
    ----------
    header
        Seconds, or a date.
    now
        The time.

    Examples
    --------
    >>> retry_after("120", 0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10_000)
    (120000, 50000)
    >>> retry_after("soon", 0), retry_after(None, 0)
    (None, None)
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return min(int(text[:9]) * SECOND, _LONGEST_WORD)
    try:
        moment = parsedate_to_datetime(text)
        wait = int(moment.timestamp() * SECOND) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0), _LONGEST_WORD)
