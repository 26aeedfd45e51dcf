"""The page of a comparison: which run is better, every difference drawn, and all figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd
from markupsafe import Markup

from streams.report.concluding import caveats, conclusion, number, verdict_of, words
from streams.report.measuring import METRICS
from streams.report.page.packing import Packed
from streams.report.page.style import BLUE, GREY, ORANGE, Chart, finished
from streams.report.page.words import Words, words_in
from streams.report.page.writing import Figure, Grid, Shown, rendered, term
from streams.report.standing import Comparison, Standing

#: What the glossary calls a metric, where it is not called the same.
_EXPLAINED: Final = {"precision_top_tenth": "precision"}
_ROW, _AROUND = 34, 40
#: By whether a difference is better, worse, or neither: as colours that print.
_COLOURS: Final = {True: BLUE, False: ORANGE, None: GREY}


def versus_page(found: Comparison, language: str = "en") -> str:
    """Return the page of a comparison as HTML.

    Raises
    ------
    ValueError
        If there are no words in that language.
    """
    return _Versus(found, words_in(language)).html()


def forest(standings: Sequence[Standing], metric: str, language: str = "en") -> Chart:
    """Return the differences of one metric with their intervals; None where none can be told.

    Parameters
    ----------
    standings
        Of the runs; the first is what the others are held to.
    metric
        Its name.
    language
        In which the axis is told.
    """
    shown = [each for each in standings if each.low is not None]
    if not shown:
        return None
    said = words(language)["page"]
    table = pd.DataFrame(
        {
            "run": [each.run for each in shown],
            "difference": [each.difference for each in shown],
            "low": [each.low for each in shown],
            "high": [each.high for each in shown],
            "verdict": [verdict_of(each.verdict, each.better, language) for each in shown],
            "colour": [_COLOURS[each.better] for each in shown],
        }
    )
    form = ",.2f" if METRICS[metric].amount else "+.4f"
    tips = [alt.Tooltip("run:N", title=said["run"])]
    tips += [
        alt.Tooltip(f"{each}:Q", title=said[called], format=form)
        for each, called in (("difference", "difference_head"), ("low", "low"), ("high", "high"))
    ]
    tips.append(alt.Tooltip("verdict:N", title=said["verdict"]))
    axis = alt.Axis(tickCount=4, format="~r" if METRICS[metric].amount else "+.4~f")
    title = said["axis"].format(first=standings[0].run)
    colour = alt.Color("colour:N", scale=None, legend=None)
    names = alt.Y("run:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, domain=False))
    rows = alt.Chart(table).encode(y=names, color=colour, tooltip=tips)
    zero = alt.Chart(pd.DataFrame({"_zero": [0.0]})).mark_rule(color=GREY, strokeDash=[4, 3])
    drawn = (
        zero.encode(alt.X("_zero:Q", title=title, axis=axis))
        + rows.mark_rule(strokeWidth=2.4).encode(alt.X("low:Q", title=title), alt.X2("high:Q"))
        + rows.mark_point(filled=True, size=90, opacity=1).encode(alt.X("difference:Q"))
    )
    return finished(drawn, _ROW * len(shown) + _AROUND)


class _Versus:
    def __init__(self, found: Comparison, told: Words) -> None:
        self._found = found
        self._told = told
        self._language = told.language
        every = words(told.language)
        self._said, self._called = every["page"], every["called"]
        self._packed = Packed(told)
        self._glossary = {
            key: entry
            for key, entry in told.glossary.items()
            if key in found.standings
            or (key == "precision" and "precision_top_tenth" in found.standings)
            or (key == "threshold" and "precision" in found.standings)
        }
        self._glossary["interval"] = (
            self._said["interval_term"],
            self._said["interval_meaning"],
        )
        for key in ("skill", "reached"):
            if key in found.standings:
                self._glossary[key] = (self._called[key], self._said[key])

    def html(self) -> str:
        found, said = self._found, self._said
        counts = {"joined": f"{found.joined:,}", "customers": f"{found.customers:,}"}
        return rendered(
            self._told,
            self._packed,
            verdict=self._verdict(),
            sections=[self._differences(), self._figures(), self._runs()],
            glossary=self._glossary,
            about={
                "title": said["title"],
                "source": "",
                "of": said[f"of_{found.by}"].format(**counts),
                "question": said["question"].format(first=found.runs[0].name),
            },
        )

    # -- the verdict --------------------------------------------------------------------------

    def _verdict(self) -> dict[str, Any]:
        found, said, lead = self._found, self._said, self._found.lead
        level, title = "unknown", said["unknown"]
        figures = []
        if lead is not None and lead.told:
            best = next(each for each in found.standings[lead.metric] if each.run == lead.run)
            metric = self._called[lead.metric]
            level = "careful" if lead.level_with else "yes"
            form = "ranks" if found.by == "customer" else "alone"
            if lead.level_with:
                form = "some" if lead.ahead_of else "shared"
            listed = words(self._language)["said"]["and"]
            title = said[form].format(
                metric=metric, best=lead.run, level=listed.join(lead.level_with)
            )
            figures.append(
                {
                    "title": said["best"].format(best=lead.run),
                    "value": number(lead.metric, best.value),
                    "text": said["by"].format(metric=metric),
                }
            )
            other = (*lead.level_with, *lead.ahead_of)[0]
            figures.append(self._between(lead.metric, lead.run, other))
        figures.append(
            {
                "title": said["customers"],
                "value": f"{found.customers:,}",
                "text": said["evidence"],
            }
        )
        return {
            "level": level,
            "title": title,
            "because": conclusion(found, self._language),
            "figures": figures,
        }

    def _between(self, metric: str, best: str, other: str) -> dict[str, str]:
        """Return the difference of the best run, or of another if all are held to the best."""
        first, *others = self._found.standings[metric]
        told = next(each for each in others if each.run == (other if best == first.run else best))
        said = self._said
        values = {
            "metric": self._called[metric],
            "bounds": self._bounds(metric, told),
            "verdict": verdict_of(told.verdict, told.better, self._language),
        }
        return {
            "title": said["difference"].format(run=told.run, first=first.run),
            "value": _minus(number(metric, told.difference, signed=True)),
            "text": said["none" if told.low is None else "between"].format(**values),
        }

    # -- sections -----------------------------------------------------------------------------

    def _differences(self) -> Shown:
        figures = tuple(self._drawn())
        notes = tuple(caveats(self._found, self._language))
        return Shown("differences", self._said["differences"], figures, (), (), None, notes)

    def _drawn(self) -> Iterator[Figure]:
        for metric, standings in self._found.standings.items():
            chart = forest(standings, metric, self._language)
            if chart is None:
                continue
            rises = METRICS[metric].rises
            way = self._said["neither" if rises is None else "more" if rises else "less"]
            takeaway = self._takeaway(metric, [each for each in standings if each.low is not None])
            name = f"difference_{metric}"
            yield Figure(
                name,
                self._said["chart"].format(metric=self._called[metric]),
                Markup.escape(f"{takeaway}{'' if self._language == 'zh' else ' '}{way}"),
                False,
                False,
                self._packed.add(name, chart.to_dict()),
            )

    def _takeaway(self, metric: str, told: Sequence[Standing]) -> str:
        """Return what one run differs by, or which of several runs differ."""
        verdicts = [verdict_of(each.verdict, each.better, self._language) for each in told]
        if len(told) == 1:
            [each] = told
            return self._said["takeaway"].format(
                run=each.run,
                difference=_minus(number(metric, each.difference, signed=True)),
                bounds=self._bounds(metric, each),
                verdict=verdicts[0],
            )
        listed = words(self._language)["said"]["and"]
        return ("" if self._language == "zh" else " ").join(
            self._said["takeaways"].format(
                verdict=verdict,
                runs=listed.join(
                    each.run for each, said in zip(told, verdicts, strict=True) if said == verdict
                ),
            )
            for verdict in dict.fromkeys(verdicts)
        )

    def _bounds(self, metric: str, each: Standing) -> str:
        if each.low is None:
            return ""
        low, high = (number(metric, bound, signed=True) for bound in (each.low, each.high))
        return _minus(self._said["bounds"].format(low=low, high=high))

    def _metric(self, metric: str) -> Markup:
        key = _EXPLAINED.get(metric, metric)
        name = self._called[metric]
        return term(key, name, self._glossary) if key in self._glossary else Markup.escape(name)

    def _figures(self) -> Shown:
        said = self._said
        heads = [
            *(said[key] for key in ("metric", "run", "value", "difference_head")),
            term("interval", said["interval"], self._glossary),
            said["verdict"],
        ]
        rows: list[Sequence[Any]] = []
        for metric, standings in self._found.standings.items():
            for each in standings:
                difference = ""
                if each.difference is not None:
                    difference = _minus(number(metric, each.difference, signed=True))
                rows.append(
                    (
                        self._metric(metric),
                        _whole(each.run),
                        *map(_whole, (number(metric, each.value), difference)),
                        _whole(self._bounds(metric, each)),
                        verdict_of(each.verdict, each.better, self._language),
                    )
                )
        return self._table("figures", heads, rows)

    def _runs(self) -> Shown:
        keys = ("run", "model", "folder", "horizon", "threshold", "predictions", "churned")
        rows = [
            (
                *(run.name, run.model, str(run.folder), run.horizon),
                "" if run.threshold is None else f"{run.threshold:g}",
                f"{each.predictions:,}",
                f"{each.churned:.1%}",
            )
            for run, each in zip(self._found.runs, self._found.compared, strict=True)
        ]
        return self._table("runs", [self._said[key] for key in keys], rows)

    def _table(self, name: str, heads: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Shown:
        title = self._said[name]
        return Shown(name, title, (), (Grid(title, heads, rows),), (), None, ())


def _minus(text: str) -> str:
    """Return numbers with the sign that is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def _whole(text: str) -> Markup:
    """Return figures that no line is broken in."""
    return Markup('<span class="whole">{}</span>').format(text)
