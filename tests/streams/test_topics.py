"""The topics as planned, as created, and the partition that a customer belongs to."""

from __future__ import annotations

import random

import pytest

from features import DAY
from streams.settings import Settings, load_settings
from streams.topics import (
    KafkaAway,
    TopicMissing,
    TopicRefused,
    compare_topics,
    connection,
    create_topics,
    open_admin,
    open_consumer,
    open_producer,
    partition_of,
    topic_plan,
)
from tests.conftest import Kafka


def configured(kafka: Kafka, prefix: str, **options: str) -> Settings:
    return load_settings(
        environ={"EBB_KAFKA": kafka.bootstrap, "EBB_TOPICS_PREFIX": prefix},
        options={"topics.partitions": "3", **options},
    ).settings


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        # From UtilsTest.testMurmur2 of Apache Kafka.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
@pytest.mark.parametrize("partitions", [1, 7, 12])
def test_a_customer_belongs_to_the_partition_of_javas_default_partitioner(
    key: bytes, murmur2: int, partitions: int
) -> None:
    assert partition_of(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


def test_what_goes_with_clickstream_has_as_many_partitions() -> None:
    plans = {plan.name: plan for plan in topic_plan(Settings())}
    together = ("clickstream", "clickstream-rekeyed", "outcomes", "interventions")
    assert {plans[name].partitions for name in together} == {12}
    assert plans["training"].partitions == plans["models"].partitions == 1


def test_events_are_kept_for_as_long_as_a_state_depends_on_them() -> None:
    options = {"churn.active": "200d", "churn.horizon": "50d"}
    plans = topic_plan(load_settings(environ={}, options=options).settings)
    assert int(plans[0].config["retention.ms"]) == 250 * DAY


def test_credentials_are_sent_only_where_the_protocol_asks_for_them() -> None:
    plain = connection(load_settings(environ={"EBB_KAFKA_USERNAME": "u"}).settings)
    assert not [word for word in plain if word.startswith("sasl")]
    environ = {
        "EBB_KAFKA_SECURITY": "SASL_SSL",
        "EBB_KAFKA_USERNAME": "u",
        "EBB_KAFKA_PASSWORD": "p",
        "EBB_KAFKA_CA_FILE": "ca.pem",
    }
    secure = connection(load_settings(environ=environ).settings)
    assert (secure["sasl_plain_username"], secure["sasl_plain_password"]) == ("u", "p")
    assert secure["ssl_cafile"] == "ca.pem"


def test_an_absent_broker_is_told_with_its_address() -> None:
    settings = load_settings(environ={"EBB_KAFKA": "localhost:1"}).settings
    with pytest.raises(KafkaAway, match="no broker answers at localhost:1") as error:
        open_admin(settings)
    assert error.value.bootstrap == "localhost:1"


@pytest.mark.e2e
def test_topics_are_created_once_and_found_again(kafka: Kafka, topic_prefix: str) -> None:
    settings = configured(kafka, topic_prefix)
    names = tuple(plan.name for plan in topic_plan(settings))
    assert compare_topics(settings).missing == names
    first = create_topics(settings)
    assert (first.created, first.existing, first.different) == (names, (), ())
    again = create_topics(settings)
    assert (again.created, again.existing, again.different) == ((), names, ())
    assert again.partitions[f"{topic_prefix}clickstream"] == 3


@pytest.mark.e2e
def test_a_topic_with_other_partitions_is_reported_and_left_alone(
    kafka: Kafka, topic_prefix: str
) -> None:
    create_topics(configured(kafka, topic_prefix))
    wanted = configured(kafka, topic_prefix, **{"topics.partitions": "5"})
    found = create_topics(wanted)
    assert found.created == ()
    by_name = {one.name.removeprefix(topic_prefix): one for one in found.different}
    assert (by_name["clickstream"].found, by_name["clickstream"].wanted) == ("3", "5")
    assert by_name["clickstream"].breaks
    assert "EBB_TOPICS_PARTITIONS=3" in by_name["clickstream"].mend
    assert not by_name["interventions"].breaks
    assert compare_topics(wanted).partitions[f"{topic_prefix}clickstream"] == 3


@pytest.mark.e2e
def test_models_that_are_not_compacted_are_reported(kafka: Kafka, topic_prefix: str) -> None:
    settings = configured(kafka, topic_prefix)
    with open_admin(settings) as admin:
        admin.create_topics(
            {
                f"{topic_prefix}models": {
                    "num_partitions": 1,
                    "replication_factor": 1,
                    "configs": {"cleanup.policy": "delete"},
                }
            }
        )
    different = {one.what: one for one in create_topics(settings).different}
    assert different["cleanup.policy"].breaks
    assert "cleanup.policy=compact" in different["cleanup.policy"].mend


@pytest.mark.e2e
def test_longer_retention_than_planned_is_the_shops_own_business(
    kafka: Kafka, topic_prefix: str
) -> None:
    create_topics(configured(kafka, topic_prefix))
    less = configured(kafka, topic_prefix, **{"churn.active": "31d"})
    more = configured(kafka, topic_prefix, **{"churn.active": "400d"})
    assert compare_topics(less).different == ()
    assert {one.what for one in compare_topics(more).different} == {"retention.ms"}
    assert not any(one.breaks for one in compare_topics(more).different)


@pytest.mark.e2e
def test_more_replicas_than_brokers_are_refused_with_the_setting(
    kafka: Kafka, topic_prefix: str
) -> None:
    if not kafka.real:
        pytest.skip("the embedded broker takes any replication")
    with pytest.raises(TopicRefused, match=r"Set topics.replication \(it is 5\)"):
        create_topics(configured(kafka, topic_prefix, **{"topics.replication": "5"}))


@pytest.mark.e2e
def test_a_producer_puts_a_customer_where_we_look_for_them(kafka: Kafka, topic_prefix: str) -> None:
    settings = configured(kafka, topic_prefix, **{"topics.partitions": "7"})
    create_topics(settings)
    names = random.Random(7)
    users = [names.randbytes(names.randrange(1, 20)) for _ in range(200)]
    topic = settings.topic("clickstream")
    with open_producer(settings) as producer:
        sent = [(user, producer.send(topic, key=user, value=b"{}")) for user in users]
        producer.flush()
        for user, future in sent:
            assert future.get(timeout=10).partition == partition_of(user, 7)


@pytest.mark.e2e
def test_looking_for_a_topic_does_not_make_it(kafka: Kafka, topic_prefix: str) -> None:
    from streams.reading import Reading

    settings = configured(kafka, topic_prefix)
    with pytest.raises(TopicMissing, match="create it with: ebb topics create"):
        Reading(settings, settings.topic("interventions"))
    consumer = open_consumer(settings)
    try:
        assert settings.topic("interventions") not in consumer.topics()
    finally:
        consumer.close()
