"""The topics: which there are, how they should be, and which partition is a customer's.

Everything here speaks to Kafka through kafka-python; the workers have their own connection
(Faust), to the same addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType

from features import DAY, Millis
from streams.brokers import (
    PATIENCE,
    KafkaAway,
    TopicMissing,
    connection,
    open_admin,
    open_consumer,
    open_producer,
)
from streams.murmur2 import murmur2
from streams.settings import Settings

#: Kafka's code for a topic that is there already.
_EXISTS: Final = 36
#: What a broker says that gives its topics no ids.
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"


class TopicRefused(RuntimeError):
    """Kafka would not create a topic; the message says which, why and what to do."""


@dataclass(frozen=True)
class TopicPlan:
    """How a topic should be.

    Parameters
    ----------
    name
        Full name, prefix included.
    partitions, replication
        How many, and how many copies of each.
    config
        Settings of the topic, as Kafka names them.
    meaning
        What lies in it.
    exact
        Whether another number of partitions, or another clean-up, breaks something.
    """

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    meaning: str
    exact: bool = True


@dataclass(frozen=True)
class Difference:
    """Something about an existing topic that is not as planned.

    Parameters
    ----------
    name
        The topic.
    what
        ``partitions``, ``replication``, or a setting of the topic.
    wanted, found
        As planned, as it is.
    breaks
        Whether Ebbtide would work wrongly; otherwise it is good to know.
    mend
        What to do.
    """

    name: str
    what: str
    wanted: str
    found: str
    breaks: bool
    mend: str


@dataclass(frozen=True)
class Topics:
    """What is there, after `create_topics` or as `compare_topics` found it."""

    created: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    different: tuple[Difference, ...] = ()
    partitions: Mapping[str, int] = field(default_factory=dict)


def topic_plan(settings: Settings) -> list[TopicPlan]:
    """Return every topic as the settings want it.

    Retention is counted from arrival, not from the date that a producer wrote: an import of
    last year's events must not be deleted as it arrives. Events are kept for as long as a
    customer's state can depend on them, so that Redis can be rebuilt from the log.

    Examples
    --------
    >>> for topic in topic_plan(Settings()):
    ...     print(topic.name, topic.partitions, topic.config.get("retention.ms", "for ever"))
    clickstream 12 10368000000
    clickstream-rekeyed 12 10368000000
    outcomes 12 10368000000
    interventions 12 10368000000
    training 1 31536000000
    models 1 for ever
    model-events 1 31536000000
    dead-letters 1 7776000000
    """
    shape = settings.topics
    state = settings.churn.active + settings.churn.horizon

    def plan(
        name: str, partitions: int, kept: Millis | None, meaning: str, exact: bool = True
    ) -> TopicPlan:
        config = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}
        if name in ("dead_letters", "rekeyed"):
            # What just fitted into its topic must fit here with a header beside it.
            config["max.message.bytes"] = str(2 * 1024 * 1024)
        if kept is None:
            config["cleanup.policy"] = "compact"
        else:
            config["retention.ms"] = str(kept)
        return TopicPlan(
            settings.topic(name), partitions, shape.replication, config, meaning, exact
        )

    many = shape.partitions
    return [
        plan("clickstream", many, state, "events in, keyed by customer"),
        plan("rekeyed", many, state, "events moved to their key's partition"),
        plan("outcomes", many, state, "what the CRM says happened to an alert"),
        plan("interventions", many, state, "alerts out", exact=False),
        plan("training", 1, 365 * DAY, "matured examples"),
        plan("models", 1, None, "model snapshots"),
        plan("model_events", 1, 365 * DAY, "drift, and news of challengers", exact=False),
        plan("dead_letters", 1, 90 * DAY, "messages that could not be used", exact=False),
    ]


def create_topics(settings: Settings, wait: Millis = PATIENCE) -> Topics:
    """Create the topics that are missing, and compare those that exist; change none of these.

    Parameters
    ----------
    settings
        Names, partitions and replication.
    wait
        How long to wait for a broker.

    Returns
    -------
    Topics
        What was created, what was there, and what is not as planned.

    Raises
    ------
    KafkaAway
        If no broker answers.
    TopicRefused
        If Kafka will not create one.
    """
    plans = topic_plan(settings)
    with open_admin(settings, wait) as admin:
        answers = admin.create_topics(
            {
                plan.name: {
                    "num_partitions": plan.partitions,
                    "replication_factor": plan.replication,
                    "configs": dict(plan.config),
                }
                for plan in plans
            },
            raise_errors=False,
        )
        outcome = {answer["name"]: answer for answer in answers["topics"]}
        created = [plan.name for plan in plans if outcome[plan.name]["error_code"] == 0]
        for name, answer in outcome.items():
            if answer["error_code"] not in (0, _EXISTS):
                raise TopicRefused(_refusal(name, answer, settings))
        admin.wait_for_topics(created)
        found = compare_with(admin, plans)
    existing = tuple(name for name in found.existing if name not in created)
    return Topics(tuple(created), existing, found.missing, found.different, found.partitions)


def compare_topics(settings: Settings) -> Topics:
    """Compare the topics as they are with the plan; raises `KafkaAway`."""
    with open_admin(settings) as admin:
        return compare_with(admin, topic_plan(settings))


def _refusal(name: str, answer: Mapping[str, Any], settings: Settings) -> str:
    kind = errors.for_code(answer["error_code"])
    said = answer.get("error_message") or kind.__name__
    if kind is errors.InvalidReplicationFactorError:
        return (
            f"topic {name}: {said} Set topics.replication (it is"
            f" {settings.topics.replication}) to at most the number of brokers."
        )
    return f"topic {name}: Kafka refuses to create it: {said}"


def compare_with(admin: KafkaAdminClient, plans: list[TopicPlan]) -> Topics:
    """Compare the topics as they are with a plan, through a connection that is open."""
    described = {
        topic["name"]: topic["partitions"]
        for topic in admin.describe_topics([plan.name for plan in plans])
        if topic["error_code"] == 0
    }
    present = [plan for plan in plans if plan.name in described]
    configs = topic_configs(admin, [plan.name for plan in present])
    return Topics(
        existing=tuple(plan.name for plan in present),
        missing=tuple(plan.name for plan in plans if plan.name not in described),
        different=tuple(
            difference
            for plan in present
            for difference in _differences(plan, described[plan.name], configs[plan.name])
        ),
        partitions={name: len(partitions) for name, partitions in described.items()},
    )


def topic_configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the settings of topics, as far as the broker tells them."""
    if not names:
        return {}
    answer = admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names], config_filter="all"
    )
    told: dict[str, dict[str, str]] = {name: {} for name in names}
    for by_name in answer.values():
        for name, entries in by_name.items():
            told[name] = {key: str(entry["value"]) for key, entry in entries.items()}
    return told


def _differences(
    plan: TopicPlan, partitions: list[Mapping[str, Any]], config: Mapping[str, str]
) -> list[Difference]:
    found = []
    if len(partitions) != plan.partitions:
        found.append(
            Difference(
                plan.name,
                "partitions",
                str(plan.partitions),
                str(len(partitions)),
                plan.exact,
                _partitions_mend(plan, len(partitions)),
            )
        )
    copies = min(len(partition["replica_nodes"]) for partition in partitions)
    if copies < plan.replication:
        found.append(
            Difference(
                plan.name,
                "replication",
                str(plan.replication),
                str(copies),
                False,
                "add replicas with kafka-reassign-partitions.sh",
            )
        )
    for key, wanted in plan.config.items():
        value = config.get(key)
        if value is not None and not _as_good_as(key, value, wanted):
            found.append(
                Difference(
                    plan.name,
                    key,
                    wanted,
                    value,
                    plan.exact and key == "cleanup.policy",
                    f"kafka-configs.sh --alter --topic {plan.name} --add-config {key}={wanted}",
                )
            )
    return found


def _as_good_as(key: str, value: str, wanted: str) -> bool:
    if key != "retention.ms":
        return value == wanted
    # To keep more than is needed is the shop's own business; -1 is for ever.
    return value == "-1" or int(value) >= int(wanted)


def _partitions_mend(plan: TopicPlan, found: int) -> str:
    if plan.partitions == 1:
        return f"delete {plan.name} and create it again; it must have a single partition"
    if not plan.exact:
        return "this does no harm"
    return (
        f"to use it as it is, set topics.partitions = {found} (EBB_TOPICS_PARTITIONS={found});"
        f" to have {plan.partitions}, start a new set of topics with topics.prefix and import the"
        " events again: partitions added to an old topic would part customers from their events"
    )


def partition_of(user_id: bytes, partitions: int) -> int:
    """Return the partition that a customer belongs to.

    The same as Kafka's own default partitioner (murmur2), so that a producer in Java, Kafka
    Connect and kafka-python all agree.

    Parameters
    ----------
    user_id
        The customer, as the bytes of the Kafka key.
    partitions
        How many the topic has.

    Examples
    --------
    >>> partition_of(b"ada", 12), partition_of(b"grace", 12)
    (5, 6)
    """
    return (murmur2(user_id) & 0x7FFFFFFF) % partitions


def topic_ids(settings: Settings, topics: Sequence[str]) -> dict[str, str]:
    """Return Kafka's own ids of topics: one that is deleted and created again gets another.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topics
        Their full names; one that is not there has no id.

    Raises
    ------
    KafkaAway
        If no broker answers.
    """
    admin = open_admin(settings)
    try:
        described = admin.describe_topics(list(topics))
    except errors.KafkaError as error:
        raise KafkaAway(settings.kafka.bootstrap, reason=str(error)) from None
    finally:
        admin.close()
    ids = {each["name"]: str(each.get("topic_id") or "") for each in described}
    return {name: "" if found == _NO_ID else found for name, found in ids.items()}


__all__ = [
    "PATIENCE",
    "Difference",
    "KafkaAway",
    "TopicMissing",
    "TopicPlan",
    "TopicRefused",
    "Topics",
    "compare_topics",
    "compare_with",
    "connection",
    "create_topics",
    "open_admin",
    "open_consumer",
    "open_producer",
    "partition_of",
    "topic_configs",
    "topic_ids",
    "topic_plan",
]
