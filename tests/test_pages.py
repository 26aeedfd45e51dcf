"""The pages of the project: what they point to is there, and what they tell to type is known."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from streams.cli import ebb
from tests.servers import ROOT

PAGES = sorted(
    str(path.relative_to(ROOT))
    for where in ("*.md", "docs/*.md", "bench/*.md", "examples/**/*.md")
    for path in ROOT.glob(where)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A file of ours, as it is named in a sentence.
NAMED = re.compile(
    r"`((?:bench|docs|examples|features|models|requirements|streams|tests)/[^`\s]+)`"
)
#: What is typed: in a line of its own, or within a sentence.
TYPED = re.compile(r"^\s*(?:\$ )?(ebb [a-z][^\n]*)|`(ebb [a-z][^`\n]*)`", re.MULTILINE)
SHARED = ("--config", "--kafka", "--redis", "--set", "--help", "--version")


def titles(page: Path) -> set[str]:
    """Return what the headings of a page are called in links."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


def dead(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere, and the files that are not there."""
    text = page.read_text("utf-8")
    for link in LINK.findall(text):
        if link.startswith(("https://", "http://")):
            continue
        path, _, title = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (title and title not in titles(target)):
            yield link
    for name in NAMED.findall(text):
        if not any(ROOT.glob(name.rstrip("/"))):
            yield name


def typed(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a text."""
    for alone, within in TYPED.findall(text.replace("\\\n", " ")):
        words: list[str] = []
        for word in (*shlex.shlex(alone or within, posix=True, punctuation_chars=True), ";"):
            if set(word) <= set("&|;"):
                yield words
                words = []
            else:
                words.append(word)


def unknown(text: str) -> Iterator[str]:
    """Yield the commands and options in a text that there are not."""
    context = click.Context(ebb)
    for words in typed(text):
        if words[:1] != ["ebb"]:
            continue
        command: click.Command | None = ebb
        place = 1
        while isinstance(command, click.Group) and re.match(r"[a-z]", "".join(words[place:])):
            command, place = command.get_command(context, words[place]), place + 1
        known = {*SHARED, *(word for each in getattr(command, "params", ()) for word in each.opts)}
        options = [word for word in words[place:] if re.match(r"--?[a-z]", word)]
        if command is None or any(word.partition("=")[0] not in known for word in options):
            yield " ".join(words)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_points_to_is_there(name: str) -> None:
    assert list(dead(ROOT / name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_to_type_is_known(name: str) -> None:
    assert list(unknown((ROOT / name).read_text("utf-8"))) == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n[there](#a-page) [gone](#b-page) [nowhere](b.md) `docs/none.md` `docs/*.md`\n"
    )
    assert list(dead(page)) == ["#b-page", "b.md", "docs/none.md"]
    text = "`ebb status --json`, `ebb stat`\n    ebb keys make web && ebb notify --prot 1  # run\n"
    assert list(unknown(text)) == ["ebb stat", "ebb keys make web", "ebb notify --prot 1"]
