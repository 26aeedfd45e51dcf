"""How history is taken through the live pipeline, and what is written down of it."""

from streams.replay.arrivals import RecordedTopic, recorded_file
from streams.replay.backtesting import (
    SETTINGS,
    Plan,
    backtest,
    backtest_grid,
    check_horizons,
    replay_grid,
    replay_history,
)
from streams.replay.history import History, NoEvents, WrongSource, open_history
from streams.replay.landmarks import Landmarks
from streams.replay.racing import UnknownModel
from streams.replay.replaying import Rules, replay, replay_all
from streams.replay.result import BacktestResult, GridResult
from streams.replay.span import Span, WrongSpan, parse_span

__all__ = [
    "SETTINGS",
    "BacktestResult",
    "GridResult",
    "History",
    "Landmarks",
    "NoEvents",
    "Plan",
    "RecordedTopic",
    "Rules",
    "Span",
    "UnknownModel",
    "WrongSource",
    "WrongSpan",
    "backtest",
    "backtest_grid",
    "check_horizons",
    "open_history",
    "parse_span",
    "recorded_file",
    "replay",
    "replay_all",
    "replay_grid",
    "replay_history",
]
