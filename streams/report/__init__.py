"""What finished backtests say: the files in their folders, and how they compare."""

from streams.report.comparing import compare
from streams.report.concluding import caveats, conclusion, number, verdict_of, words
from streams.report.decided import Decided, read_decided
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
from streams.report.logged import Trial, Trials, WrongLog, read_trials, trials_of
from streams.report.measuring import PRACTICAL
from streams.report.named import read_runs
from streams.report.page import PageRefused, figures, write_comparison, write_page
from streams.report.publishing import Published, PublisherAway, PublishingRefused, publish
from streams.report.standing import Comparison, Standing
from streams.report.trying import Joined, join, value_as_dict, worth
from streams.report.whatif import Alternative, Tried, try_policy, what_if

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
    "Alternative",
    "Comparison",
    "Decided",
    "Findings",
    "Folder",
    "GridFolder",
    "Joined",
    "Listed",
    "NotComparable",
    "OutputRefused",
    "PageRefused",
    "Published",
    "PublisherAway",
    "PublishingRefused",
    "Run",
    "Standing",
    "Trial",
    "Trials",
    "Tried",
    "WrongLog",
    "arrow",
    "caveats",
    "compare",
    "conclusion",
    "figures",
    "finished_below",
    "join",
    "number",
    "publish",
    "read_decided",
    "read_findings",
    "read_grid",
    "read_report",
    "read_runs",
    "read_trials",
    "trials_of",
    "try_policy",
    "value_as_dict",
    "verdict_of",
    "what_if",
    "words",
    "worth",
    "write_comparison",
    "write_page",
    "writing",
]
