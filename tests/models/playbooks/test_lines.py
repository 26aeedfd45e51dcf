"""The line of every value of a TOML file, against files that were written line by line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.playbooks.lines import Path, lines_of

BARE = st.sampled_from(["a", "b-1", "when", "x_y", "7"])
#: As a key is written, and as it is meant.
KEYS = st.one_of(
    BARE.map(lambda key: (key, key)),
    st.sampled_from([('"q # ]"', "q # ]"), ("'l \"= '", 'l "= '), ('"t\\tb\\u00e9\\""', 't\tbé"')]),
)
PLAIN = st.sampled_from(
    [
        *("1", "-2.5e3", "true", "inf", "0x1F", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00"),
        *('"text # no comment"', '"quote \\" ] } "', "'c:\\'", '""', "''"),
        *('"""one"""', '"""\n two ""quotes\\""" """', "'''\n\n[no.header]\n'''"),
        *('"""ends in two"""""', "'''ends in one''''", '"""\\\n   joined \\\\"""'),
    ]
)
GAPS = st.sampled_from(["", " ", "\n", "  # [x] \"'\n", "\n\n\t"])
ENDS = st.sampled_from(["\n", "  # [[no]] = {\n", "\n\n", "\n # only a comment\n"])


class Writer:
    """Writes a file, and notes for each path the line that it is at: plainly right."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {}

    def note(self, path: Path) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def note_all(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            if path[:length] not in self.lines:
                self.note(path[:length])

    def pairs(self, path: Path, most: int, between: str = "") -> None:
        taken: set[str] = set()
        for number in range(self.draw(st.integers(0, most))):
            written, meant = self.draw(KEYS)
            if meant in taken:
                continue
            taken.add(meant)
            if between and number and len(taken) > 1:
                self.text += between
            deeper = self.draw(st.booleans())
            self.note_all((*path, meant, "deep") if deeper else (*path, meant))
            self.text += f"{written} . deep = " if deeper else f"{written} ="
            self.value((*path, meant, "deep") if deeper else (*path, meant), 2)
            if not between:
                self.text += self.draw(ENDS)

    def value(self, path: Path, depth: int) -> None:
        kind = self.draw(
            st.sampled_from(["plain", "plain", "array", "inline"][: 4 if depth else 2])
        )
        if kind == "plain":
            self.text += self.draw(PLAIN)
        elif kind == "array":
            self.text += "["
            count = self.draw(st.integers(0, 3))
            for number in range(count):
                self.text += self.draw(GAPS)
                self.note((*path, number))
                self.value((*path, number), depth - 1)
                self.text += self.draw(GAPS)
                if number < count - 1 or self.draw(st.booleans()):
                    self.text += ","
            self.text += self.draw(GAPS) + "]"
        else:
            self.text += "{ "
            before = len(self.lines)
            self.pairs_inline(path)
            self.text += " }" if len(self.lines) > before else "}"

    def pairs_inline(self, path: Path) -> None:
        for number, key in enumerate(self.draw(st.lists(BARE, max_size=2, unique=True))):
            self.text += ", " if number else ""
            self.note((*path, key))
            self.text += f"{key} = {self.draw(st.sampled_from(['1', chr(34) + '}' + chr(34)]))}"


@st.composite
def files(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    writer.text = draw(ENDS)
    writer.pairs((), 3)
    for name in draw(st.lists(st.sampled_from(["p", "q"]), max_size=2, unique=True)):
        name = f"{name}lan"
        for number in range(draw(st.integers(0, 3))):
            here: Path = (name, number)
            writer.note_all((name,))
            writer.note(here)
            writer.text += f"[[ {name} ]]" + draw(ENDS)
            writer.pairs(here, 2)
            if draw(st.booleans()):
                writer.note_all((*here, "inner"))
                writer.note_all((*here, "inner", "most"))
                writer.text += f'[{name}."inner".most]' + draw(ENDS)
                writer.pairs((*here, "inner", "most"), 2)
            for arm in range(draw(st.integers(0, 2))):
                writer.note_all((*here, "arms"))
                writer.note((*here, "arms", arm))
                writer.text += f"[[{name}.arms]]" + draw(ENDS)
                writer.pairs((*here, "arms", arm), 1)
                if draw(st.booleans()):
                    writer.note_all((*here, "arms", arm, "action"))
                    writer.text += f"[{name}.arms.action]" + draw(ENDS)
                    writer.pairs((*here, "arms", arm, "action"), 1)
    return writer


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inside:
        yield (*above, key)
        if isinstance(each, dict | list):
            yield from paths(each, (*above, key))


@settings(max_examples=200, deadline=None)
@given(files(), st.booleans())
def test_every_value_has_the_line_on_which_it_was_written(writer: Writer, crlf: bool) -> None:
    text = writer.text.replace("\n", "\r\n") if crlf else writer.text
    document = tomllib.loads(text)
    found = lines_of(text)
    assert found == writer.lines
    assert set(found) == set(paths(document))


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("", None, 0),
        ("a = 1", ("a",), 1),
        ("\n\n[b.c]\n[b]\nd = 2\n", ("b",), 4),
        ("[b.c]\n[b]\nd = 2\n", ("b", "c"), 1),
        ('[[x]]\n[[x]]\nk = """\n[[x]]\n"""\nl = 1\n', ("x", 1, "l"), 6),
        ("x = [\n  # one\n  { a = 1 },\n\n  { a = 2 }\n]\n", ("x", 1, "a"), 5),
    ],
)
def test_some_lines_by_hand(text: str, path: Path | None, line: int) -> None:
    found = lines_of(text)
    assert found == {} if path is None else found[path] == line
