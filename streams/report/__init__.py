"""What finished backtests say: the files in their folders, how they compare, and the pages."""

from streams.report.comparing import compare
from streams.report.concluding import caveats, conclusion, number, verdict_of, words
from streams.report.findings import Findings, read_findings
from streams.report.finished import NotComparable, Run, read_report
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
from streams.report.listing import Listed, finished_below
from streams.report.measuring import PRACTICAL
from streams.report.named import read_runs
from streams.report.page import (
    PageRefused,
    figures,
    write_comparison,
    write_effect,
    write_page,
)
from streams.report.publishing import Published, PublisherAway, PublishingRefused, publish
from streams.report.standing import Comparison, Standing

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
    "Listed",
    "NotComparable",
    "OutputRefused",
    "PageRefused",
    "Published",
    "PublisherAway",
    "PublishingRefused",
    "Run",
    "Standing",
    "arrow",
    "caveats",
    "compare",
    "conclusion",
    "figures",
    "finished_below",
    "number",
    "publish",
    "read_findings",
    "read_grid",
    "read_report",
    "read_runs",
    "verdict_of",
    "words",
    "write_comparison",
    "write_effect",
    "write_page",
    "writing",
]
