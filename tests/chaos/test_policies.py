"""The policy files of a run: one is as good as another, and what is by two of them is found."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from features import DAY, HOUR, Definition, Event, encode_event
from streams.planning import read_policy
from streams.settings import load_settings
from streams.topics import partition_of
from tests.chaos.policies import VERSIONS, PolicyFile, fingerprints, is_mixed, plain
from tests.chaos.reference import Expected, expected_of
from tests.chaos.stage import SHOP
from tests.e2e.corner import Said

PARTITIONS = 2


def expected(text: str, folder: Path) -> Expected:
    """Return what must come of a small shop by a policy file."""
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    environ = {**SHOP, "EBB_TOPICS_PARTITIONS": str(PARTITIONS), "EBB_POLICY": str(file)}
    log = []
    for number in range(60):
        name = f"c{number % 10}"
        kind = "complaint" if number % 7 == 0 else "visit"
        event = Event(event_id=f"{number}", user_id=name, type=kind, time=number * 8 * HOUR)
        home = partition_of(name.encode(), PARTITIONS)
        log.append(Said(home, number, 60 * DAY, None, encode_event(event), {}))
    return expected_of(load_settings(environ=environ).settings, log)


def test_by_any_version_the_same_comes_of_it_but_for_its_name(tmp_path: Path) -> None:
    [first, *others] = [expected(text, tmp_path) for text in VERSIONS]
    assert len(first.alerts) > 20
    assert len(set(fingerprints())) == len(VERSIONS)
    for other in others:
        assert other.alerts != first.alerts
        assert {n: plain(a) for n, a in other.alerts.items()} == {
            name: plain(alert) for name, alert in first.alerts.items()
        }
        for number, customers in first.customers.items():
            assert {n: plain(c.ledger or b"") for n, c in other.customers[number].items()} == {
                name: plain(each.ledger or b"") for name, each in customers.items()
            }
    phoned = expected(VERSIONS[0].replace('"email"', '"phone"'), tmp_path)
    assert {plain(a) for a in phoned.alerts.values()} != {plain(a) for a in first.alerts.values()}


def test_an_alert_by_two_versions_is_found(tmp_path: Path) -> None:
    found = expected(VERSIONS[1], tmp_path)
    for value in found.alerts.values():
        alert = json.loads(value)
        assert not is_mixed(alert)
        assert is_mixed(alert | {"policy": fingerprints()[0]})
        assert is_mixed(alert | {"policy": "0" * 12})


@pytest.mark.parametrize("seed", range(20))
def test_what_is_half_or_wrong_is_no_policy_and_what_is_whole_is(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    path = tmp_path / "policy.toml"
    file = PolicyFile(path)
    was = file.version
    file.turn(dice)
    assert file.version != was
    for spoil in (lambda: file.write_half(dice), file.write_wrong, file.remove):
        spoil()
        with pytest.raises((ValueError, OSError)):
            read_policy(path, Definition())
        file.write() if seed % 2 else file.replace()
        assert read_policy(path, Definition()).fingerprint == file.version
