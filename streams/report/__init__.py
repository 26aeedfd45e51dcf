"""What finished backtests say: the files in their folders, and how they compare."""

from streams.report.comparing import PRACTICAL, Comparison, Standing, compare
from streams.report.findings import Findings, read_findings
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
from streams.report.grid import GRID, GRID_FORMAT, GridFolder, read_grid
from streams.report.page import PageRefused, figures, write_page

__all__ = [
    "CUSTOMERS",
    "DECISIONS",
    "FORMAT",
    "GRID",
    "GRID_FORMAT",
    "PAGE",
    "PRACTICAL",
    "PREDICTIONS",
    "REPORT",
    "STORIES",
    "Comparison",
    "Findings",
    "Folder",
    "GridFolder",
    "NotComparable",
    "OutputRefused",
    "PageRefused",
    "Run",
    "Standing",
    "arrow",
    "compare",
    "figures",
    "read_findings",
    "read_grid",
    "read_runs",
    "write_page",
    "writing",
]
