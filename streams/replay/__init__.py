"""How recorded events are read, ordered and sent again, and how the state is held to them."""

from streams.replay.backtesting import BacktestResult, backtest
from streams.replay.compression import SourceError
from streams.replay.folder import OutputRefused
from streams.replay.landmarks import Landmarks
from streams.replay.mapping import Mapping, MappingError
from streams.replay.mapping_files import built_in_mappings, load_mapping, parse_mapping
from streams.replay.proposal import propose_mapping
from streams.replay.publishing import (
    Published,
    close_import_producer,
    open_import_producer,
    publish,
)
from streams.replay.racing import UnknownModel
from streams.replay.reach import CannotVerify
from streams.replay.reading import WrongMapping, read_events
from streams.replay.recorded import RecordedTopic, recorded_file
from streams.replay.redeciding import Records, Redeciding, Retold
from streams.replay.sources import RejectedRow
from streams.replay.span import Span, WrongSpan, parse_span
from streams.replay.tally import Tally
from streams.replay.verdicts import Finding, Verdict
from streams.replay.verifying import Report, System, verify

__all__ = [
    "BacktestResult",
    "CannotVerify",
    "Finding",
    "Landmarks",
    "Mapping",
    "MappingError",
    "OutputRefused",
    "Published",
    "RecordedTopic",
    "Records",
    "Redeciding",
    "RejectedRow",
    "Report",
    "Retold",
    "SourceError",
    "Span",
    "System",
    "Tally",
    "UnknownModel",
    "Verdict",
    "WrongMapping",
    "WrongSpan",
    "backtest",
    "built_in_mappings",
    "close_import_producer",
    "load_mapping",
    "open_import_producer",
    "parse_mapping",
    "parse_span",
    "propose_mapping",
    "publish",
    "read_events",
    "recorded_file",
    "verify",
]
