"""Dead letters for people and for machines: whatever they hold, the terminal is safe."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

import msgspec

from features import Millis, to_iso
from streams.letters.letter import Letter
from streams.letters.surveying import State

#: Most characters of a message that are shown to people.
MOST_SHOWN: Final = 4_000


def as_dict(letter: Letter, state: State) -> dict[str, Any]:
    """Return all that is known of a letter, as JSON can hold it."""
    why = letter.why
    return {
        "letter_id": letter.letter_id,
        "state": state,
        "reason": why.reason,
        "field": why.field,
        "topic": why.topic,
        "partition": why.partition,
        "offset": why.offset,
        "arrived_at": moment(why.timestamp),
        "refused_at": moment(letter.at),
        "redriven_from": why.redriven or None,
        "size": letter.size,
        **_both("key", letter.key),
        **_both("value", letter.value),
    }


def _both(name: str, data: bytes | None) -> dict[str, str | None]:
    try:
        text = None if data is None else data.decode()
    except UnicodeDecodeError:
        text = None
    return {name: text, f"{name}_base64": None if data is None else b64encode(data).decode()}


def moment(at: Millis) -> str:
    """Return a moment as ISO 8601, or as the number that it is: a producer may write anything.

    Examples
    --------
    >>> moment(0), moment(10**18)
    ('1970-01-01T00:00:00Z', '1000000000000000000')
    """
    try:
        return to_iso(at)
    except (OverflowError, ValueError, OSError):
        return str(at)


def escaped(data: bytes | str, *, lines: bool = False) -> str:
    r"""Return text that no terminal would obey: what cannot be printed is written as an escape.

    Parameters
    ----------
    data
        What came from outside; bytes that are not UTF-8 are written as ``\xNN``.
    lines
        Whether the ends of lines stay.

    Examples
    --------
    >>> print(escaped(b"caf\xc3\xa9 \xff \x1b[2J \xe2\x80\xae"))
    café \xff \x1b[2J \u202e
    """
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    return "".join(
        letter
        if letter.isprintable() or (lines and letter == "\n")
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )


def readable(value: bytes) -> str:
    r"""Return a value as people read it: JSON indented, anything else escaped, both bounded.

    Examples
    --------
    >>> print(readable(b'{"user_id":"ada"}'))
    {
      "user_id": "ada"
    }
    >>> print(readable(b'{"user_id": \x00'))
    {"user_id": \x00
    """
    try:
        shown = escaped(msgspec.json.format(value, indent=2), lines=True)
    except (msgspec.DecodeError, ValueError, RecursionError):
        shown = escaped(value[:MOST_SHOWN])
        cut = len(value) > MOST_SHOWN
    else:
        cut = len(shown) > MOST_SHOWN
    return f"{shown[:MOST_SHOWN]}\n… cut; --raw writes all of it" if cut else shown
