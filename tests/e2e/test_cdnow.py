"""CDNOW through Kafka: every event applied once, every label learnt, every alert well-formed."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections import Counter
from datetime import datetime

import jsonschema
import msgspec
import pytest

from features import DAY, Millis, from_datetime
from models.deciding import decision_id
from models.learning import CUTS, PRIOR, Snapshot, TrainingExample
from streams.composition import shop_of
from streams.live import looking
from tests import oracle
from tests.e2e.cdnow import Run, purchases_in, sample
from tests.e2e.corner import Corner, Said

pytestmark = pytest.mark.e2e

SAMPLED = 200


@pytest.fixture(scope="module")
def alerts(cdnow: Run) -> list[Said]:
    """What a CRM reads from ``interventions``."""
    return cdnow.corner.read("interventions")


@pytest.fixture(scope="module")
def examples(cdnow: Run) -> list[TrainingExample]:
    """What the learner reads from ``training``."""
    decoder = msgspec.json.Decoder(TrainingExample)
    return [decoder.decode(said.value) for said in cdnow.corner.read("training")]


def test_every_event_is_applied_once(cdnow: Run) -> None:
    status, bought = cdnow.status, purchases_in(cdnow.file)
    events = sum(map(len, bought.values()))
    assert events > 20_000
    partitions = status["partitions"]
    assert len(partitions) == 4
    assert all(partition["applied"] > events / 8 for partition in partitions)
    assert sum(partition["applied"] for partition in partitions) == events
    assert status["customers"] == len(bought)
    for what in ("late", "duplicate", "too_late", "invalid", "lag", "outbox"):
        assert [partition[what] for partition in partitions] == [0] * 4, what
    assert status["unknown_types"] == 0
    assert cdnow.corner.read("dead_letters") == []


def test_every_customer_lies_on_the_partition_of_the_key(cdnow: Run) -> None:
    stored = cdnow.corner.stored()
    where = {said.key: said.partition for said in cdnow.corner.read("clickstream")}
    assert len(where) == cdnow.status["customers"]
    assert {
        name.encode(): number for number, part in stored.items() for name in part.states
    } == where


def test_every_known_label_is_learnt_and_the_workers_judge_by_it(cdnow: Run) -> None:
    status, counts = cdnow.status, cdnow.corner.counts()
    assert status["learner_lag"] == 0
    assert status["learnt"] == status["matured"] > 3_000
    assert status["pending"] + status["matured"] == status["decisions"] - counts["unkept"]
    assert 0.19 < 1 - counts["unkept"] / counts["decisions"] < 0.21
    assert status["model"].startswith("bayes-")
    assert status["quality"]["count"] == status["learnt"]
    assert status["quality"]["auc"] > 0.6


def test_features_in_redis_are_what_the_oracle_says(cdnow: Run) -> None:
    settings = cdnow.corner.settings
    definition = shop_of(settings).definition
    bought = purchases_in(cdnow.file)

    async def differences() -> list[str]:
        found = []
        async with looking(settings) as view:
            for customer in sample(list(bought), SAMPLED):
                dossier = await view.dossier(customer)
                said = oracle.features(bought[customer], definition, dossier.at)
                found += [
                    f"{customer}: {words}" for words in oracle.differences(dossier.features, said)
                ]
        return found

    assert asyncio.run(differences()) == []


def test_decisions_are_made_when_the_oracle_would_look(cdnow: Run) -> None:
    settings = cdnow.corner.settings
    definition = shop_of(settings).definition
    bought = purchases_in(cdnow.file)

    async def check() -> None:
        async with looking(settings) as view:
            for customer in sample(list(bought), SAMPLED):
                dossier = await view.dossier(customer)
                timers = oracle.timers(bought[customer], definition, dossier.watermark)
                expected = [(timer.at, timer.cause) for timer in timers if timer.scored]
                found = [(each.at, each.cause) for each in dossier.ledger.decisions]
                # The log is bounded.
                assert found == expected[-8:], customer

    asyncio.run(check())


def test_inspect_prints_the_features_that_redis_holds(cdnow: Run) -> None:
    [customer] = sample(list(purchases_in(cdnow.file)), 1)
    said = json.loads(cdnow.corner.run("inspect", customer, "--json"))

    async def features() -> dict[str, float]:
        async with looking(cdnow.corner.settings) as view:
            return (await view.dossier(customer)).features

    assert said["features"] == asyncio.run(features())
    assert said["watermark"] == "1998-06-29T23:00:00Z"


def test_alerts_are_what_the_schema_promises(cdnow: Run, alerts: list[Said]) -> None:
    schema = json.loads(cdnow.corner.run("schema", "alert"))
    validator = jsonschema.Draft202012Validator(schema)
    assert len(alerts) == cdnow.status["alerts"] > 700
    names = set(cdnow_features(cdnow.corner))
    for said in alerts:
        body = json.loads(said.value)
        assert validator.is_valid(body), list(validator.iter_errors(body))
        assert body["vector"].keys() == names
        assert body["reasons"]
        assert body["risk"] >= 0.8


def cdnow_features(corner: Corner) -> list[str]:
    listed = json.loads(corner.run("features", "--json"))
    return [feature["name"] for feature in listed["features"]]


def test_alerts_are_cloud_events_in_binary_mode(alerts: list[Said]) -> None:
    ids = set()
    for said in alerts:
        body = json.loads(said.value)
        attributes = {name: value.decode() for name, value in said.headers.items()}
        assert said.key == body["user_id"].encode()
        assert _moment(attributes.pop("ce_time")) == _moment(body["decided_at"])
        assert attributes == {
            "ce_specversion": "1.0",
            "ce_type": "ebbtide.alert.v1",
            "ce_source": "/ebbtide",
            "ce_id": body["alert_id"],
            "ce_subject": body["user_id"],
            "content-type": "application/json",
        }
        at = _moment(body["decided_at"])
        assert body["alert_id"] == decision_id(body["user_id"], at, body["cause"])
        assert _moment(body["valid_until"]) - at == 7 * DAY
        ids.add(body["alert_id"])
    assert len(ids) == len(alerts)


def test_alerts_name_the_model_that_judged(cdnow: Run, alerts: list[Said]) -> None:
    versions = {json.loads(said.value)["model_version"] for said in alerts}
    assert versions - {PRIOR}
    newest = int(cdnow.status["model"].removeprefix("bayes-"))
    for version in versions - {PRIOR}:
        assert 0 < int(version.removeprefix("bayes-")) <= newest


def test_a_held_out_customer_is_never_to_be_contacted(cdnow: Run, alerts: list[Said]) -> None:
    arms: dict[str, set[str]] = {}
    actions: Counter[tuple[str, bool]] = Counter()
    for said in alerts:
        body = json.loads(said.value)
        arms.setdefault(body["user_id"], set()).add(body["arm"])
        actions[body["arm"], body["action"] == "none"] += 1
    assert actions.keys() == {("holdout", True), ("treated", False)}
    assert actions["holdout", True] == cdnow.status["alerts_holdout"]
    assert actions["treated", False] == cdnow.status["alerts_treated"]
    assert all(len(each) == 1 for each in arms.values())
    held_out = sum(each == {"holdout"} for each in arms.values()) / len(arms)
    assert 0.07 < held_out < 0.13


def test_nobody_was_sent_anything_so_no_effect_is_found(cdnow: Run, alerts: list[Said]) -> None:
    horizon, now = cdnow.corner.settings.churn.horizon, cdnow.status["watermark"]
    first: dict[str, tuple[Millis, str]] = {}
    for said in alerts:
        body = json.loads(said.value)
        found = (_moment(body["decided_at"]), body["arm"])
        first[body["user_id"]] = min(found, first.get(body["user_id"], found))
    bought = purchases_in(cdnow.file)
    returned: dict[str, list[bool]] = {"treated": [], "holdout": []}
    for name, (at, arm) in first.items():
        if at + horizon < now:
            returned[arm].append(any(at < each.at <= at + horizon for each in bought[name]))

    told = json.loads(cdnow.corner.run("effect", "--by", "segment", "--json"))
    line = told["lines"][0]
    assert line["treated"] + line["held_out"] == len(first)
    assert not line["alarm"]
    figure = line["figures"]["returned"]
    for arm, mine in ((figure["treated"], "treated"), (figure["held_out"], "holdout")):
        assert arm["known"] == len(returned[mine]) > 30
        assert arm["mean"] == pytest.approx(sum(returned[mine]) / len(returned[mine]))
    assert figure["low"] < 0 < figure["high"]
    assert {each["verdict"] for each in told["lines"]} <= {"not yet", "stop"}
    assert not any("drives" in each["because"] for each in told["lines"])


def test_alerts_of_a_customer_keep_the_cooldown(alerts: list[Said]) -> None:
    last: dict[str, Millis] = {}
    for said in alerts:
        body = json.loads(said.value)
        at = _moment(body["decided_at"])
        assert at - last.get(body["user_id"], at - 14 * DAY) >= 14 * DAY
        last[body["user_id"]] = at


def test_every_label_is_what_the_file_says(cdnow: Run, examples: list[TrainingExample]) -> None:
    horizon = cdnow.corner.settings.churn.horizon
    times = {
        name: [event.at for event in events] for name, events in purchases_in(cdnow.file).items()
    }
    watermark = cdnow.status["watermark"]
    wrong = []
    for example in examples:
        mine = times[example.user_id]
        after = bisect_right(mine, example.at)
        end = example.at + round(horizon * CUTS[example.stage])
        returned = after < len(mine) and mine[after] <= end
        if example.label != (0 if returned else 1):
            wrong.append(example.example_id)
        assert example.matured_at == end < watermark
    assert wrong == []
    assert {example.label for example in examples} == {0, 1}


def test_every_example_is_published_once(cdnow: Run, examples: list[TrainingExample]) -> None:
    assert len({example.example_id for example in examples}) == len(examples)
    assert sum(example.whole for example in examples) == cdnow.status["matured"]


def test_snapshots_on_models_can_be_decoded_and_the_last_is_the_workers(cdnow: Run) -> None:
    snapshots = [
        msgspec.json.decode(said.value, type=Snapshot) for said in cdnow.corner.read("models")
    ]
    numbers = [snapshot.number for snapshot in snapshots]
    assert numbers == sorted(set(numbers))
    assert snapshots[-1].version == cdnow.status["model"]
    keys = [said.key.decode() for said in cdnow.corner.read("models")]
    assert keys == [snapshot.version for snapshot in snapshots]


def _moment(text: str) -> Millis:
    return from_datetime(datetime.fromisoformat(text))
