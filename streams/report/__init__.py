"""What finished backtests say: the files in their folders, and how they compare."""

from streams.report.comparing import PRACTICAL, Comparison, Standing, compare
from streams.report.findings import Findings, read_findings
from streams.report.finished import NotComparable, Run, read_runs
from streams.report.folder import (
    DECISIONS,
    FORMAT,
    PREDICTIONS,
    REPORT,
    Folder,
    OutputRefused,
    arrow,
    writing,
)

__all__ = [
    "DECISIONS",
    "FORMAT",
    "PRACTICAL",
    "PREDICTIONS",
    "REPORT",
    "Comparison",
    "Findings",
    "Folder",
    "NotComparable",
    "OutputRefused",
    "Run",
    "Standing",
    "arrow",
    "compare",
    "read_findings",
    "read_runs",
    "writing",
]
