"""Alerts, events and outcomes, read from topics or files, and what treating has done by them."""

from streams.effect.joining import Asked, Joined, join
from streams.effect.learning import NotLearnable, check_dimensions, learnt_of, write_learnt
from streams.effect.sources import FileSource, Progress, Source, TopicSource, WrongSource
from streams.effect.telling import as_dict

__all__ = [
    "Asked",
    "FileSource",
    "Joined",
    "NotLearnable",
    "Progress",
    "Source",
    "TopicSource",
    "WrongSource",
    "as_dict",
    "check_dimensions",
    "join",
    "learnt_of",
    "write_learnt",
]
