"""What is on the page, in order: sections, their charts, and why one may be left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from streams.report.page.source import Source, is_landmarks, number, summary


class Section(NamedTuple):
    """A part of the page.

    Parameters
    ----------
    name
        Its stable name, and its anchor.
    charts
        Names of figures; those without data are left out.
    missing
        Says why none of them has data: the end of a sentence's name.
    """

    name: str
    charts: tuple[str, ...]
    missing: Callable[[Source], str]


#: Charts that want the whole width.
WIDE: Final = frozenset(
    {
        *("budgets", "thresholds", "inputs", "auc_over_time", "log_loss_over_time"),
        *("brier_over_time", "landmarks", "lead_time", "drift", "retention"),
        *("survival", "models"),
    }
)


def _unlabelled(findings: Source) -> str:
    return "labels"


def _undecided(findings: Source) -> str:
    return "landmarks" if is_landmarks(findings) else "decisions"


def _unchosen(findings: Source) -> str:
    known = number(summary(findings).get("count"), "value")
    return _undecided(findings) if known else "labels"


SECTIONS: Final = (
    Section("ranking", ("roc", "precision_recall"), _unlabelled),
    Section("calibration", ("calibration", "calibration_counts"), _unlabelled),
    Section("gains", ("lift", "gains"), _unlabelled),
    Section("budgets", ("budgets",), _unchosen),
    Section("threshold", ("thresholds", "confusion", "profit"), _unlabelled),
    Section(
        "time",
        ("landmarks", "auc_over_time", "log_loss_over_time", "brier_over_time"),
        _unlabelled,
    ),
    Section("lead", ("lead_time",), _undecided),
    Section("drift", ("drift",), lambda findings: "drift"),
    Section("reasons", ("causes", "reasons", "inputs"), lambda findings: "importance"),
    Section(
        "groups",
        (
            *("segment_auc", "segment_rates", "tenure_auc", "tenure_rates"),
            *("cohort_auc", "cohort_rates"),
        ),
        _unlabelled,
    ),
    Section("shop", ("retention", "survival"), lambda findings: "customers"),
    Section("stories", (), lambda findings: "stories"),
    Section("models", ("models",), lambda findings: "models"),
    Section("origin", (), lambda findings: "data"),
)


def in_full_width(charts: Sequence[str]) -> set[str]:
    """Return which of a section's charts take the whole width: some always, the rest if alone.

    Examples
    --------
    >>> sorted(in_full_width(["roc", "precision_recall"]))
    []
    >>> sorted(in_full_width(["thresholds", "confusion"]))
    ['confusion', 'thresholds']
    """
    found = {name for name in charts if name in WIDE}
    halves: list[str] = []
    for name in [*charts, ""]:
        if name and name not in WIDE:
            halves.append(name)
            continue
        if len(halves) % 2:
            found.add(halves[-1])
        halves.clear()
    return found
