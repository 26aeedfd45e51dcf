"""The groups of an effect, told apart: whom acting on alerts helped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from models.effect import Line, Look
from streams.effect import Joined
from streams.report.page.bounds import SCALES, forest, narrowing
from streams.report.page.effect.moments import known
from streams.report.page.effect.telling import Telling
from streams.report.page.writing import Figure, Shown


def apart(joined: Joined, alpha: float, telling: Telling) -> Shown:
    """Return the groups beside each other, and how the largest became known."""
    title = telling.plain("section.groups")
    figures = [*_forests(joined.measured.lines[1:], telling), *_group_charts(joined.looks, telling)]
    by = telling.comma.join(map(telling.by, telling.dimensions))
    lead = telling.say("groups.lead", by=by, alpha=alpha)
    notes = () if figures else (telling.plain("missing.groups"),)
    return Shown("groups", title, tuple(figures), (), (), lead, notes)


def _forests(groups: Sequence[Line], telling: Telling) -> Iterator[Figure]:
    for name, (factor, _) in SCALES.items():
        shown = [line for line in groups if line.figures[name].enough]
        rows = [
            {
                "group": telling.group(line),
                "estimate": factor * line.figures[name].difference.estimate,
                "low": factor * line.figures[name].difference.low,
                "high": factor * line.figures[name].difference.high,
                "word": line.advice.word,
            }
            for line in shown
        ]
        chart = forest(rows, name, telling.words)
        if chart is None:
            continue
        if name == "returned":
            words = dict.fromkeys(line.advice.word for line in groups)
            takeaway = Markup(telling.gap).join(_of_word(word, groups, telling) for word in words)
        else:
            clear = sum(line.figures[name].difference.leaves_out(0.0) for line in shown)
            takeaway = telling.say("forest.margin", clear=clear, count=len(shown))
        heading = telling.plain(f"chart.forest.{name}")
        added = telling.packed.add(f"forest_{name}", chart.to_dict(validate=False))
        yield Figure(f"forest_{name}", heading, takeaway, False, False, added)


def _of_word(word: str, lines: Sequence[Line], telling: Telling) -> Markup:
    groups = [telling.group(line) for line in lines if line.advice.word == word]
    said = telling.plain(f"word.{word}")
    return telling.say(
        "forest", word=said[:1].upper() + said[1:], groups=telling.comma.join(groups)
    )


def _group_charts(
    every: Mapping[tuple[str, ...], Sequence[Look]], telling: Telling
) -> Iterator[Figure]:
    found = [
        (group, looks, chart)
        for group, looks in every.items()
        if group and (chart := narrowing(looks, "returned", telling.words, 190)) is not None
    ]
    for place, (group, looks, chart) in enumerate(found):
        # The last one alone has the whole width.
        wide = place == len(found) - 1 and not place % 2
        title = telling.plain("chart.group", group=telling.called(group))
        takeaway = known(looks, "returned", telling)
        yield telling.figure(f"group_{place + 1}", title, takeaway, chart, wide)


__all__ = ["apart"]
