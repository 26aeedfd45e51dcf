"""A worker goes by the policy file of now from the next batch on, and by none that is wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from models.playbooks import Plan
from streams.composition import shop_by, shop_of
from streams.live.health import as_dict, metrics_of
from streams.live.policyfile import SETTLE
from streams.live.rules import MOST_TOLD, CurrentRules, watch_of
from streams.pipeline import Shop
from streams.settings import Settings
from tests.streams.planned import CAPPED, TEXT
from tests.streams.test_planning import settings_of

WRONG = TEXT.replace("risk = { min = 0.7 }", 'band = "hgih"')
OTHERS = CAPPED.replace("share = 0.25", "share = 0.1")


class Worker:
    """The rules of a worker that has been started with the file."""

    def __init__(self, folder: Path, redraw: Callable[[Shop, Plan], Shop] | None = None) -> None:
        self.settings = settings_of(folder, TEXT)
        self.now = 1_000_000
        policy, self.shop = self.settings.policy, shop_of(self.settings)
        self.rules = CurrentRules(
            self.shop,
            redraw or (lambda shop, plan: shop_by(shop, self.settings, plan)),
            watch_of(self.shop, policy.file, policy.refresh),
            policy.refresh,
            lambda: self.now,
        )

    def write(self, text: str) -> None:
        assert self.settings.policy.file is not None
        self.settings.policy.file.write_text(text, encoding="utf-8")

    def look(self, text: str | None = None) -> None:
        """Look until whatever is there has lasted."""
        if text is not None:
            self.write(text)
        for pause in (5_000, SETTLE):
            self.now += pause
            asyncio.run(self.rules.look())


@pytest.fixture
def worker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Worker:
    caplog.set_level(logging.INFO, "streams.live.rules")
    made = Worker(tmp_path)
    made.look()
    caplog.clear()
    return made


def test_only_the_plan_is_another_one(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    old = worker.rules().plan
    assert old is not None
    worker.look(CAPPED)
    shop = worker.rules()
    assert shop.plan is not None
    assert shop.plan.caps
    assert shop == shop_by(worker.shop, worker.settings, shop.plan)
    assert shop.definition is worker.shop.definition
    assert worker.rules.in_force.policy == shop.plan.fingerprint != old.fingerprint
    assert (worker.rules.in_force.since, worker.rules.in_force.reloads) == (worker.now, 1)
    assert [record.getMessage() for record in caplog.records] == [
        f"policy file: version {shop.plan.fingerprint} is decided by from now on, and no longer"
        f" {old.fingerprint}",
        "policy file: for all playbooks: limits, cap",
        "policy file: playbook 'call' is changed: cooldown",
    ]


def test_what_is_the_same_is_left_as_it_is(worker: Worker) -> None:
    before = worker.rules()
    since = worker.rules.in_force.since
    worker.look(TEXT)
    assert worker.rules() is before
    assert (worker.rules.in_force.since, worker.rules.in_force.reloads) == (since, 0)


def test_whoever_is_held_out_is_another_one(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    assert worker.rules().policy.holdout == 0.25
    worker.look(OTHERS)
    assert worker.rules().policy.holdout == 0.1
    assert "others are held out than before" in caplog.text


def test_a_wrong_file_changes_nothing_is_told_once_and_mended(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    before, was = worker.rules(), worker.rules.in_force
    worker.look(WRONG)
    broken_at = worker.now
    for _ in range(3):
        worker.look()
    assert worker.rules() is before
    in_force = worker.rules.in_force
    assert (in_force.policy, in_force.since) == (was.policy, was.since)
    assert in_force.wrong_since == broken_at
    assert "line 27, playbook 'call', when.band: 'hgih' is no band" in in_force.trouble
    assert caplog.text.count("'hgih' is no band; did you mean 'high'?") == 1
    # Wrong otherwise, and the old fault is still there.
    worker.look(WRONG.replace("version = 1", "version = 2"))
    assert len(worker.rules.in_force.wrong) == 2
    assert worker.rules.in_force.wrong_since == broken_at
    assert "(and 1 more)" in worker.rules.in_force.trouble
    assert caplog.text.count("'hgih' is no band") == 1
    assert caplog.text.count("2 is not known to this version") == 1
    worker.look(TEXT)
    assert worker.rules() is before
    assert worker.rules.in_force == was
    assert "right again" in caplog.text
    # Broken anew, it is told anew; and what mends it may be another version.
    worker.look(WRONG)
    assert caplog.text.count("'hgih' is no band") == 2
    worker.look(CAPPED)
    assert worker.rules().plan != before.plan
    assert (worker.rules.in_force.trouble, worker.rules.in_force.wrong_since) == ("", None)


def test_not_more_is_told_than_can_be_read(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.look("version = 1\n" + "\n".join(f"x{number} = 1" for number in range(500)))
    assert len(worker.rules.in_force.wrong) == MOST_TOLD
    assert len(caplog.records) == MOST_TOLD + 1
    assert "in 481 more places" in caplog.text


def test_nothing_that_goes_wrong_stops_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Plan:
        raise ZeroDivisionError("nobody has thought of that")

    worker = Worker(tmp_path)
    before = worker.rules()
    monkeypatch.setattr("streams.live.policyfile.read_policy", fails)
    worker.look(CAPPED)
    assert worker.rules() is before
    assert worker.rules.in_force.wrong == ("ZeroDivisionError: nobody has thought of that",)


@pytest.mark.parametrize("refresh", ["0s", "5s"])
def test_who_has_no_file_or_wants_no_look_never_looks(tmp_path: Path, refresh: str) -> None:
    without = Settings.model_validate({"policy": {"refresh": refresh}})
    shop = shop_of(without)
    assert watch_of(shop, without.policy.file, without.policy.refresh) is None
    worker = Worker(tmp_path)
    file, every = worker.settings.policy.file, without.policy.refresh
    assert (watch_of(worker.shop, file, every) is None) is (refresh == "0s")
    rules = CurrentRules(shop, lambda shop, _: shop, None, every, lambda: 7)
    asyncio.run(rules.run())  # is over at once
    asyncio.run(rules.look())
    assert rules() is shop
    assert rules.in_force.policy == ""


def test_a_file_that_changed_while_the_worker_started_is_taken_up(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.write(CAPPED)  # before the first look
    worker.look()
    plan = worker.rules().plan
    assert plan is not None
    assert plan.caps


def test_it_is_told_to_whoever_watches_processes(worker: Worker) -> None:
    worker.look(WRONG)
    in_force = worker.rules.in_force
    told = as_dict(in_force)
    assert told["version"] == in_force.policy
    assert "'hgih' is no band" in told["wrong"][0]
    assert told["wrong_since"] > told["since"]
    lines = metrics_of(2, in_force).splitlines()
    assert "ebb_policy_wrong 1" in lines
    assert f'ebb_policy_info{{version="{in_force.policy}"}} 1' in lines
    assert not any(
        "policy" in line
        for line in metrics_of(
            2, CurrentRules(shop_of(Settings()), lambda shop, _: shop, None, 0, lambda: 0).in_force
        ).splitlines()
    )
