"""The policy file of the settings is read at the start, or refused with all that is in the way."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from features import Definition
from models.playbooks import (
    Plan,
    PolicyWrong,
    decode_learnt,
    encode_learnt,
    read_plan,
)
from streams.cli import ebb
from streams.cli.context import Context
from streams.composition import policy_of, shop_of
from streams.live.policyfile import SETTLE, PolicyWatch, Unusable
from streams.settings import Settings, SettingsError
from tests.models.playbooks.lessons import learnt_of
from tests.streams.planned import CAPPED, PLAN, TEXT

WRONG = 'version = 1\n[[playbook]]\nname = "gift"\naction = { kind = "cal", channel = "phone" }\n'


def settings_of(tmp_path: Path, text: str | bytes) -> Settings:
    path = tmp_path / "policy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Settings.model_validate({"policy": {"file": path}})


def refused(settings: Settings) -> str:
    with pytest.raises(SettingsError) as error:
        shop_of(settings)
    return str(error.value)


def test_the_shop_has_the_plan_and_holds_out_whom_it_says(tmp_path: Path) -> None:
    shop = shop_of(settings_of(tmp_path, TEXT))
    assert shop.plan == PLAN
    assert (shop.policy.holdout, shop.policy.salt) == (0.25, "pepper")
    assert shop.policy.threshold == policy_of(Settings()).threshold
    assert shop_of(Settings()).plan is None


def test_a_cap_that_would_have_to_remember_too_much_is_refused(tmp_path: Path) -> None:
    assert shop_of(settings_of(tmp_path, CAPPED)).plan is not None
    text = CAPPED.replace('most = 3, per = "25d"', 'most = 101, per = "25d"')
    (_, line) = refused(settings_of(tmp_path, text)).splitlines()
    assert line == (
        "  line 9, cap number 2, most: 101 cannot be; write a whole number from 0 to 100"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 1\n", "line 1, the file: there is no playbook"),
        (b"version = 1 # \xff\n", "not UTF-8 at byte 14; save it as UTF-8"),
    ],
    ids=["wrong", "no text"],
)
def test_a_file_that_is_wrong_stops_the_start(tmp_path: Path, text: str | bytes, said: str) -> None:
    settings = settings_of(tmp_path, text)
    assert said in refused(settings)
    # Whoever decides nothing need not have the file.
    assert shop_of(settings, deciding=False).plan is None


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    settings = Settings.model_validate({"policy": {"file": tmp_path / "nix.toml"}})
    assert "cannot be read: No such file or directory; correct the path" in refused(settings)


@pytest.mark.parametrize("command", [("worker",), ("backtest", "events.csv", "--output", "x")])
def test_a_command_ends_with_wrong_usage(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "policy.toml").write_text(WRONG, encoding="utf-8")
    environ = {"EBB_POLICY": str(tmp_path / "policy.toml")}
    (tmp_path / "events.csv").write_text("customer,time,type\n", encoding="utf-8")
    words = [word if word != "events.csv" else str(tmp_path / word) for word in command]
    done = CliRunner().invoke(ebb, words, obj=Context(environ=environ))
    assert done.exit_code == 2
    assert "line 4, playbook 'gift', action.kind: 'cal' is no kind" in done.stderr


STEERED = TEXT + '\n[steering]\nresponse = "learnt/response.json"\n'
LEARNT = encode_learnt(learnt_of(by=()))


def test_what_was_learnt_is_read_from_beside_the_policy_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, STEERED)
    line = STEERED.splitlines().index('response = "learnt/response.json"') + 1
    said = refused(settings)
    assert f"line {line}, steering.response: {tmp_path}/learnt/response.json cannot be read" in said
    assert "No such file or directory; write it with ebb effect --write-response" in said
    (tmp_path / "learnt").mkdir()
    (tmp_path / "learnt" / "response.json").write_bytes(LEARNT)
    plan = shop_of(settings).plan
    assert plan is not None and plan.steering is not None and plan.steering.learnt is not None
    (tmp_path / "learnt" / "response.json").write_bytes(LEARNT[:-20])
    assert f"line {line}, steering.response: learnt/response.json: " in refused(settings)
    (tmp_path / "learnt" / "response.json").write_bytes(LEARNT + b" " * 2**21)
    assert "longer than 1,048,576 bytes" in refused(settings)


def test_whoever_watches_is_told_of_both_files(tmp_path: Path) -> None:
    settings_of(tmp_path, STEERED)
    (tmp_path / "learnt").mkdir()
    (tmp_path / "learnt" / "response.json").write_bytes(LEARNT)
    watch = PolicyWatch(tmp_path / "policy.toml", Definition())
    assert watch.look(0) is None
    first = watch.look(SETTLE)
    assert isinstance(first, Plan)
    assert watch.look(2 * SETTLE) is None
    # Now it is known that there are two.
    other = msgspec.structs.replace(decode_learnt(LEARNT), alpha=0.1)
    (tmp_path / "learnt" / "response.json").write_bytes(encode_learnt(other))
    assert watch.look(3 * SETTLE) is None
    second = watch.look(4 * SETTLE)
    assert isinstance(second, Plan)
    assert second.fingerprint != first.fingerprint
    (tmp_path / "learnt" / "response.json").unlink()
    assert watch.look(5 * SETTLE) is None
    gone = watch.look(6 * SETTLE)
    assert isinstance(gone, Unusable)
    assert "response.json cannot be read" in str(gone)


def test_every_feature_of_the_shop_may_be_named(tmp_path: Path) -> None:
    text = TEXT.replace("risk = { min = 0.7 }", "features = { orders = { min = 1 } }")
    assert shop_of(settings_of(tmp_path, text)).plan is not None
    with pytest.raises(PolicyWrong):
        read_plan(text, ())
