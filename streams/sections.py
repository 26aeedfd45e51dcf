"""What can be set: one frozen section for each part of the system, with bounds and defaults.

A setting is a line here; `streams.settings` reads it from the file, the environment and the
command line, and documents it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from features import DAY, HOUR, MINUTE, SECOND, format_duration
from streams.written import (
    Bootstrap,
    Categories,
    Currency,
    Duration,
    DurationOrZero,
    Durations,
    Networks,
    Numbers,
    Origins,
    RedisUrl,
    TopicName,
    WebAddress,
    Words,
    named,
)


def _setting(default: Any, meaning: str, *, env: str | None = None, **bounds: Any) -> Any:
    extra: dict[str, Any] | None = {"env": env} if env else None
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    """Keys that belong together: ``[name]`` in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Section):
    """How to reach Kafka."""

    bootstrap: Bootstrap = _setting(
        "localhost:9092", "bootstrap servers, separated by commas", env="EBB_KAFKA"
    )
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = _setting(
        "PLAINTEXT", "security protocol"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "PLAIN", "SASL mechanism"
    )
    username: str = _setting("", "SASL user name")
    password: SecretStr = _setting(SecretStr(""), "SASL password; from the environment only")
    ca_file: Path | None = _setting(None, "file of the certificate authorities to trust")
    idempotence: bool = _setting(
        True, "publish idempotently; false for a broker that cannot, as the embedded one"
    )
    session_timeout: Duration = _setting(
        6_000, "a worker silent for that long loses its partitions"
    )


class RedisSettings(Section):
    """How to reach Redis."""

    url: RedisUrl = _setting(
        "redis://localhost:6379/0", "redis://, rediss:// or redis+cluster://", env="EBB_REDIS"
    )
    namespace: Annotated[str, named(40)] = _setting("ebb", "first part of every key")


class ChurnSettings(Section):
    """What it means that a customer is gone."""

    horizon: Duration = _setting(30 * DAY, "H of the label rule", env="EBB_HORIZON")
    active: Duration = _setting(
        90 * DAY, "A: no activity for that long is gone, and no longer scored", env="EBB_ACTIVE"
    )
    activity: Words = _setting(
        ("*",),
        "event types that count as activity; * is any but identified, alias and group",
        env="EBB_ACTIVITY",
        min_length=1,
    )
    session_gap: Duration = _setting(30 * MINUTE, "silence that ends a session")
    visitors: bool = _setting(
        False, "judge visitors, who have not said who they are, as customers", env="EBB_VISITORS"
    )


class TimeSettings(Section):
    """How event time moves."""

    lateness: DurationOrZero = _setting(
        HOUR, "how late an event may come before the watermark has passed it", env="EBB_LATENESS"
    )
    skew: Duration = _setting(DAY, "how far in the future an event may lie", env="EBB_SKEW")
    clock: Literal["wall", "events"] = _setting(
        "wall",
        "wall: an idle partition's watermark follows the clock; events: only events move time",
        env="EBB_CLOCK",
    )


class FeatureSettings(Section):
    """What the model may see."""

    traits: Words = _setting((), "traits that become features")
    sensitive: Words = _setting(
        ("age_band", "gender"), "traits kept with the customer, but never a feature by accident"
    )
    amount_cap: float = _setting(1e6, "an amount above this counts as this", gt=0)
    quantity_cap: float = _setting(1e3, "a quantity above this counts as this", gt=0)


class SilenceSettings(Section):
    """When to look again at a customer who does nothing."""

    waits: Durations = _setting(
        (), "fixed waits since the last activity; empty: fractions of the horizon"
    )
    multiples: Numbers = _setting((1.5, 2.0, 3.0, 5.0), "waits in multiples of the own rhythm")


class LabelSettings(Section):
    """How predictions are kept until their label is known."""

    keep: float = _setting(
        1.0,
        "share of the predictions kept for learning; a third costs no quality",
        gt=0,
        le=1,
    )
    max_pending: int = _setting(32, "most predictions kept for one customer", ge=1, le=1_000)


class ModelSettings(Section):
    """Which model judges."""

    name: str = _setting("bayes", "a name of the registry (ebb models)", env="EBB_MODEL")
    warmup: int = _setting(
        500,
        "examples learnt before the model takes over from the prior; bayes grows out of it instead",
        ge=0,
    )
    weight_returned: float = _setting(1.0, "as how many examples one that came back counts", ge=0)
    weight_churned: float = _setting(1.0, "as how many examples one that churned counts", ge=0)
    weight_treated: float = _setting(
        0.0,
        "as how many examples one counts that was sent an offer; 1 for history, when nobody was",
        ge=0,
    )
    challenger: str = _setting(
        "", "a model that is tried in the shadow of this one; empty: none", env="EBB_CHALLENGER"
    )
    promote: bool = _setting(
        False, "whether a challenger that has proved better takes over; otherwise it is only told"
    )
    memory: float = _setting(
        8.0, "horizons in which bayes half forgets what it does not see again", gt=0
    )


class ChallengerSettings(Section):
    """What a challenger must show to be called better (docs/drift.md)."""

    alpha: float = _setting(
        0.05, "chance that one that is not better is ever called so", gt=0, lt=1
    )
    labels: int = _setting(200, "least labels of each kind that were compared", ge=1)
    improvement: float = _setting(0.001, "least mean improvement of the log loss", ge=0)
    cooldown: DurationOrZero = _setting(30 * DAY, "least time between two verdicts")


class DriftSettings(Section):
    """When the shop is no longer the one that was learnt (docs/drift.md)."""

    stability: float = _setting(
        0.2, "population stability index from which a feature has changed", gt=0
    )
    challenger: str = _setting(
        "", "a model that challenges after an alarm, if none does; empty: none"
    )


class PolicySettings(Section):
    """When to act."""

    file: Path | None = _setting(
        None, "policy file: whom to do what for (docs/playbooks.md); empty: none", env="EBB_POLICY"
    )
    refresh: DurationOrZero = _setting(
        5_000, "how often workers look whether it says something else; 0s: only at the start"
    )
    threshold: float = _setting(0.6, "risk from which a customer is alerted", gt=0, lt=1)
    hysteresis: float = _setting(
        0.1, "risk must fall this far below the threshold to arm it again", ge=0, lt=1
    )
    cooldown: DurationOrZero = _setting(14 * DAY, "least time between two alerts of a customer")
    holdout: float = _setting(0.1, "share of customers who are never treated", ge=0, lt=1)
    salt: str = _setting("ebbtide", "changes who is held out")
    valid: Duration = _setting(7 * DAY, "how long an alert may be acted upon")


class OfferSettings(Section):
    """What an alert costs and brings, in money, for the threshold that pays (docs/backtest.md)."""

    cost: float | None = _setting(
        None, "of one offer, whoever gets it: the call, the discount", ge=0, allow_inf_nan=False
    )
    margin: float | None = _setting(
        None, "earned with a customer who stays because of it", gt=0, allow_inf_nan=False
    )
    saved: float = _setting(
        0.2,
        "share of the churners with an offer who stay because of it; the default is a careful"
        " guess, measure yours with the holdout",
        gt=0,
        le=1,
    )
    capacity: int | None = _setting(None, "offers that can be made on one day; empty: any", ge=1)


class AlertSettings(Section):
    """How alerts are told."""

    language: Literal["en", "zh"] = _setting(
        "en", "language of the reasons: en, or zh for Chinese", env="EBB_LANGUAGE"
    )


class TopicSettings(Section):
    """Names and partitions of the topics."""

    prefix: Annotated[str, named(40, 0)] = _setting("", "put before every topic's name")
    clickstream: TopicName = _setting("clickstream", "events in, keyed by customer")
    outcomes: TopicName = _setting("outcomes", "what the CRM says happened to an alert")
    interventions: TopicName = _setting("interventions", "alerts out")
    training: TopicName = _setting("training", "matured examples; one partition")
    models: TopicName = _setting("models", "model snapshots; compacted")
    model_events: TopicName = _setting("model-events", "drift, and news of challengers")
    dead_letters: TopicName = _setting("dead-letters", "messages that could not be used")
    rekeyed: TopicName = _setting("clickstream-rekeyed", "events moved to their key's partition")
    partitions: int = _setting(12, "partitions of clickstream, the unit of capacity", ge=1, le=4096)
    replication: int = _setting(1, "replicas of each partition", ge=1, le=7)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the keys that hold a topic's name."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if field.annotation is str and name != "prefix"
        )


class WorkerSettings(Section):
    """How a worker works."""

    batch: int = _setting(1_000, "most records in one batch of one partition", ge=1, le=1_000)
    timers: int = _setting(200, "most customers whose timers fire in one batch", ge=1, le=800)
    port: int = _setting(0, "port of the health page; 0: none", ge=0, le=65_535)
    invalid_cap: float = _setting(
        0.8,
        "share of invalid messages, of a partition's last thousand, from which on the line stops;"
        " 1: never",
        gt=0,
        le=1,
    )
    accept_gap: bool = _setting(
        False, "go on when the log no longer holds the records that the state waits for"
    )


class CollectSettings(Section):
    """How a collector takes events over HTTP (docs/collect.md)."""

    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0: all", env="EBB_COLLECT_HOST")
    port: int = _setting(8080, "port to listen on", ge=1, le=65_535)
    open: bool = _setting(False, "take events from anybody, without a write key; for a trial only")
    url: WebAddress = _setting("", "address at which browsers find it; empty: as they called it")
    origins: Origins = _setting(
        ("*",), "web sites whose pages may send, such as https://shop.example; * is any"
    )
    body: int = _setting(
        8 * 1024 * 1024,
        "most bytes of a request, as sent and decompressed",
        ge=64 * 1024,
        le=64 * 1024 * 1024,
    )
    read: Duration = _setting(10_000, "how long a request may take to arrive")
    requests: int = _setting(512, "most requests in memory at once", ge=1, le=100_000)
    memory: int = _setting(
        64 * 1024 * 1024, "most bytes of them, as sent and decompressed", ge=1024 * 1024
    )
    slow: Duration = _setting(
        2_000, "after that long without Kafka's acknowledgement, who comes is told to come back"
    )
    wait: Duration = _setting(10_000, "how long a request that is inside waits for it")
    retry: Duration = _setting(
        30_000, "when whoever was turned away should come back; up to twice as late, at random"
    )
    refresh: Duration = _setting(3_000, "how often write keys are read anew")
    consent: Words = _setting(
        (), "categories of context.consent that must all be granted; empty: none needed"
    )
    without_consent: Literal["refuse", "anonymise"] = _setting(
        "refuse", "what becomes of an event without them; anonymise: stored without identity"
    )
    unasked: bool = _setting(True, "whether an event that says nothing of consent has it")
    opted_out: Literal["anonymise", "refuse", "keep"] = _setting(
        "anonymise", "what becomes of an event under Do Not Track or Global Privacy Control"
    )
    timezone: bool = _setting(
        True, "whether the time zone of context.timezone is kept with the customer"
    )
    categories: Categories = _setting(
        (),
        "categories of context.consent of which it is kept whether the customer agreed; 8 at most",
        max_length=8,
    )
    currency: Currency = _setting("", "ISO 4217, of amounts that name none")


class NotifySettings(Section):
    """How alerts are sent to endpoints as webhooks (docs/webhooks.md)."""

    timeout: Duration = _setting(
        20 * SECOND, "how long an endpoint may take to answer; 15s to 30s are usual"
    )
    delays: Durations = _setting(
        (
            *(5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR),
            *(10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
        ),
        "how long to wait after each attempt that failed; the first is made at once, and after the"
        " last it is given up",
    )
    allow: Networks = _setting(
        (), "networks that may be sent to though they are private, such as 10.1.0.0/16"
    )
    http: bool = _setting(
        False, "whether an endpoint may be added with http://; within your own network only"
    )
    ca_file: Path | None = _setting(
        None, "file of certificate authorities to trust besides the system's"
    )
    parallel: int = _setting(8, "most messages under way to one endpoint", ge=1, le=100)
    rest: Duration = _setting(
        5 * MINUTE,
        "how long an endpoint that cannot keep up, or is down, is left in peace at most",
    )
    waiting: int = _setting(
        50_000, "most messages that wait for one endpoint; what comes then is given up", ge=1
    )
    dead: int = _setting(
        10_000, "most given-up messages kept for one endpoint; the oldest go first", ge=1
    )
    refresh: Duration = _setting(3_000, "how often endpoints are read anew")
    host: str = _setting("127.0.0.1", "address of the health page; 0.0.0.0: all")
    port: int = _setting(0, "port of the health page; 0: none", ge=0, le=65_535)


class Settings(BaseSettings):
    """Everything that can be set. Frozen; read with `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    churn: ChurnSettings = ChurnSettings()
    time: TimeSettings = TimeSettings()
    features: FeatureSettings = FeatureSettings()
    silence: SilenceSettings = SilenceSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    challenger: ChallengerSettings = ChallengerSettings()
    drift: DriftSettings = DriftSettings()
    policy: PolicySettings = PolicySettings()
    offer: OfferSettings = OfferSettings()
    alerts: AlertSettings = AlertSettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()
    collect: CollectSettings = CollectSettings()
    notify: NotifySettings = NotifySettings()

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        churn, policy, kafka = self.churn, self.policy, self.kafka
        if churn.active < churn.session_gap:
            raise ValueError(
                f"churn.active = {format_duration(churn.active)} must be longer than"
                f" churn.session_gap = {format_duration(churn.session_gap)}"
            )
        if policy.hysteresis >= policy.threshold:
            raise ValueError(
                f"policy.hysteresis = {policy.hysteresis} must be smaller than policy.threshold ="
                f" {policy.threshold}, or nobody is ever alerted twice"
            )
        if (self.offer.cost is None) != (self.offer.margin is None):
            given, missing = ("cost", "margin") if self.offer.margin is None else ("margin", "cost")
            raise ValueError(
                f"offer.{given} = {getattr(self.offer, given):g} says nothing without"
                f" offer.{missing}: set both of them, or none"
            )
        if kafka.security.startswith("SASL") and not kafka.username:
            raise ValueError(
                f"kafka.security = {kafka.security} needs kafka.username, and the password in"
                " EBB_KAFKA_PASSWORD"
            )
        if self.collect.memory < 2 * self.collect.body:
            raise ValueError(
                f"collect.memory = {self.collect.memory} must hold a request twice, as sent and"
                f" decompressed: collect.body = {self.collect.body}"
            )
        names = [self.topic(name) for name in TopicSettings.names()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two topics have the name {name}; see topics.clickstream and on")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what `load_settings` hands over: it knows where each value was read."""
        return (init_settings,)

    def topic(self, name: str) -> str:
        """Return the full name of a topic, prefix included."""
        return f"{self.topics.prefix}{getattr(self.topics, name)}"
