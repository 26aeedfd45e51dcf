"""Alerts, events and outcomes, read from topics or files, and what treating has done by them."""

from streams.effect.joining import Asked, Joined, join
from streams.effect.sources import FileSource, Progress, Source, TopicSource, WrongSource
from streams.effect.telling import as_dict

__all__ = [
    "Asked",
    "FileSource",
    "Joined",
    "Progress",
    "Source",
    "TopicSource",
    "WrongSource",
    "as_dict",
    "join",
]
