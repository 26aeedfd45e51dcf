"""What we know about a customer, and nothing of what we believe or do about it."""

from features.catalogue import Catalogue, Feature, build_catalogue
from features.codec import decode_state, encode_state
from features.compact import (
    Damaged,
    brief,
    full,
    pack_steps,
    scaled,
    unpack_steps,
    unscaled,
)
from features.customer import Applied, CustomerState
from features.definition import PASSIVE, Definition
from features.events import (
    KINDS,
    LOW_RATING,
    Event,
    InvalidEvent,
    Kind,
    decode_event,
    encode_event,
    is_distress,
)
from features.naming import HIDDEN, VISITOR, is_customer, is_visitor
from features.rhythm import POWERS
from features.silence import NEVER
from features.sketch import Sketch
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
from features.told import (
    ALL_CHANNELS,
    CATEGORY,
    CHANNEL,
    DEVICE_ZONE,
    WORDS,
    Told,
    Word,
    told_something,
)
from features.trail import LINK_TYPE, LINKED_TO, Handed, History, Trail, linked_customer
from features.vectors import pack_vector, unpack_vector
from features.versions import Step, UnknownVersion, up_to_date

__all__ = [
    "ALL_CHANNELS",
    "CATEGORY",
    "CHANNEL",
    "DAY",
    "DEVICE_ZONE",
    "HIDDEN",
    "HOUR",
    "KINDS",
    "LINKED_TO",
    "LINK_TYPE",
    "LOW_RATING",
    "MINUTE",
    "NEVER",
    "PASSIVE",
    "POWERS",
    "SECOND",
    "VISITOR",
    "WEEK",
    "WORDS",
    "Applied",
    "Catalogue",
    "CustomerState",
    "Damaged",
    "Definition",
    "Event",
    "Feature",
    "Handed",
    "History",
    "InvalidEvent",
    "Kind",
    "Millis",
    "Sketch",
    "Step",
    "Told",
    "Trail",
    "UnknownVersion",
    "Word",
    "brief",
    "build_catalogue",
    "decode_event",
    "decode_state",
    "encode_event",
    "encode_state",
    "format_duration",
    "from_datetime",
    "full",
    "is_customer",
    "is_distress",
    "is_visitor",
    "linked_customer",
    "pack_steps",
    "pack_vector",
    "parse_duration",
    "scaled",
    "to_datetime",
    "to_iso",
    "told_something",
    "unpack_steps",
    "unpack_vector",
    "unscaled",
    "up_to_date",
]
