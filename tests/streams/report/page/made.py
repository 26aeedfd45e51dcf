"""What a backtest might have found, made up table by table: for what is said, not how it is
computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from streams.report.tables import TABLES

REPORT: dict[str, Any] = {
    "mode": "events",
    "configuration": {
        "source": "orders.csv",
        "horizon": "30d",
        "active": "90d",
        "activity": ["purchase"],
        "threshold": 0.6,
    },
    "data": {
        "events": 12_345,
        "customers": 678,
        "first": "2025-01-01T00:00:00Z",
        "last": "2025-12-31T00:00:00Z",
    },
    "offer": None,
}
OFFER = {"cost": 5.0, "margin": 100.0, "saved": 0.2, "capacity": 10}


class Made:
    """A finished backtest that never was.

    Parameters
    ----------
    report
        What its report says otherwise than `REPORT`.
    tables
        Those that are otherwise; None for one without data.
    """

    model = "bayes"

    def __init__(self, report: Mapping[str, Any] | None = None, **tables: Any) -> None:
        self.report = REPORT | dict(report or {})
        self._tables = everything() | tables

    def table(self, name: str) -> pd.DataFrame:
        found = self._tables.get(name)
        return pd.DataFrame(columns=TABLES[name].columns.split()) if found is None else found


def summary(**values: Any) -> pd.DataFrame:
    """Return a summary: of a metric, its value, or its value with the ends of its interval."""
    found: dict[str, Any] = {
        "auc": (0.81, 0.79, 0.83),
        "pr_auc": (0.72, 0.70, 0.74),
        "log_loss": (0.48, 0.46, 0.50),
        "brier": (0.16, 0.15, 0.17),
        "precision_top_tenth": (0.9, 0.87, 0.93),
        "ece": 0.02,
        "count": 4_000.0,
        "customers": 600.0,
        "churned": 0.4,
    }
    rows = []
    for metric, value in (found | values).items():
        three = value if isinstance(value, tuple) else (value, np.nan, np.nan)
        rows.append((metric, *three))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


def confusion(hits: int, false: int, missed: int, passed: int) -> pd.DataFrame:
    """Return a confusion matrix at the threshold of .6."""
    precision = hits / (hits + false) if hits + false else np.nan
    recall = hits / (hits + missed) if hits + missed else np.nan
    return pd.DataFrame(
        [
            {
                "threshold": 0.6,
                "alerted_churned": hits,
                "alerted_stayed": false,
                "missed_churned": missed,
                "passed_stayed": passed,
                "accuracy": (hits + passed) / (hits + false + missed + passed),
                "precision": precision,
                "recall": recall,
                "f1": 2 * precision * recall / (precision + recall) if hits else np.nan,
            }
        ]
    )


def lead(share: float, median: float = 40.0) -> pd.DataFrame:
    """Return when alerts came on the whole."""
    row = {"alerts": 300, "median_days": median, "share_before_gone": share, "gone": 330}
    return pd.DataFrame([row])


def _groups(*names: str) -> pd.DataFrame:
    count = len(names)
    spread = np.linspace(0.7, 0.85, count)
    return pd.DataFrame(
        {
            "group": names,
            "count": np.arange(count) * 300 + 250,
            "customers": np.arange(count) * 50 + 40,
            "churned": np.linspace(0.3, 0.6, count),
            "mean_risk": np.linspace(0.33, 0.58, count),
            "auc": spread,
            "auc_low": spread - 0.03,
            "auc_high": spread + 0.03,
            "log_loss": 0.5,
            "precision": 0.7,
            "recall": 0.6,
        }
    )


def _curves() -> tuple[pd.DataFrame, pd.DataFrame]:
    steps = np.linspace(0, 1, 60)
    roc, ranked = [], []
    for model, power in (("bayes", 0.3), ("recency", 0.5)):
        columns = {"model": model, "threshold": 1 - steps}
        roc.append(
            pd.DataFrame(
                columns | {"false_positive_rate": steps, "true_positive_rate": steps**power}
            )
        )
        precision = 1 - 0.6 * steps ** (1 / power)
        ranked.append(pd.DataFrame(columns | {"recall": steps, "precision": precision}))
    return pd.concat(roc, ignore_index=True), pd.concat(ranked, ignore_index=True)


def everything() -> dict[str, pd.DataFrame]:
    """Return every table of a good backtest of two models."""
    roc, ranked = _curves()
    steps = np.linspace(0, 1, 20, endpoint=False)
    tenths = np.arange(1, 11)
    captured = np.minimum((tenths / 10) ** 0.5, 1)
    months = pd.date_range("2025-03-01", periods=9, freq="MS")
    loss = np.linspace(0.55, 0.45, 9)
    auc = np.linspace(0.78, 0.83, 9)
    risks = np.linspace(0, 1, 101)
    at = pd.date_range("2025-02-01", periods=12, freq="14D", tz="UTC")
    return {
        "summary": summary(),
        "models": pd.DataFrame(
            {
                "model": ["bayes", "recency"],
                "count": 4_000,
                "churned": 0.4,
                "auc": [0.81, 0.74],
                "pr_auc": [0.72, 0.63],
                "log_loss": [0.48, 0.55],
                "brier": [0.16, 0.19],
                "ece": [0.02, 0.06],
                "precision_top_tenth": [0.9, 0.8],
            }
        ),
        "roc": roc,
        "precision_recall": ranked,
        "calibration": pd.DataFrame(
            {
                "low": steps,
                "high": steps + 0.05,
                "count": 200,
                "predicted": steps + 0.025,
                "observed": steps + 0.03,
                "observed_low": steps,
                "observed_high": np.minimum(steps + 0.06, 1),
            }
        ),
        "gains": pd.DataFrame(
            {
                "tenth": tenths,
                "count": 400,
                "churned": (400 * np.linspace(0.9, 0.05, 10)).astype(int),
                "lift": np.linspace(2.2, 0.1, 10),
                "reached": tenths / 10,
                "captured": captured,
                "lift_so_far": captured / (tenths / 10),
            }
        ),
        "budgets": pd.DataFrame(
            {
                "alerts_per_day": [1.0, 3.0, 10.0, 30.0],
                "alerts": [300, 900, 3000, 9000],
                "churned": [280, 800, 2100, 3900],
                "precision": [0.93, 0.88, 0.7, 0.43],
                "recall": [0.07, 0.2, 0.53, 0.97],
            }
        ),
        "confusion": confusion(1_100, 300, 500, 2_100),
        "thresholds": pd.DataFrame(
            {
                "threshold": risks,
                "alerts": (4000 * (1 - risks)).astype(int),
                "alerts_per_day": 12 * (1 - risks),
                "accuracy": 0.8 - (risks - 0.5) ** 2,
                "precision": 0.4 + 0.6 * risks,
                "recall": 1 - risks**2,
                "f1": 0.75 - (risks - 0.4) ** 2,
            }
        ),
        "over_time": pd.DataFrame(
            {
                "period": months,
                "count": 450,
                "churned": 180,
                "auc": auc,
                "auc_low": auc - 0.03,
                "auc_high": auc + 0.03,
                "pr_auc": auc - 0.1,
                "log_loss": loss,
                "log_loss_low": loss - 0.03,
                "log_loss_high": loss + 0.03,
                "brier": loss / 3,
            }
        ),
        "lead_time": pd.DataFrame(
            {"lead_days": [-7, 0, 7, 14, 21, 28], "bin_days": 7, "alerts": [9, 20, 50, 90, 80, 40]}
        ),
        "lead_summary": lead(0.9),
        "drift": pd.DataFrame(
            {
                "at": [pd.Timestamp("2025-06-03T10:00:00Z")],
                "detector": ["adwin"],
                "before": [0.49],
                "after": [0.55],
            }
        ),
        "importance": pd.DataFrame(
            {
                "kind": ["cause", "cause", "cause", "input", "input"],
                "code": ["silence", "activity", "money", "recency", "renewal"],
                "mean": [0.1, -0.1, 0.0, 0.1, 0.0],
                "mean_abs": [0.8, 0.5, 0.1, 0.6, 0.4],
            }
        ),
        "reasons": pd.DataFrame(
            {
                "code": ["silence", "activity"],
                "decisions": [4_000, 2_000],
                "alerts": [1_200, 500],
                "share": [0.86, 0.36],
            }
        ),
        "by_segment": _groups("new", "one-time", "occasional", "regular", "loyal"),
        "by_tenure": _groups("0-30", "30-90", "90-180"),
        "by_cohort": _groups("2025-01", "2025-02", "2025-03"),
        "retention": pd.DataFrame(
            [
                {
                    "cohort": cohort,
                    "customers": 100,
                    "month": month,
                    "active": 100 if not month else 40 - 3 * month,
                    "share": 1.0 if not month else 0.4 - 0.03 * month,
                }
                for place, cohort in enumerate(pd.date_range("2025-01-01", periods=8, freq="MS"))
                for month in range(8 - place)
            ]
        ),
        "survival": pd.DataFrame(
            {
                "days": np.arange(0, 360, 5),
                "alive": np.linspace(1, 0.35, 72),
                "low": np.linspace(1, 0.3, 72),
                "high": np.linspace(1, 0.4, 72),
            }
        ),
        "stories": pd.DataFrame(
            {
                "customer": ["ada", "bert"],
                "kind": ["alerted-gone", "missed"],
                "first_at": [at[0], at[1]],
                "segment": ["regular", "new"],
            }
        ),
        "story_events": pd.DataFrame(
            {
                "customer": ["ada"] * 6 + ["bert"] * 3,
                "at": [*at[:6], *at[:3]],
                "type": ["purchase", "product_viewed", "purchase"] * 3,
                "amount": [20.0, None, 12.5] * 3,
            }
        ),
        "story_risks": pd.DataFrame(
            {
                "customer": ["ada"] * 8 + ["bert"] * 4,
                "at": [*at[:8], *at[:4]],
                "risk": [0.2, 0.3, 0.1, 0.4, 0.3, 0.5, 0.7, 0.9, 0.2, 0.3, 0.35, 0.4],
                "cause": ["silence"] * 12,
                "alert": [False] * 6 + [True] + [False] * 5,
                "label": [0.0] * 5 + [1.0] * 3 + [0.0, 0.0, 1.0, 1.0],
            }
        ),
        "configuration": pd.DataFrame({"key": ["horizon", "seed"], "value": ["30d", "0"]}),
        "data": pd.DataFrame({"key": ["events", "fingerprint"], "value": ["12345", "00ff"]}),
    }
