"""Puts into words what went wrong outside: a server that is away, a setting that cannot be."""

from __future__ import annotations

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, ServerAway, Usage


def in_words(error: Exception, context: Context) -> click.ClickException | None:
    """Put an exception that left a command into words.

    Parameters
    ----------
    error
        What the command raised.
    context
        Knows the addresses of the servers, and which setting they come from.

    Returns
    -------
    click.ClickException or None
        What to tell the user; None when the exception is a defect of ours, which deserves
        its traceback.
    """
    from streams.settings import SettingsError

    if isinstance(error, SettingsError):
        return Usage(str(error))
    # Imported only now, when something went wrong: `ebb --help` needs none of it.
    import aiokafka.errors
    import kafka.errors
    import redis.exceptions

    from features.store import StoreAway
    from streams.topics import KafkaAway, TopicMissing

    if isinstance(error, KafkaAway):
        return kafka_away(context, error.bootstrap, error.reason)
    if isinstance(error, TopicMissing):
        return Problem(str(error))
    if isinstance(error, kafka.errors.KafkaError | aiokafka.errors.KafkaError):
        if _is_connection(error):
            return kafka_away(context)
        return Problem(f"Kafka refused: {error}")
    if isinstance(error, redis.exceptions.AuthenticationError):
        return Usage(
            f"Redis at {context.address('redis.url')} refuses the name or password"
            f" ({context.source('redis.url')}); write redis://NAME:PASSWORD@HOST:PORT/DB"
        )
    away = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, StoreAway)
    if isinstance(error, away):
        return redis_away(context, str(error))
    if isinstance(error, redis.exceptions.RedisError):
        return Problem(f"Redis at {context.address('redis.url')} refused: {error}")
    return None


def kafka_away(context: Context, bootstrap: str = "", reason: str = "") -> ServerAway:
    """Say that no broker answers, where it was looked for, and what to do.

    Parameters
    ----------
    context
        Knows the address, and which setting it comes from.
    bootstrap
        The address that was tried; that of the settings when empty.
    reason
        What the client said, where it says more than "no answer".

    Returns
    -------
    ServerAway
        To be raised or shown.
    """
    address = bootstrap or context.address("kafka.bootstrap")
    return ServerAway(
        f"Kafka is away: no broker answers at {address}{f' ({reason})' if reason else ''}.\n"
        f"The address comes from kafka.bootstrap, {context.source('kafka.bootstrap')}."
        " Start Kafka, or name another one with EBB_KAFKA or --kafka HOST:PORT.\n"
        "ebb demo needs no servers."
    )


def redis_away(context: Context, reason: str = "") -> ServerAway:
    """Say that Redis does not answer, where it was looked for, and what to do.

    Parameters
    ----------
    context
        Knows the address, and which setting it comes from.
    reason
        What the client said.

    Returns
    -------
    ServerAway
        To be raised or shown.
    """
    why = f" ({reason.rstrip('.')})" if reason else ""
    return ServerAway(
        f"Redis is away: nothing answers at {context.address('redis.url')}{why}.\n"
        f"The address comes from redis.url, {context.source('redis.url')}."
        " Start Redis, or name another one with EBB_REDIS or --redis URL.\n"
        "ebb demo needs no servers."
    )


def _is_connection(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(
        names
        & {
            "KafkaConnectionError",
            "KafkaTimeoutError",
            "NoBrokersAvailable",
            "NodeNotReadyError",
            "RequestTimedOutError",
        }
    )
