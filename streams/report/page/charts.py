"""Every chart of the report by name, and the table that it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, TypeAlias

import altair as alt

from streams.report.page import groups, makings, months, ranking, shop, stories, threshold
from streams.report.page.source import Source
from streams.report.page.style import Chart
from streams.report.page.words import Words, words_in

Draw: TypeAlias = Callable[[Source, Words], Chart]
#: In the order of the page.
FIGURES: Final[Mapping[str, Draw]] = {
    "roc": ranking.roc,
    "precision_recall": ranking.precision_recall,
    "calibration": ranking.calibration,
    "calibration_counts": ranking.calibration_counts,
    "lift": ranking.lift,
    "gains": ranking.gains,
    "budgets": threshold.budgets,
    "thresholds": threshold.thresholds,
    "confusion": threshold.confusion,
    "profit": threshold.profit,
    "auc_over_time": months.over_time("auc", band=True),
    "log_loss_over_time": months.over_time("log_loss", band=True),
    "brier_over_time": months.over_time("brier", band=False),
    "landmarks": months.landmarks,
    "lead_time": months.lead_time,
    "drift": months.drift,
    "causes": makings.causes,
    "inputs": makings.inputs,
    "reasons": makings.reasons,
    "segment_auc": groups.group_auc("by_segment"),
    "segment_rates": groups.group_rates("by_segment"),
    "tenure_auc": groups.group_auc("by_tenure"),
    "tenure_rates": groups.group_rates("by_tenure"),
    "cohort_auc": groups.group_auc("by_cohort"),
    "cohort_rates": groups.group_rates("by_cohort"),
    "retention": shop.retention,
    "survival": shop.survival,
    "models": groups.models,
}
#: The stories' charts are named by their place: ``story_1`` and so on.
_STORY: Final = "story_"


class Figures(Mapping[str, alt.TopLevelMixin]):
    """The charts of a backtest by name, each drawn when it is first asked for.

    Parameters
    ----------
    findings
        A finished backtest.
    language
        In which titles and axes are told.
    """

    def __init__(self, findings: Source, language: str) -> None:
        self._findings = findings
        self._words = words_in(language)
        self._drawn: dict[str, Chart] = {}

    def draw(self, name: str) -> Chart:
        """Return a chart, or None where there is nothing to draw.

        Raises
        ------
        KeyError
            If there is no chart of that name.
        """
        if name not in self._drawn:
            self._drawn[name] = self._drawer(name)(self._findings, self._words)
        return self._drawn[name]

    def _drawer(self, name: str) -> Draw:
        place = name.removeprefix(_STORY)
        if name.startswith(_STORY) and place.isdigit():
            return partial(stories.story, int(place) - 1)
        return FIGURES[name]

    def _names(self) -> Iterator[str]:
        yield from FIGURES
        for place in range(len(self._findings.table("stories"))):
            yield f"{_STORY}{place + 1}"

    def __getitem__(self, name: str) -> alt.TopLevelMixin:
        chart = self.draw(name)
        if chart is None:
            raise KeyError(f"there is nothing to draw of {name!r}")
        return chart

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names() if self.draw(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
