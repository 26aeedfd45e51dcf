"""The page of an effect: did acting on alerts help, how that became known, and of which data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from features import DAY, to_iso
from models.effect import ALARM, FIGURES, LEAST, Effect, Line, Look
from models.judging import Interval
from streams.effect import Asked, Joined
from streams.report.page.bounds import SCALES, forest, narrowing, rows_of
from streams.report.page.packing import Packed
from streams.report.page.style import Chart
from streams.report.page.words import Words, words_of
from streams.report.page.writing import Figure, Grid, Shown, marked, rendered

#: How the page's look judges each word.
_LEVELS: Final = {"keep": "yes", "stop": "no", "not yet": "unknown"}
#: Of each figure, how its means are told, and its difference.
_KINDS: Final = {
    "returned": ("share", "lift"),
    "repurchased": ("share", "lift"),
    "margin": ("amount", "gain"),
    "gone": ("share", "lift"),
}
#: Rows of the table behind a chart.
_ROWS: Final = 12
#: So many groups have a sentence beside the verdict.
_SAID: Final = 6
_TOLD: Final = (
    *("sent", "delivered", "opened", "clicked", "redeemed", "converted"),
    *("complained", "declined", "unsubscribed", "failed"),
)


class Read(NamedTuple):
    """Which data an effect is of.

    Parameters
    ----------
    sources
        What was read, as people call it.
    unusable
        What could not be used, by kind.
    """

    sources: Sequence[str]
    unusable: Mapping[str, int]


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
    return _Page(joined, asked, read, words_of("effect", language)).html()


class _Page:
    def __init__(self, joined: Joined, asked: Asked, read: Read, words: Words) -> None:
        self._joined, self._asked, self._read, self._words = joined, asked, read, words
        self._packed = Packed(words)
        self._lines = joined.measured.lines
        self._gap = "" if words.language == "zh" else " "
        self._comma = "、" if words.language == "zh" else ", "

    def html(self) -> str:
        sections = [self._over_time()]
        if len(self._lines) > 1:
            sections.append(self._apart())
        sections += [self._figures(), self._split(), self._origin()]
        return rendered(
            self._words,
            self._packed,
            verdict=self._verdict(),
            sections=sections,
            glossary=self._words.glossary,
            about=self._about(),
        )

    # -- words --------------------------------------------------------------------------------

    def _say(self, name: str, **values: Any) -> Markup:
        return marked(self._words, self._words.tell(f"effect.{name}", **values))

    def _plain(self, name: str, **values: Any) -> str:
        return self._words.tell(f"effect.{name}", **values)

    def _group(self, line: Line) -> str:
        return self._called(line.group)

    def _called(self, group: Sequence[str]) -> str:
        if not group:
            return self._words.word("everybody")
        return self._comma.join(
            self._words.word(f"{by}.{each}") if self._words.knows(f"{by}.{each}") else each
            for by, each in zip(self._asked.dimensions, group, strict=False)
        )

    def _by(self, dimension: str) -> str:
        name = f"by_{dimension}"
        # A number that is cut is called what it is in every language.
        return self._words.word(name) if self._words.knows(name) else dimension

    def _word(self, line: Line) -> str:
        return self._plain(f"word.{line.advice.word}")

    def _because(self, line: Line) -> Markup:
        advice = line.advice
        said = self._say(f"because.{advice.code}", **advice.numbers)
        weeks = advice.numbers.get("weeks")
        if weeks is None:
            return said
        if math.isinf(weeks):
            return said + self._gap + self._say("weeks.never")
        return said + self._gap + self._say("weeks.some", weeks=max(round(weeks), 1))

    def _between(self, found: Interval, kind: str) -> str:
        """Return bounds; nothing where there are none."""
        if not math.isfinite(found.low):
            return ""
        low, high = (self._number(kind, end) for end in (found.low, found.high))
        return self._plain("bounds", low=low, high=high)

    def _number(self, kind: str, value: float) -> str:
        if kind == "amount":
            return "\N{EN DASH}" if math.isnan(value) else f"{value:,.2f}".replace("-", "\u2212")
        return self._words.number(kind, value)

    def _about(self) -> dict[str, Any]:
        measured, overall = self._joined.measured, self._lines[0]
        of: Any = self._plain("of.nobody")
        if measured.first is not None and measured.last is not None:
            of = self._say(
                "of",
                count=overall.treated + overall.held_out,
                held=overall.held_out,
                first=to_iso(measured.first),
                last=to_iso(measured.last),
            )
        return {
            "title": self._plain("title"),
            "source": "",
            "of": of,
            "question": self._say(
                "question",
                horizon=self._asked.rules.horizon / DAY,
                now=to_iso(self._joined.now),
            ),
            "footer": self._plain("footer"),
        }

    # -- the verdict --------------------------------------------------------------------------

    def _verdict(self) -> dict[str, Any]:
        overall, *groups = self._lines
        alarm = overall.split.chance < ALARM
        because = [self._because(overall)]
        if not alarm:
            because += [
                self._say("one", group=self._group(line), word=self._word(line))
                + self._gap
                + self._because(line)
                for line in groups[:_SAID]
            ]
        level = _LEVELS[overall.advice.word]
        return {
            "level": "careful" if alarm else level,
            "title": self._plain("verdict.split" if alarm else f"verdict.{overall.advice.word}"),
            "because": because,
            "figures": list(self._numbers_of(overall) if alarm else self._key_figures(overall)),
        }

    def _numbers_of(self, line: Line) -> Iterator[dict[str, Any]]:
        """Yield how customers were split: where that is wrong, no difference means anything."""
        found = line.split
        share = self._words.number("share", found.drawn)
        yield {
            "title": self._plain("key.found"),
            "value": f"{found.found:,}",
            "text": self._say("key.found.text", count=found.customers),
        }
        yield {
            "title": self._plain("key.drawn"),
            "value": f"{found.drawn * found.customers:,.0f}",
            "text": self._say("key.drawn.text", share=share),
        }
        yield {
            "title": self._plain("key.chance"),
            "value": self._words.number("chance", found.chance),
            "text": self._say("key.chance.text", alarm=ALARM),
        }

    def _key_figures(self, line: Line) -> Iterator[dict[str, Any]]:
        for name, kind in (("returned", "lift"), ("margin", "gain")):
            found = line.figures[name]
            text = self._say("key.open", least=LEAST)
            if found.enough:
                low, high = found.difference.low, found.difference.high
                text = self._say(f"key.{name}.text", low=low, high=high)
            yield {
                "title": self._plain(f"key.{name}"),
                "value": self._words.number(kind, found.difference.estimate),
                "text": text,
            }
        known = line.figures["returned"]
        yield {
            "title": self._plain("key.known"),
            "value": f"{known.count:,}",
            "text": self._say("key.known.text", treated=known.treated, held=known.held_out),
        }

    # -- how it became known ------------------------------------------------------------------

    def _over_time(self) -> Shown:
        figures, grids = [], []
        looks = self._joined.looks.get((), ())
        for name in SCALES:
            chart = narrowing(looks, name, self._words)
            if chart is not None:
                title = self._plain(f"chart.{name}")
                figures.append(self._figure(name, title, self._known(looks, name), chart, True))
                grids.append(self._behind(looks, name))
        title = self._plain("section.time")
        if not figures:
            missing = self._plain("missing.time", least=LEAST)
            return Shown("time", title, (), (), (), None, (missing,))
        lead = self._say("time.lead", alpha=self._asked.rules.alpha)
        return Shown("time", title, tuple(figures), tuple(grids), (), lead, ())

    def _figure(self, name: str, title: str, takeaway: Markup, chart: Chart, wide: bool) -> Figure:
        assert chart is not None
        added = self._packed.add(name, chart.to_dict(validate=False))
        return Figure(name, title, takeaway, wide, True, added)

    def _known(self, looks: Sequence[Look], name: str) -> Markup:
        """Return what the bounds have come to, and since when they leave out zero."""
        found = [look for look in looks if look.figures[name].enough]
        last = found[-1].figures[name].difference
        told = {"estimate": last.estimate, "low": last.low, "high": last.high}
        if not last.leaves_out(0.0):
            return self._say(f"open.{name}", **told)
        since = found[-1].at
        for look in reversed(found):
            if not look.figures[name].difference.leaves_out(0.0):
                break
            since = look.at
        return self._say(f"clear.{name}", since=to_iso(since), **told)

    def _behind(self, looks: Sequence[Look], name: str) -> Grid:
        """Return what a chart shows as a table: some of its moments, the last one among them."""
        rows = rows_of(looks, name)
        step = max(math.ceil(len(rows) / _ROWS), 1)
        factor = SCALES[name][0]
        kind = _KINDS[name][1]
        cells = [
            (
                self._words.number("date", row["at"]),
                self._number(kind, row["estimate"] / factor),
                self._number(kind, row["low"] / factor),
                self._number(kind, row["high"] / factor),
                f"{row['treated']:,}",
                f"{row['held']:,}",
            )
            for row in rows[::-1][::step][::-1]
        ]
        keys = ("when", "estimate", "low", "high", "treated_count", "held_count")
        heads = [self._words.word(each) for each in keys]
        return Grid(self._plain(f"table.{name}"), heads, cells, folded=True)

    # -- told apart ---------------------------------------------------------------------------

    def _apart(self) -> Shown:
        title = self._plain("section.groups")
        figures = [*self._forests(), *self._group_charts()]
        by = self._comma.join(map(self._by, self._asked.dimensions))
        lead = self._say("groups.lead", by=by, alpha=self._asked.rules.alpha)
        notes = () if figures else (self._plain("missing.groups"),)
        return Shown("groups", title, tuple(figures), (), (), lead, notes)

    def _forests(self) -> Iterator[Figure]:
        groups = self._lines[1:]
        for name, (factor, _) in SCALES.items():
            shown = [line for line in groups if line.figures[name].enough]
            rows = [
                {
                    "group": self._group(line),
                    "estimate": factor * line.figures[name].difference.estimate,
                    "low": factor * line.figures[name].difference.low,
                    "high": factor * line.figures[name].difference.high,
                    "word": line.advice.word,
                }
                for line in shown
            ]
            chart = forest(rows, name, self._words)
            if chart is None:
                continue
            if name == "returned":
                words = dict.fromkeys(line.advice.word for line in groups)
                takeaway = Markup(self._gap).join(self._of_word(word) for word in words)
            else:
                clear = sum(line.figures[name].difference.leaves_out(0.0) for line in shown)
                takeaway = self._say("forest.margin", clear=clear, count=len(shown))
            heading = self._plain(f"chart.forest.{name}")
            added = self._packed.add(f"forest_{name}", chart.to_dict(validate=False))
            yield Figure(f"forest_{name}", heading, takeaway, False, False, added)

    def _of_word(self, word: str) -> Markup:
        groups = [self._group(line) for line in self._lines[1:] if line.advice.word == word]
        said = self._plain(f"word.{word}")
        return self._say(
            "forest", word=said[:1].upper() + said[1:], groups=self._comma.join(groups)
        )

    def _group_charts(self) -> Iterator[Figure]:
        found = [
            (group, looks, chart)
            for group, looks in self._joined.looks.items()
            if group and (chart := narrowing(looks, "returned", self._words, 190)) is not None
        ]
        for place, (group, looks, chart) in enumerate(found):
            # The last one alone has the whole width.
            wide = place == len(found) - 1 and not place % 2
            title = self._plain("chart.group", group=self._called(group))
            takeaway = self._known(looks, "returned")
            yield self._figure(f"group_{place + 1}", title, takeaway, chart, wide)

    # -- tables -------------------------------------------------------------------------------

    def _figures(self) -> Shown:
        rules, overall = self._asked.rules, self._lines[0]
        spans = {"horizon": rules.horizon / DAY, "gone": rules.gone / DAY}
        grids = []
        for name in FIGURES:
            # What is read first stands first: a phone shows no more without moving.
            keys = ["group", "estimate", "bounds"]
            keys += ["verdict"] if name == "returned" else []
            keys += ["treated", "held", "treated_count", "held_count"]
            heads = [self._words.word(each) for each in keys]
            rows = [self._row(line, line.figures[name], name) for line in self._lines]
            grids.append(Grid(self._plain(f"figure.{name}", **spans), heads, rows))
        notes = []
        margin = overall.figures["margin"]
        if margin.enough:
            estimate, low, high = overall.brought
            brought = {"count": margin.treated, "estimate": estimate, "low": low, "high": high}
            notes.append(self._say("brought", **brought))
            notes.append(self._say("reduction", share=overall.figures["returned"].reduction))
        title = self._plain("section.figures")
        return Shown("figures", title, (), tuple(grids), (), None, tuple(notes))

    def _row(self, line: Line, found: Effect, name: str) -> list[Any]:
        mean, change = _KINDS[name]
        return [
            self._group(line),
            _whole(self._number(change, found.difference.estimate)),
            _whole(self._between(found.difference, change)),
            *([_whole(self._word(line))] if name == "returned" else []),
            _whole(self._number(mean, found.treated_mean)),
            _whole(self._number(mean, found.held_out_mean)),
            f"{found.treated:,}",
            f"{found.held_out:,}",
        ]

    def _split(self) -> Shown:
        overall, met = self._lines[0], self._joined.met
        found = overall.split
        told: dict[str, Any] = {
            "chance": found.chance,
            "drawn": found.drawn,
            "count": found.customers,
        }
        told |= {"found": found.found, "playbook": found.playbook, "variant": found.variant}
        if found.chance < ALARM:
            where = "variant" if found.variant else "playbook" if found.playbook else "all"
            lead = self._say(f"split.{where}", **told)
        else:
            count = overall.treated + overall.held_out
            share = overall.held_out / count if count else math.nan
            more = {"found": share, "drawn": found.share, "alarm": ALARM}
            lead = self._say("split.well", **(told | more))
        keys = ("group", "customers", "held", "is", "drawn", "chance")
        heads = [self._words.word(each) for each in keys]
        rows = [self._split_row(line) for line in self._lines]
        grid = Grid(self._plain("split.table"), heads, rows)
        notes = [
            self._plain(name, count=met[key])
            for name, key in (("contacted", "held_out_contacted"), ("changed", "changed_arm"))
            if met[key]
        ]
        return Shown("split", self._plain("section.split"), (), (grid,), (), lead, tuple(notes))

    def _split_row(self, line: Line) -> list[Any]:
        count = line.treated + line.held_out
        return [
            self._group(line),
            f"{count:,}",
            f"{line.held_out:,}",
            _whole(self._words.number("share", line.held_out / count if count else math.nan)),
            _whole(self._words.number("share", line.split.share)),
            _whole(self._words.number("chance", line.split.chance)),
        ]

    def _origin(self) -> Shown:
        words, rules, met = self._words, self._asked.rules, self._joined.met
        by = [*map(self._by, self._asked.dimensions)]
        asked = [
            ("asked_by", self._comma.join(by) or words.word("anybody")),
            ("asked_horizon", words.number("days", rules.horizon / DAY)),
            ("asked_gone", words.number("days", rules.gone / DAY)),
            ("asked_margin", words.number("share", rules.margin)),
            ("asked_cost", words.number("money", rules.cost)),
            ("asked_worth", words.number("points", rules.worth)),
            ("asked_alpha", words.number("chance", rules.alpha)),
            ("asked_holdout", words.number("share", rules.holdout)),
        ]
        if rules.since:
            asked.append(("asked_since", words.number("date", to_iso(rules.since))))
        data = [
            ("data_source", self._comma.join(self._read.sources)),
            ("data_now", words.number("date", to_iso(self._joined.now))),
            ("data_alerts", f"{met['alerts']:,}"),
            ("data_repeated_alerts", f"{met['repeated_alerts']:,}"),
            ("data_outcomes", f"{met['outcomes']:,}"),
            ("data_repeated_outcomes", f"{met['repeated_outcomes']:,}"),
            ("data_before", f"{self._joined.measured.before:,}"),
            ("data_future", f"{met['from_the_future']:,}"),
            ("data_told", self._reported(met)),
        ]
        heads = (words.word("what"), words.word("value"))
        grids = tuple(
            Grid(self._plain(name), heads, [(words.word(key), value) for key, value in rows])
            for name, rows in (("asked", asked), ("data", data))
        )
        notes = [
            self._plain("unusable", count=count, what=words.word(what))
            for what, count in self._read.unusable.items()
            if count
        ]
        notes += [
            self._plain(name, count=met[key])
            for name, key in (("strange", "strange_outcomes"), ("payments", "payments_not_counted"))
            if met[key]
        ]
        return Shown("origin", self._plain("section.origin"), (), grids, (), None, tuple(notes))

    def _reported(self, met: Counter[str]) -> str:
        told = [
            f"{met[f'treated_{kind}']:,} {self._words.word(f'told.{kind}')}"
            for kind in _TOLD
            if met[f"treated_{kind}"]
        ]
        return self._comma.join(told) or self._words.word("nothing")


def _whole(text: str) -> Markup:
    """Return figures that no line is broken in."""
    return Markup('<span class="whole">{}</span>').format(text)
