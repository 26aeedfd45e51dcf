"""What a process that is to run for long must find in Kafka before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features import Millis
from streams.cli.context import Context
from streams.cli.errors import Problem

#: How long the look may wait for a broker.
_LOOK: Final[Millis] = 2_000


def check_topics(context: Context, needed: Sequence[str], meanwhile: str) -> None:
    """Refuse to start without topics; a Kafka that is away will be waited for.

    Parameters
    ----------
    context
        Of the command.
    needed
        The topics, by their names in the settings.
    meanwhile
        What is done as long as Kafka is away.

    Raises
    ------
    Problem
        If one of them is not there.
    """
    from streams.brokers import KafkaAway, open_admin
    from streams.topics import compare_with, topic_plan

    settings = context.settings
    try:
        with open_admin(settings, _LOOK) as admin:
            missing = compare_with(admin, topic_plan(settings)).missing
    except KafkaAway as error:
        context.console.print(f"{error}; {meanwhile}")
        return
    if lacking := [name for name in map(settings.topic, needed) if name in missing]:
        raise no_topics(lacking)


def no_topics(names: Sequence[str]) -> Problem:
    """Return that topics are not there, and what to do.

    Examples
    --------
    >>> print(no_topics(["interventions"]).message)
    interventions: no such topic; create it with: ebb topics create
    >>> print(no_topics(["clickstream", "dead-letters"]).message)
    clickstream, dead-letters: no such topics; create them with: ebb topics create
    """
    several, them = ("topics", "them") if len(names) > 1 else ("topic", "it")
    return Problem(f"{', '.join(names)}: no such {several}; create {them} with: ebb topics create")


__all__ = ["check_topics", "no_topics"]
