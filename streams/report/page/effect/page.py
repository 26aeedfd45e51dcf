"""The page of an effect, section by section."""

from __future__ import annotations

from typing import Any

from features import DAY, to_iso
from streams.effect import Asked, Joined
from streams.report.page.effect.figures import figures
from streams.report.page.effect.groups import apart
from streams.report.page.effect.moments import over_time
from streams.report.page.effect.origin import Read, origin
from streams.report.page.effect.split import split
from streams.report.page.effect.telling import Telling
from streams.report.page.effect.verdict import verdict
from streams.report.page.words import words_of
from streams.report.page.writing import rendered


def effect_page(joined: Joined, asked: Asked, read: Read, language: str = "en") -> str:
    """Return the page of an effect as HTML.

    Parameters
    ----------
    joined
        What came of it, with its looks.
    asked
        What was asked.
    read
        Which data it is of.
    language
        ``en``, or ``zh`` for Chinese.

    Raises
    ------
    ValueError
        If there are no words in that language.
    """
    telling = Telling(words_of("effect", language), asked.dimensions)
    lines, rules = joined.measured.lines, asked.rules
    sections = [over_time(joined.looks.get((), ()), rules.alpha, telling)]
    if len(lines) > 1:
        sections.append(apart(joined, rules.alpha, telling))
    sections += [
        figures(lines, rules, telling),
        split(joined, telling),
        origin(joined, asked, read, telling),
    ]
    return rendered(
        telling.words,
        telling.packed,
        verdict=verdict(lines, telling),
        sections=sections,
        glossary=telling.words.glossary,
        about=_about(joined, asked, telling),
    )


def _about(joined: Joined, asked: Asked, telling: Telling) -> dict[str, Any]:
    measured = joined.measured
    overall = measured.lines[0]
    of: Any = telling.plain("of.nobody")
    if measured.first is not None and measured.last is not None:
        of = telling.say(
            "of",
            count=overall.treated + overall.held_out,
            held=overall.held_out,
            first=to_iso(measured.first),
            last=to_iso(measured.last),
        )
    return {
        "title": telling.plain("title"),
        "source": "",
        "of": of,
        "question": telling.say(
            "question",
            horizon=asked.rules.horizon / DAY,
            now=to_iso(joined.now),
        ),
        "footer": telling.plain("footer"),
    }


__all__ = ["effect_page"]
