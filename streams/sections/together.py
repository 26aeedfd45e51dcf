"""Everything that can be set, and what must fit together."""

from __future__ import annotations

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from features import format_duration
from streams.sections.acting import AlertSettings, OfferSettings, PolicySettings
from streams.sections.judging import ChallengerSettings, DriftSettings, LabelSettings, ModelSettings
from streams.sections.knowing import ChurnSettings, FeatureSettings, SilenceSettings, TimeSettings
from streams.sections.running import CollectSettings, NotifySettings, WorkerSettings
from streams.sections.servers import KafkaSettings, RedisSettings, TopicSettings


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


__all__ = ["Settings"]
