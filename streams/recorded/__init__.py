"""How recorded files are read, mapped to events, ordered, and sent again."""

from streams.recorded.compression import SourceError
from streams.recorded.mapping import Mapping, MappingError
from streams.recorded.mapping_files import built_in_mappings, load_mapping, parse_mapping
from streams.recorded.proposal import propose_mapping
from streams.recorded.publishing import (
    Published,
    close_import_producer,
    open_import_producer,
    publish,
)
from streams.recorded.reading import WrongMapping, read_events
from streams.recorded.sources import RejectedRow
from streams.recorded.tally import Tally

__all__ = [
    "Mapping",
    "MappingError",
    "Published",
    "RejectedRow",
    "SourceError",
    "Tally",
    "WrongMapping",
    "built_in_mappings",
    "close_import_producer",
    "load_mapping",
    "open_import_producer",
    "parse_mapping",
    "propose_mapping",
    "publish",
    "read_events",
]
