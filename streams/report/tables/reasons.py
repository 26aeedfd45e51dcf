"""What the model goes by: which inputs count, and which reasons are told."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.report.evidence import Evidence, coded
from streams.report.folder import DECISIONS
from streams.report.tables.table import Columns, of_rows


def importance(evidence: Evidence) -> Columns:
    """Return how much each cause and each input moves the risk, the most telling first."""
    [mine] = [each for each in evidence.report["models"] if each["model"] == evidence.model]
    found: dict[str, Any] = mine.get("importance") or {}
    rows = [
        {"kind": kind, "code": each[name], "mean": each["mean"], "mean_abs": each["mean_abs"]}
        for kind, held, name in (("cause", "causes", "code"), ("input", "inputs", "name"))
        for each in sorted(found.get(held, ()), key=lambda part: -part["mean_abs"])
    ]
    return of_rows(rows)


def reasons(evidence: Evidence) -> Columns:
    """Return how often each reason was told, of decisions and of alerts; the most frequent first.

    Nothing of a model that does not decide.
    """
    if evidence.landmarks or not evidence.decides:
        return {}
    table = evidence.read(DECISIONS, ["alert", "reasons.list.element.code"])
    told = table["reasons"].combine_chunks()
    codes = coded(told.flatten().field("code"))
    if not codes.names:
        return {}
    alert = table["alert"].to_numpy().astype(np.bool_)
    decision = np.repeat(np.arange(len(told)), told.value_lengths().fill_null(0).to_numpy())
    # A reason that is told twice of one decision is one reason.
    named = np.zeros((len(told), len(codes.names)), dtype=np.bool_)
    named[decision, codes.codes] = True
    decisions, alerts = named.sum(axis=0), named[alert].sum(axis=0)
    order = np.lexsort((-decisions, -alerts))
    return {
        "code": np.array(codes.names, dtype=object)[order],
        "decisions": decisions[order],
        "alerts": alerts[order],
        "share": alerts[order] / max(int(alert.sum()), 1),
    }
