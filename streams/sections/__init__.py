"""What can be set: one frozen section for each part of the system, with bounds and defaults.

A setting is a line here; `streams.settings` reads it from the file, the environment and the
command line, and documents it.
"""

from streams.sections.acting import AlertSettings, OfferSettings, PolicySettings
from streams.sections.judging import ChallengerSettings, DriftSettings, LabelSettings, ModelSettings
from streams.sections.knowing import ChurnSettings, FeatureSettings, SilenceSettings, TimeSettings
from streams.sections.running import CollectSettings, NotifySettings, WorkerSettings
from streams.sections.section import Section
from streams.sections.servers import KafkaSettings, RedisSettings, TopicSettings
from streams.sections.together import Settings

__all__ = [
    "AlertSettings",
    "ChallengerSettings",
    "ChurnSettings",
    "CollectSettings",
    "DriftSettings",
    "FeatureSettings",
    "KafkaSettings",
    "LabelSettings",
    "ModelSettings",
    "NotifySettings",
    "OfferSettings",
    "PolicySettings",
    "RedisSettings",
    "Section",
    "Settings",
    "SilenceSettings",
    "TimeSettings",
    "TopicSettings",
    "WorkerSettings",
]
