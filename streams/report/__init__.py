"""What finished backtests say: the files in their folders, and how they compare."""

from streams.report.comparing import PRACTICAL, Comparison, Standing, compare
from streams.report.finished import NotComparable, Run, read_runs
from streams.report.folder import (
    CUSTOMERS,
    DECISIONS,
    FORMAT,
    PAGE,
    PREDICTIONS,
    REPORT,
    STORIES,
    Folder,
    OutputRefused,
    arrow,
    writing,
)

__all__ = [
    "CUSTOMERS",
    "DECISIONS",
    "FORMAT",
    "PAGE",
    "PRACTICAL",
    "PREDICTIONS",
    "REPORT",
    "STORIES",
    "Comparison",
    "Folder",
    "NotComparable",
    "OutputRefused",
    "Run",
    "Standing",
    "arrow",
    "compare",
    "read_runs",
    "writing",
]
