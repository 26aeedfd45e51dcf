"""How history is taken through the live pipeline, and what is written down of it."""

from streams.replay.arrivals import RecordedTopic, recorded_file
from streams.replay.backtesting import BacktestResult, backtest
from streams.replay.landmarks import Landmarks
from streams.replay.racing import UnknownModel
from streams.replay.span import Span, WrongSpan, parse_span

__all__ = [
    "BacktestResult",
    "Landmarks",
    "RecordedTopic",
    "Span",
    "UnknownModel",
    "WrongSpan",
    "backtest",
    "parse_span",
    "recorded_file",
]
