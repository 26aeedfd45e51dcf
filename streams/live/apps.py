"""The two Faust apps: the worker, which turns events into alerts, and the learner."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from faust.auth import SASLCredentials, SSLCredentials

from features.store import RedisStore
from models.limits import Limits, RedisLimits
from models.registry import REGISTRY
from streams.brokers import asynchronous, group_consumers, trusted
from streams.composition import rivalry_of, shop_by, shop_of, task_of, weighing_of
from streams.live.attendance import TELL, Attendance, Presence, Working
from streams.live.chunks import ChunkConsumer
from streams.live.clickstream import ClickstreamReader, Pace
from streams.live.clock import Clock
from streams.live.health import add_health
from streams.live.model import LOOK, CurrentModel
from streams.live.outcomes import OutcomeReader
from streams.live.redis import open_redis
from streams.live.relay import Relay, bare
from streams.live.rules import CurrentRules, watch_of
from streams.live.serving import ChunkApp, ChunkSchema, NoTables
from streams.live.settling import settle_costs
from streams.live.training import TrainingReader
from streams.noise import say_seldom
from streams.settings import Settings, SettingsError
from streams.topics import topic_ids

#: Who repeats itself while a broker is away.
_NOISY: Final = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "faust.transport.drivers.aiokafka",
    "streams.live.outcomes",
)
#: Bytes of one partition in one fetch: a topic takes batches of half as many.
_FETCHED: Final = 4 * 1024 * 1024
#: Milliseconds for which it counts which topics there are.
_METADATA: Final = 3_000
#: Seconds between looks whether a topic was created anew.
_WATCH: Final = 5.0
#: The topics that an outbox may publish to, by their names in the settings.
_OUT: Final = ("interventions", "training", "models", "model_events", "dead_letters", "rekeyed")


def worker_app(settings: Settings) -> ChunkApp:
    """Return the Faust app that turns events into alerts.

    Parameters
    ----------
    settings
        All of them.

    Returns
    -------
    ChunkApp
        Any number of processes may run it; Kafka spreads the partitions over them.
    """
    shop = shop_of(settings)
    topics = settings.topic("clickstream"), settings.topic("rekeyed")
    app = _app(settings, "worker", topics)
    client = open_redis(settings.redis.url)
    namespace = settings.redis.namespace
    model = CurrentModel(
        RedisStore(client, namespace, settings.topic("training")),
        task_of(shop),
        settings.model.warmup,
    )
    relay = _relay(settings)
    app.clock = Clock(wall=_now, ticks=lambda: time.monotonic_ns() // 1_000_000)
    policy = settings.policy
    rules = app.rules = CurrentRules(
        shop,
        lambda before, plan: shop_by(before, settings, plan),
        watch_of(shop, policy.file, policy.refresh),
        policy.refresh,
        _now,
    )
    limits = RedisLimits(client, namespace)
    app.reader = ClickstreamReader(
        topics,
        rules,
        RedisStore(client, namespace, topics[0]),
        relay,
        model,
        Pace(
            settings.worker.batch,
            settings.worker.timers,
            wall=settings.time.clock == "wall",
            invalid_cap=settings.worker.invalid_cap,
            accept_gap=settings.worker.accept_gap,
        ),
        partitions=lambda: app.consumer.topic_partitions(topics[0]) or settings.topics.partitions,
        clock=app.clock,
        limits=limits,
    )

    @app.timer(interval=LOOK, on_leader=False)
    async def look_for_a_newer_model() -> None:
        await model.look()

    @app.task()
    async def first_look_at_the_model() -> None:
        await model.look()

    @app.task()
    async def go_by_the_policy_file_of_now() -> None:
        await rules.run()

    presence = app.presence = Presence(
        Attendance(client, namespace, topics[0]), _working(app, rules)
    )

    @app.timer(interval=TELL, on_leader=False)
    async def tell_that_it_runs() -> None:
        await presence.tell()

    _serve(app, topics, relay)
    _take_outcomes(app, settings, client, limits)
    return app


def learner_app(settings: Settings) -> ChunkApp:
    """Return the Faust app that learns from matured examples; one process of it works.

    Parameters
    ----------
    settings
        All of them.
    """
    if settings.model.name not in REGISTRY:
        known = ", ".join(REGISTRY)
        raise SettingsError(f"model.name = {settings.model.name!r}: known models are {known}")
    if not REGISTRY[settings.model.name].live:
        able = ", ".join(name for name, entry in REGISTRY.items() if entry.live)
        raise SettingsError(
            f"model.name = {settings.model.name!r}: it is retrained from scratch, for ebb backtest"
            f" only; the learner can run {able}"
        )
    shop = shop_of(settings, deciding=False)
    topic = settings.topic("training")
    app = _app(settings, "learner", (topic,))
    relay = _relay(settings)
    app.reader = TrainingReader(
        topic,
        settings.model.name,
        task_of(shop, weighing_of(settings)),
        RedisStore(open_redis(settings.redis.url), settings.redis.namespace, topic),
        relay,
        settings.worker.batch,
        rivalry=rivalry_of(settings),
        accept_gap=settings.worker.accept_gap,
    )
    _serve(app, (topic,), relay)
    return app


def _take_outcomes(app: ChunkApp, settings: Settings, client: Any, limits: Limits) -> None:
    """Have the worker take note of what came of alerts, beside the events."""
    topic = settings.topic("outcomes")
    relay = _relay(settings, ("clickstream", "dead_letters"))
    reader = OutcomeReader(
        group_consumers(settings, "outcomes"),
        topic,
        partial(asyncio.to_thread, topic_ids, settings, (topic,)),
        RedisStore(client, settings.redis.namespace, topic),
        relay,
        app.trouble,
        partial(settle_costs, limits),
    )

    @app.task()
    async def publish_what_outcomes_bring_about() -> None:
        await relay.run()

    @app.task()
    async def take_outcomes() -> None:
        await reader.run()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _working(app: ChunkApp, rules: CurrentRules) -> Callable[[], Working]:
    """Return what tells what a worker is at just now."""
    name, started = f"{socket.gethostname()}:{os.getpid()}", _now()

    def working() -> Working:
        held = sorted(app.consumer.cursors) if app.in_group else ()
        told = rules.in_force
        return Working(
            name, tuple(held), started, told.policy, told.since, told.wrong, told.wrong_since
        )

    return working


def _serve(app: ChunkApp, topics: tuple[str, ...], relay: Relay) -> None:
    app.relay = relay

    @app.agent(
        app.topic(*topics, schema=ChunkSchema(), acks=False, internal=False),
        name=f"serve-{topics[0]}",
    )
    async def serve(chunks: Any) -> None:
        async for chunk in chunks:
            await app.serve(chunk)

    @app.task()
    async def publish_the_outbox() -> None:
        await relay.run()

    @app.timer(interval=_WATCH, on_leader=False)
    async def watch_the_topics() -> None:
        await app.check_topics()


def _app(settings: Settings, role: str, topics: tuple[str, ...]) -> ChunkApp:
    kafka = settings.kafka
    session = kafka.session_timeout / 1_000
    app = ChunkApp(
        f"{settings.topics.prefix}{settings.redis.namespace}-{role}",
        broker=[f"kafka://{address.strip()}" for address in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 4,
        broker_request_timeout=max(20.0, session),
        broker_rebalance_timeout=10.0,
        broker_max_poll_records=settings.worker.batch * 4,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCHED,
        # A broker that has just started may not list the topics yet: whoever deals out partitions
        # then deals out none, until it hears of them.
        consumer_metadata_max_age_ms=_METADATA,
        # Positions are in the store: nothing is acknowledged, and nothing waits for it.
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager=NoTables,
        store="memory://",
        web_enabled=bool(settings.worker.port),
        web_port=settings.worker.port or 6066,
        web_bind="0.0.0.0",
        worker_redirect_stdouts=False,
        autodiscover=False,
    )
    app.transport.Consumer = ChunkConsumer
    # kafka-python asks; aiokafka does not know the ids of topics.
    app.topic_ids = partial(asyncio.to_thread, topic_ids, settings, topics)
    add_health(app)
    # It tells every connection, and one is made at each look at the topics.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    # An outage would log a hundred lines a second.
    say_seldom(_NOISY)
    return app


def _relay(settings: Settings, out: Iterable[str] = _OUT) -> Relay:
    words = asynchronous(settings)

    def producer() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            acks="all",
            linger_ms=5,
            max_batch_size=256 * 1024,
            max_request_size=4 * 1024 * 1024,
            value_serializer=bare,
            **words,
        )

    return Relay(producer, {name: settings.topic(name) for name in out})


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = trusted(settings) if kafka.security.endswith("SSL") else None
    if kafka.security.startswith("SASL"):
        return SASLCredentials(
            username=kafka.username,
            password=kafka.password.get_secret_value(),
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    if kafka.security == "SSL":
        return SSLCredentials(context)
    return None
