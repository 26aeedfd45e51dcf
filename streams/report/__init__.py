"""What finished backtests say: the files in their folders, and how they compare."""

from streams.report.comparing import compare
from streams.report.concluding import caveats, conclusion, number, verdict_of, words
from streams.report.findings import Findings, read_findings
from streams.report.finished import NotComparable, Run
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
from streams.report.measuring import PRACTICAL
from streams.report.named import read_runs
from streams.report.page import PageRefused, write_comparison
from streams.report.standing import Comparison, Standing

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
    "PageRefused",
    "Run",
    "Standing",
    "arrow",
    "caveats",
    "compare",
    "conclusion",
    "number",
    "read_findings",
    "read_runs",
    "verdict_of",
    "words",
    "write_comparison",
    "writing",
]
