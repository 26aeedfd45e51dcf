"""How history is taken through the live pipeline, and what is written down of it."""

from streams.replay.arrivals import RecordedTopic, recorded_file
from streams.replay.backtesting import BacktestResult, backtest
from streams.replay.comparing import PRACTICAL, Comparison, Standing, compare
from streams.replay.finished import NotComparable, Run, read_runs
from streams.replay.folder import OutputRefused
from streams.replay.landmarks import Landmarks
from streams.replay.racing import UnknownModel
from streams.replay.span import Span, WrongSpan, parse_span

__all__ = [
    "PRACTICAL",
    "BacktestResult",
    "Comparison",
    "Landmarks",
    "NotComparable",
    "OutputRefused",
    "RecordedTopic",
    "Run",
    "Span",
    "Standing",
    "UnknownModel",
    "WrongSpan",
    "backtest",
    "compare",
    "parse_span",
    "read_runs",
    "recorded_file",
]
