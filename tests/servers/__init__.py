"""The Kafka and the Redis that the tests run on: the realest that this machine can give."""

from tests.servers.backend import Server, ServerError, Source, first_that_answers, required
from tests.servers.commands import BUSY, ROOT, Ebb, Processes, clean_environment, wait_for
from tests.servers.kafka import kafka_sources
from tests.servers.redis import redis_sources

__all__ = [
    "BUSY",
    "ROOT",
    "Ebb",
    "Processes",
    "Server",
    "ServerError",
    "Source",
    "clean_environment",
    "first_that_answers",
    "kafka_sources",
    "redis_sources",
    "required",
    "wait_for",
]
