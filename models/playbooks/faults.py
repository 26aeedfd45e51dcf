"""What is wrong in a policy file, all of it at once: on which line, in which field, and the cure.

A `Table` is asked for what it should hold. Whatever is not right becomes a fault and a default
stands in, so that reading goes on; what was never asked for has no business there.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from features import Millis, parse_duration
from models.playbooks.lines import Path

_TIME_OF_DAY: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
#: Longer values are not shown whole.
_SHOWN: Final = 60
#: So many words can be listed within a line.
_FEW: Final = 8
W = TypeVar("W", bound=str)


class Fault(NamedTuple):
    """One thing that is wrong.

    Parameters
    ----------
    line
        Counted from 1.
    where
        The playbook, if it is in one, and the field.
    text
        What is wrong, and what would be right.
    """

    line: int
    where: str
    text: str

    def __str__(self) -> str:
        """Return it as it is shown."""
        return f"line {self.line}, {self.where}: {self.text}"


class PolicyWrong(ValueError):
    """A policy file cannot be used; says everything that is wrong with it.

    Parameters
    ----------
    faults
        By line.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(map(str, self.faults)))


def meant(word: object, known: Collection[str]) -> str:
    """Return a hint at the word that was probably meant, and all that there are.

    Examples
    --------
    >>> meant("hgih", ("low", "medium", "high"))
    "did you mean 'high'? (low, medium, high)"
    >>> meant("?", ("low", "high"))
    'write low or high'
    """
    words = list(known)
    close = difflib.get_close_matches(str(word).lower(), words, n=1)
    if close:
        more = f" ({', '.join(words)})" if 1 < len(words) <= _FEW else ""
        return f"did you mean {close[0]!r}?{more}"
    if len(words) > _FEW:
        return f"there are {', '.join(words[:6])} and {len(words) - 6} others"
    *most, last = words
    return f"write {', '.join(most)} or {last}" if most else f"write {last}"


def shown(value: object) -> str:
    """Return a value of the file as it may be shown, not longer than a line."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class Table:
    """One table of the file, which is asked for what it should hold.

    Parameters
    ----------
    content
        What is in it.
    path
        Where it is.
    lines
        Of `lines_of`.
    faults
        To which is added what is wrong.
    owner
        The playbook that it belongs to, in words; else empty.
    name
        Its own name within the owner or the file, with a dot behind; empty for those themselves.

    Examples
    --------
    >>> faults: list[Fault] = []
    >>> table = Table({"band": "hgih", "rsk": 1}, (), {("band",): 7, ("rsk",): 8}, faults)
    >>> table.word("band", ("low", "high"), "band"), table.number("risk", 0.5, most=1)
    ('low', 0.5)
    >>> table.end()
    >>> for fault in faults:
    ...     print(fault)
    line 7, band: 'hgih' is no band; did you mean 'high'? (low, high)
    line 8, rsk: there is no such key; did you mean 'risk'? (band, risk)
    """

    def __init__(
        self,
        content: Mapping[str, Any],
        path: Path,
        lines: Mapping[Path, int],
        faults: list[Fault],
        owner: str = "",
        name: str = "",
    ) -> None:
        self.content = content
        self.path = path
        self.owner = owner
        self._lines = lines
        self._faults = faults
        self._name = name
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        self._ask(key)
        return key in self.content

    def fault(self, key: str, text: str, *places: str | int) -> None:
        """Note a fault of a key, or of something in its value."""
        path: Path = (*self.path, *filter(None, [key]), *places)
        while path and path not in self._lines:
            path = path[:-1]
        field = f"{self._name}{key}" if key else self._name.rstrip(".")
        where = ", ".join(part for part in (self.owner, field) if part)
        self._faults.append(Fault(self._lines.get(path, 1), where or "the file", text))

    def end(self) -> None:
        """Note what is there and was never asked for."""
        for key in self.content:
            if key not in self._asked:
                self.fault(key, f"there is no such key; {meant(key, self._asked)}")

    def _ask(self, key: str) -> None:
        if key not in self._asked:
            self._asked.append(key)

    def _given(self, key: str, *, needed: bool, right: str) -> Any:
        self._ask(key)
        if key in self.content:
            return self.content[key]
        if needed:
            self.fault("", f"{key} is missing; {right}")
        return None

    # -- words --------------------------------------------------------------------------------

    def text(
        self,
        key: str,
        default: str = "",
        *,
        needed: bool = False,
        most: int = 200,
        right: str = "write a text, in quotes",
    ) -> str:
        """Return a text."""
        value = self._given(key, needed=needed, right=right)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            self.fault(key, f"{shown(value)} is no text of 1 to {most} letters, in quotes")
            return default
        return value

    def name(self, key: str, what: str, *, needed: bool = False, right: str = "") -> str:
        """Return a name: letters, digits, dashes and underscores."""
        value = self._given(key, needed=needed, right=right or f"give the {what} a name")
        if value is None:
            return ""
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            self.fault(
                key,
                f"{shown(value)} is no name of a {what}; up to 40 letters, digits, dashes and"
                " underscores, in quotes",
            )
            return ""
        return value

    def word(self, key: str, known: Sequence[W], what: str, *, needed: bool = False) -> W:
        """Return one of the words that there are; the first one if it is none."""
        value = self._given(key, needed=needed, right=f"write {', '.join(known)}")
        if value is not None:
            for each in known:
                if each == value:
                    return each
            self.fault(key, f"{shown(value)} is no {what}; {meant(value, known)}")
        return known[0]

    def words(self, key: str, known: Collection[str] | None, what: str) -> tuple[str, ...]:
        """Return a list of words, of those that there are if that is known; or a single one."""
        value = self._given(key, needed=False, right="")
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if not listed:
            self.fault(key, "the list is empty; name at least one, or leave the key out")
        found = []
        for place, each in enumerate(listed):
            places = (place,) if isinstance(value, list) else ()
            if not isinstance(each, str) or not each:
                self.fault(key, f"{shown(each)} is no {what}; write a text, in quotes", *places)
            elif known is not None and each not in known:
                self.fault(key, f"{each!r} is no {what}; {meant(each, known)}", *places)
            else:
                found.append(each)
        return tuple(dict.fromkeys(found))

    # -- numbers ------------------------------------------------------------------------------

    def number(
        self,
        key: str,
        default: float = 0.0,
        *,
        least: float | None = None,
        most: float | None = None,
        above: float | None = None,
        needed: bool = False,
    ) -> float:
        """Return a number within bounds."""
        right = _bounds(least, most, above)
        value = self._given(key, needed=needed, right=right)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(key, f"{shown(value)} is no number; {right}")
        elif (
            not math.isfinite(value)
            or (least is not None and value < least)
            or (above is not None and value <= above)
            or (most is not None and value > most)
        ):
            self.fault(key, f"{value:g} cannot be; {right}")
        else:
            return float(value)
        return default

    def whole(self, key: str, default: int, *, least: int, most: int, needed: bool = False) -> int:
        """Return a whole number within bounds."""
        right = f"write a whole number from {least} to {most}"
        value = self._given(key, needed=needed, right=right)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"{shown(value)} cannot be; {right}")
            return default
        return value

    def cents(self, key: str, default: int = 0, *, above: bool = False) -> int:
        """Return an amount of money in cents."""
        found = self.number(
            key, default / 100, least=None if above else 0, above=0 if above else None, most=1e9
        )
        cents = round(found * 100)
        if abs(found * 100 - cents) > 1e-4:
            self.fault(key, f"{found:g} is no amount; write at most two digits behind the point")
        return cents

    def flag(self, key: str, default: bool) -> bool:
        """Return whether something is so."""
        value = self._given(key, needed=False, right="")
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, f"{shown(value)} is neither true nor false; write one of them, bare")
            return default
        return value

    # -- time ---------------------------------------------------------------------------------

    def duration(self, key: str, default: Millis = 0, *, needed: bool = False) -> Millis:
        """Return a duration above 0."""
        right = "write a number and a unit, such as 90s, 6h, 30d or 12w, in quotes"
        value = self._given(key, needed=needed, right=right)
        if value is None:
            return default
        try:
            found = parse_duration(value) if isinstance(value, str) else 0
        except ValueError:
            found = 0
        if found <= 0:
            self.fault(key, f"{shown(value)} is no duration; {right}")
            return default
        return found

    def minutes(self, key: str, default: int) -> int:
        """Return a time of day, in minutes since midnight."""
        right = 'write hours and minutes, such as "21:30", in quotes'
        value = self._given(key, needed=True, right=right)
        if value is None:
            return default
        match = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.fault(key, f"{shown(value)} is no time of day; {right}")
            return default
        return int(match[1]) * 60 + int(match[2])

    # -- tables -------------------------------------------------------------------------------

    def table(self, key: str) -> Table | None:
        """Return a table within this one; None if there is none."""
        value = self._given(key, needed=False, right="")
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, f"{shown(value)} is no table; write {key} = {{ ... }} or a header")
            return None
        return self._inner(value, (*self.path, key), self.owner, f"{self._name}{key}.")

    def tables(self, key: str, what: str) -> list[Table]:
        """Return the tables of a list, each with an owner of its own."""
        value = self._given(key, needed=False, right="")
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.fault(key, f"{shown(value)} is no list of tables; write [[{key}]] above each")
            return []
        found = []
        for place, each in enumerate(value):
            named = each.get("name")
            named = repr(named) if isinstance(named, str) and named else f"number {place + 1}"
            owner = f"{self.owner}, {what} {named}" if self.owner else f"{what} {named}"
            found.append(self._inner(each, (*self.path, key, place), owner, ""))
        return found

    def _inner(self, content: Mapping[str, Any], path: Path, owner: str, name: str) -> Table:
        return Table(content, path, self._lines, self._faults, owner, name)


def _bounds(least: float | None, most: float | None, above: float | None) -> str:
    words = "write a number"
    if above is not None:
        words += f" above {above:g}"
    elif least is not None:
        words += f" from {least:g}"
    if most is not None:
        words += f" to {most:g}" if least is not None else f", at most {most:g}"
    return words


__all__ = ["Fault", "PolicyWrong", "Table", "meant", "shown"]
