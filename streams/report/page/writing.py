"""The page as text: what is said and drawn, put into the template, escaped, and kept whole."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import jinja2
import vl_convert
from altair.utils.schemapi import debug_mode
from markupsafe import Markup, escape

from streams.report.page import PageRefused
from streams.report.page.charts import Figures
from streams.report.page.packing import Packed, in_script
from streams.report.page.sections import ROWS, SECTIONS, Section, in_full_width
from streams.report.page.source import Source, is_landmarks, number, summary
from streams.report.page.stories import told
from streams.report.page.style import FONT
from streams.report.page.takeaways import takeaway
from streams.report.page.verdict import Said, Verdict, verdict_of
from streams.report.page.words import TERM, Words, words_in

#: How the metrics of the summary are told.
_SUMMARY: Final = {
    "auc": "figure",
    "pr_auc": "figure",
    "log_loss": "figure",
    "brier": "figure",
    "ece": "figure",
    "precision_top_tenth": "percent",
    "count": "count",
    "customers": "count",
    "churned": "percent",
}
#: Terms of the glossary that have the name of a metric.
_EXPLAINED: Final = {"precision_top_tenth": "precision", "pr_auc": "pr_auc"}
#: What of the library the page calls.
_ENTRY: Final = "window.vegaEmbed = vegaEmbed;"
_MODELS: Final = ("auc", "pr_auc", "log_loss", "brier", "ece", "precision_top_tenth", "count")


class Figure(NamedTuple):
    """A chart on the page: what it is called, and what it says."""

    name: str
    title: str
    takeaway: Markup
    wide: bool
    curve: bool
    downloads: tuple[tuple[str, str], ...]


class Tale(NamedTuple):
    """A customer's story on the page."""

    customer: str
    kind: str
    figure: Figure


class Grid(NamedTuple):
    """A table on the page: heads, and rows whose first cell is their name; maybe folded away."""

    caption: str
    heads: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    folded: bool = False


class Shown(NamedTuple):
    """A section on the page; without figures and tables it says why."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    grids: tuple[Grid, ...]
    tales: tuple[Tale, ...]
    lead: Markup | None
    notes: tuple[str, ...]


def page_of(findings: Source, language: str = "en") -> str:
    """Return the page of a backtest as HTML.

    Raises
    ------
    ValueError
        If there are no words in that language.
    """
    # Half of the time would go into holding charts that never change to a schema; tests do that.
    with debug_mode(False):
        return _Page(findings, words_in(language)).html()


def put(path: Path, text: str) -> None:
    """Write a page; what was there stays until the new one is whole.

    Raises
    ------
    PageRefused
        If the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise PageRefused(f"{path}: {error.strerror or error}") from None


class _Page:
    def __init__(self, findings: Source, words: Words) -> None:
        self._findings = findings
        self._words = words
        self._figures = Figures(findings, words.language)
        self._packed = Packed(words)

    def html(self) -> str:
        return rendered(
            self._words,
            self._packed,
            verdict=self._verdict(verdict_of(self._findings)),
            sections=[self._section(each) for each in SECTIONS],
            glossary=self._words.glossary,
            about=self._about(),
        )

    # -- words --------------------------------------------------------------------------------

    def _say(self, name: str, **values: Any) -> Markup:
        return marked(self._words, self._words.tell(name, **values))

    def _marked(self, text: str) -> Markup:
        return marked(self._words, text)

    def _term(self, key: str, text: str) -> Markup:
        return term(key, text, self._words.glossary)

    def _about(self) -> dict[str, Any]:
        report, words = self._findings.report, self._words
        data, asked = report["data"], report["configuration"]
        activity = asked.get("activity") or ["*"]
        listed = "、" if words.language == "zh" else ", "
        return {
            "title": words.tell("page.title"),
            "of": words.tell(
                "page.of",
                customers=data["customers"],
                events=data["events"],
                first=data["first"],
                last=data["last"],
                model=self._findings.model,
            ),
            "question": words.tell(
                "page.question",
                activity=words.word("anything")
                if list(activity) == ["*"]
                else listed.join(words.word(each) for each in activity),
                horizon=words.duration(asked["horizon"]),
            ),
            "source": _called(asked.get("source") or ""),
        }

    def _verdict(self, verdict: Verdict) -> dict[str, Any]:
        return {
            "level": verdict.level,
            "title": self._words.tell(f"verdict.{verdict.level}"),
            "because": [self._said(each) for each in verdict.because],
            "figures": [
                {
                    "title": self._words.tell(each.title),
                    "value": self._words.number(each.kind, each.value),
                    "text": self._said(each.text),
                }
                for each in verdict.figures
            ],
        }

    def _said(self, said: Said) -> Markup:
        return self._say(said.name, **said.values)

    # -- sections -----------------------------------------------------------------------------

    def _section(self, section: Section) -> Shown:
        figures = tuple(self._drawn(section.charts))
        grids = tuple(self._grids(section.name))
        tales = tuple(self._tales()) if section.name == "stories" else ()
        lead, notes = None, []
        if tales:
            how = ".landmarks" if is_landmarks(self._findings) else ""
            lead = self._say(f"takes.stories{how}", n=len(tales))
        if not (figures or grids or tales):
            notes.append(self._words.tell(f"missing.{section.missing(self._findings)}"))
        names = {each.name for each in figures}
        if section.name == "threshold" and figures and "profit" not in names:
            notes.append(self._words.tell("missing.profit"))
        if section.name == "reasons" and figures and "reasons" not in names:
            why = "landmarks.reasons" if is_landmarks(self._findings) else "decisions"
            notes.append(self._words.tell(f"missing.{why}"))
        if section.name == "reasons" and figures and not names & {"causes", "inputs"}:
            notes.append(self._words.tell("missing.inputs"))
        title = self._words.tell(f"section.{section.name}")
        return Shown(section.name, title, figures, grids, tales, lead, tuple(notes))

    def _drawn(self, names: Sequence[str]) -> Iterator[Figure]:
        charts = {name: self._figures.draw(name) for name in names}
        shown = [name for name in names if charts[name] is not None]
        wide = in_full_width(shown)
        for name in shown:
            chart = charts[name]
            assert chart is not None
            text = takeaway(name, self._findings, self._words) or ""
            yield Figure(
                name,
                self._words.tell(f"chart.{name}"),
                self._marked(text),
                name in wide,
                name not in ROWS,
                self._packed.add(name, chart.to_dict(validate=False)),
            )

    def _tales(self) -> Iterator[Tale]:
        table = self._findings.table("stories")
        for place, row in enumerate(table.to_dict("records")):
            name = f"story_{place + 1}"
            chart = self._figures.draw(name)
            if chart is None:
                continue
            sentences = []
            for said in told(place, self._findings):
                came = "would_have_come" if is_landmarks(self._findings) else "came"
                values = dict(said.values) | {"came": self._words.word(came)}
                if "segment" in values:
                    values["segment"] = _capital(self._words.word(values["segment"]))
                sentences.append(self._say(said.name, **values))
            gap = "" if self._words.language == "zh" else " "
            customer = str(row["customer"])
            figure = Figure(
                name,
                customer,
                Markup(gap).join(sentences),
                True,
                False,
                self._packed.add(name, chart.to_dict(validate=False)),
            )
            yield Tale(customer, self._words.word(str(row["kind"])), figure)

    # -- tables -------------------------------------------------------------------------------

    def _grids(self, section: str) -> Iterator[Grid]:
        if section == "time":
            yield from self._summary()
        elif section == "models":
            yield from self._models()
        elif section == "origin":
            for name in ("data", "configuration"):
                table = self._findings.table(name)
                rows = [
                    (str(key), self._plain(value))
                    for key, value in zip(table["key"], table["value"], strict=True)
                ]
                if rows:
                    heads = (self._words.word("key"), self._words.word("value"))
                    yield Grid(self._words.word(name), heads, rows)

    def _summary(self) -> Iterator[Grid]:
        said, words = summary(self._findings), self._words
        rows = []
        for metric, kind in _SUMMARY.items():
            row = said.get(metric)
            if row is None or number(row, "value") is None:
                continue
            low, high = number(row, "low"), number(row, "high")
            between = ""
            if low is not None and high is not None:
                between = " \N{EN DASH} ".join(words.number(kind, end) for end in (low, high))
            rows.append((self._metric(metric), words.number(kind, row["value"]), between))
        if rows:
            heads = (words.word("metric"), words.word("value"), words.word("interval"))
            yield Grid(words.tell("grid.summary"), heads, rows)

    def _metric(self, metric: str) -> Markup:
        key = _EXPLAINED.get(metric, metric)
        name = self._words.word(f"all_{metric}" if metric == "churned" else metric)
        return self._term(key, name) if key in self._words.glossary else escape(name)

    def _models(self) -> Iterator[Grid]:
        table, words = self._findings.table("models"), self._words
        if len(table) < 2:
            return
        rows = [
            (
                str(row["model"]),
                *(words.number(_SUMMARY[metric], row[metric]) for metric in _MODELS),
            )
            for row in table.to_dict("records")
        ]
        heads = [words.word("model"), *(self._metric(metric) for metric in _MODELS)]
        yield Grid(words.tell("grid.models"), heads, rows)

    def _plain(self, value: Any) -> str:
        return "" if value is None else str(value)


def _called(source: str) -> str:
    """Return what a source is called: a file by its name, wherever it lay."""
    return source if "://" in source else source.replace("\\", "/").rpartition("/")[2]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def marked(words: Words, text: str) -> Markup:
    """Escape a sentence, and let its terms be looked up."""
    found, end = Markup(""), 0
    for each in TERM.finditer(text):
        found += escape(text[end : each.start()]) + term(each[1], each[2], words.glossary)
        end = each.end()
    return found + escape(text[end:])


def term(key: str, text: str, glossary: Mapping[str, tuple[str, str]]) -> Markup:
    """Return words that the glossary explains, under its key."""
    name, meaning = glossary[key]
    return Markup(
        '<dfn class="term" tabindex="0" aria-describedby="term-{}" data-meaning="{}">{}</dfn>'
    ).format(key, f"{name}: {meaning}" if name != text else meaning, text)


# -- what the page is made with ---------------------------------------------------------------


def rendered(
    words: Words,
    packed: Packed,
    *,
    verdict: Mapping[str, Any],
    sections: Sequence[Shown],
    glossary: Mapping[str, tuple[str, str]],
    about: Mapping[str, Any],
) -> str:
    """Return a page: a verdict, sections and a glossary, and all that draws the charts."""
    engine, script = _engine(), _text("page.js")
    return _template().render(
        language=words.language,
        say=lambda name, **values: marked(words, words.tell(name, **values)),
        word=words.word,
        verdict=verdict,
        sections=sections,
        glossary=sorted(glossary.items(), key=lambda entry: entry[1][0].lower()),
        about=about,
        style=Markup(_text("page.css").replace("$FONT", FONT)),
        engine=Markup(engine),
        script=Markup(script),
        charts=Markup(in_script(packed.everything())),
        hashes=[_hash(engine), _hash(script)],
    )


@cache
def _engine() -> str:
    """Return the script that draws Vega-Lite charts, from the library and not from a network."""
    return str(vl_convert.javascript_bundle(_ENTRY)).replace("</script", "<\\/script")


@cache
def _text(name: str) -> str:
    return files("streams.report.page").joinpath(name).read_text(encoding="utf-8").strip()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("page.html"))


def _hash(script: str) -> str:
    """Return by what the page's own rule of security knows a script to be ours."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
