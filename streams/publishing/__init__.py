"""How a shop's own servers publish what customers did, straight to Kafka."""

from features import Event, InvalidEvent
from streams.brokers import KafkaAway, TopicMissing
from streams.publishing.publisher import NotPublished, Published, Publisher
from streams.publishing.wording import EventFields

__all__ = [
    "Event",
    "EventFields",
    "InvalidEvent",
    "KafkaAway",
    "NotPublished",
    "Published",
    "Publisher",
    "TopicMissing",
]
