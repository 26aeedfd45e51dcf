"""What we know about a customer, and nothing of what we believe or do about it."""

from features.events import (
    KINDS,
    Event,
    InvalidEvent,
    Kind,
    decode_event,
    encode_event,
    is_distress,
)
from features.timeline import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    WEEK,
    Millis,
    format_duration,
    from_datetime,
    parse_duration,
    to_datetime,
    to_iso,
)

__all__ = [
    "DAY",
    "HOUR",
    "KINDS",
    "MINUTE",
    "SECOND",
    "WEEK",
    "Event",
    "InvalidEvent",
    "Kind",
    "Millis",
    "decode_event",
    "encode_event",
    "format_duration",
    "from_datetime",
    "is_distress",
    "parse_duration",
    "to_datetime",
    "to_iso",
]
