"""On which line of a TOML file each of its values stands, which the reader of TOML does not tell.

Only for text that is valid TOML: whoever reads a file reads it first, and asks for lines then.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, TypeAlias

#: Keys, and places in arrays, from the top of the document down to a value.
Path: TypeAlias = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[ \t\n,]|#[^\n]*)*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN: Final = re.compile(r"[^,\]}\n#]*")
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([btnfre"\\])|x(..))')
_SHORT: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def lines_of(text: str) -> dict[Path, int]:
    r"""Return the line, counted from 1, of every table and value of a TOML document.

    Parameters
    ----------
    text
        Valid TOML.

    Returns
    -------
    dict
        By path: of a table the line of its header, of a value the line of its key, of an element
        of an array the line on which it begins. A table of which no header or key speaks by itself
        has the line of the first thing in it.

    Examples
    --------
    >>> found = lines_of('version = 1\n\n[[playbook]]\nwhen.band = [\n  "high",\n]\n')
    >>> found["version",], found["playbook", 0], found["playbook", 0, "when", "band", 0]
    (1, 3, 5)
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._ends = [each.start() for each in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        #: How many elements each array of tables has so far.
        self._lengths: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        base: Path = ()
        while self._next():
            if self._text[self._place] == "[":
                base = self._header()
            else:
                self._pair(base)
        return self._lines

    def _next(self) -> str:
        """Pass over blanks, commas and comments; return what comes then, nothing at the end."""
        match = _BLANK.match(self._text, self._place)
        assert match is not None  # it matches nothing at all, too
        self._place = match.end()
        return self._text[self._place : self._place + 1]

    def _note(self, path: Path, line: int, known: int = 0) -> None:
        """Note the line of a path, and of whatever above it has none yet."""
        for length in range(known + 1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return bisect_right(self._ends, self._place - 1) + 1 if self._place else 1

    def _header(self) -> Path:
        line = self._line()
        many = self._text.startswith("[[", self._place)
        self._place += 2 if many else 1
        *above, last = self._keys()
        self._place += 2 if many else 1
        path: Path = ()
        for key in above:
            path = (*path, key)
            if path in self._lengths:
                # The element that was begun last is meant.
                path = (*path, self._lengths[path] - 1)
        path = (*path, last)
        if many:
            number = self._lengths.get(path, 0)
            self._lengths[path] = number + 1
            path = (*path, number)
        self._note(path[:-1], line)
        # Its own header says more of a table than what a deeper one made of it before.
        self._lines[path] = line
        return path

    def _keys(self) -> list[str]:
        found = []
        while True:
            first = self._next()
            if first in ('"', "'"):
                start = self._place
                self._string()
                inside = self._text[start + 1 : self._place - 1]
                found.append(_ESCAPE.sub(_unescaped, inside) if first == '"' else inside)
            else:
                match = _BARE.match(self._text, self._place)
                assert match is not None, "not valid TOML"
                self._place = match.end()
                found.append(match[0])
            if self._next() != ".":
                return found
            self._place += 1

    def _pair(self, base: Path) -> None:
        line = self._line()
        path = (*base, *self._keys())
        self._place += 1  # the sign between
        self._note(path, line, len(base))
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._next()
        if first == "[":
            self._place += 1
            number = 0
            while self._next() != "]":
                element = (*path, number)
                self._lines[element] = self._line()
                self._value(element)
                number += 1
            self._place += 1
        elif first == "{":
            self._place += 1
            while self._next() != "}":
                self._pair(path)
            self._place += 1
        elif first in ('"', "'"):
            self._string()
        else:
            match = _PLAIN.match(self._text, self._place)
            assert match is not None  # it matches nothing at all, too
            self._place = match.end()

    def _string(self) -> None:
        """Pass over a string of any of the four kinds."""
        text, place = self._text, self._place
        quote = text[place]
        closing = quote * 3 if text.startswith(quote * 3, place) else quote
        place += len(closing)
        while not text.startswith(closing, place):
            place += 2 if text[place] == "\\" and quote == '"' else 1
        place += len(closing)
        if len(closing) == 3:
            # Up to two quotes may stand right before the closing ones.
            for _ in range(2):
                place += text.startswith(quote, place)
        self._place = place


def _unescaped(match: re.Match[str]) -> str:
    short, long, letter, byte = match.groups()
    if letter:
        return _SHORT.get(letter, letter)
    return chr(int(short or long or byte, 16))


__all__ = ["Path", "lines_of"]
