"""The shell around the commands: help, suggestions, options, exit codes, and no tracebacks."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import click
import kafka.errors
import pytest
import redis
from click.testing import CliRunner, Result

from features.store import StoreAway
from streams.cli import COMMANDS, LazyGroup, ebb
from streams.cli.context import Context
from streams.cli.wording import in_words
from streams.topics import KafkaAway, TopicMissing
from tests.servers.commands import clean_environment

NAMES = [name for group in COMMANDS.values() for name in group]
SHARED = ("--config", "--kafka", "--redis", "--set")
ROOT = Path(__file__).resolve().parents[3]
AWAY = Context(environ={"EBB_KAFKA": "nix:1", "EBB_REDIS": "redis://:hunter2@nix:2/0"})


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(ebb, list(arguments), obj=Context(environ=environ or {}))


def test_help_lists_the_commands_by_what_they_are_for() -> None:
    shown = run("--help").output
    places = [shown.index(f"\n{title}:") for title in COMMANDS]
    assert places == sorted(places)
    assert all(f"\n  {name} " in shown for name in NAMES)
    assert "ebb demo" in shown


def test_every_section_of_the_help_is_a_room_and_every_room_a_section() -> None:
    rooms = [path.parent.name for path in (ROOT / "streams" / "cli").glob("*/__init__.py")]
    assert sorted(title.lower() for title in COMMANDS) == sorted(rooms)
    for title, commands in COMMANDS.items():
        room = f"streams.cli.{title.lower()}."
        assert [name for name, entry in commands.items() if not entry.place.startswith(room)] == []


def test_help_imports_no_command_and_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from streams.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('faust', 'river', 'kafka', 'redis', 'numpy', 'pydantic')"
        " if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment({}),
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "name", ["doctor", "features", "schema", "alerts", "topics create", "topics list"]
)
def test_the_help_of_a_command_shows_an_example_and_the_options_of_all(name: str) -> None:
    shown = run(*name.split(), "--help").output
    assert f"Example: ebb {name}" in shown
    assert "--config FILE" in shown
    assert "--set KEY=VALUE" in shown


def test_what_a_command_of_a_group_does_is_told_in_a_line() -> None:
    context = click.Context(ebb)
    groups = [
        each for name in NAMES if isinstance(each := ebb.get_command(context, name), click.Group)
    ]
    assert len(groups) > 4
    for group in groups:
        shown = group.get_help(click.Context(group, terminal_width=80)).partition("Commands:")[2]
        assert [line for line in shown.splitlines() if line.endswith("...")] == []
        assert len(shown.strip().splitlines()) == len(group.commands)


@pytest.mark.parametrize(
    ("typed", "meant"), [("statsu", "status"), ("alert", "alerts"), ("docter", "doctor")]
)
def test_a_mistyped_command_is_refused_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    result = run(typed)
    assert result.exit_code == 2
    assert f"No such command '{typed}'; did you mean {meant}?" in result.output


def test_a_command_like_no_other_leads_to_the_list() -> None:
    assert "ebb --help lists them all" in run("zzz").output


def test_a_command_that_is_not_there_yet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = COMMANDS["Watching"]["status"]._replace(place="streams.cli.nowhere:status")
    monkeypatch.setattr("streams.cli._PLACES", {"status": entry})
    result = run("status")
    assert (result.exit_code, result.output) == (
        1,
        "Error: ebb status is not part of this version yet\n",
    )


def test_the_version_is_told() -> None:
    assert run("--version").output.startswith("ebb ")


@pytest.mark.parametrize("place", ["before", "after"])
def test_settings_are_taken_before_and_after_the_command(place: str, tmp_path: Path) -> None:
    config = tmp_path / "shop.toml"
    config.write_text('[churn]\nactive = "77d"\n')
    options = [
        *("--config", str(config), "--set", "churn.horizon=12w"),
        *("--kafka", "k:1", "--redis", "redis://r:2/0"),
    ]
    command = ["doctor", "--settings"]
    shown = run(*(options + command if place == "before" else command + options)).output
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in shown.splitlines()}
    assert rows["churn.active"] == ["77d", str(config)]
    assert rows["churn.horizon"] == ["84d", "command line"]
    assert rows["kafka.bootstrap"] == ["k:1", "command line"]
    assert rows["redis.url"] == ["redis://r:2/0", "command line"]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("churn.horizon", "write --set key=value"),
        ("churn.horizn=1d", "churn.horizn (command line) is not a setting; did you mean"),
        ("churn.horizon=soon", "churn.horizon = 'soon' (command line): 'soon' is not a duration"),
        ("kafka.password=x", "kafka.password is a secret; set EBB_KAFKA_PASSWORD"),
    ],
)
def test_a_wrong_option_is_wrong_usage(pair: str, message: str) -> None:
    for arguments in (("--set", pair, "features"), ("features", "--set", pair)):
        result = run(*arguments)
        assert result.exit_code == 2
        assert message in result.output
        assert "Traceback" not in result.output


def test_a_settings_file_that_is_not_there_is_wrong_usage() -> None:
    result = run("--config", "nix.toml", "features")
    assert (result.exit_code, result.output) == (
        2,
        "Error: nix.toml: no such settings file; check --config or EBB_CONFIG\n",
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KafkaAway("nix:1"), 3, "no broker answers at nix:1"),
        (kafka.errors.KafkaTimeoutError("x"), 3, "no broker answers at nix:1"),
        (kafka.errors.TopicAuthorizationFailedError("clickstream"), 1, "Kafka refused"),
        (redis.ConnectionError("Connection refused."), 3, "(Connection refused)"),
        (redis.TimeoutError("timed out"), 3, "Redis is away"),
        (StoreAway("gone"), 3, "Redis is away"),
        (redis.AuthenticationError("WRONGPASS"), 2, "refuses the name or password"),
        (redis.ResponseError("OOM"), 1, "refused: OOM"),
        (TopicMissing("clickstream"), 1, "create it with: ebb topics create"),
    ],
)
def test_what_a_server_says_is_put_into_words(error: Exception, code: int, said: str) -> None:
    told = in_words(error, AWAY)
    assert told is not None
    assert told.exit_code == code
    assert said in told.message
    assert "hunter2" not in told.message


def test_a_server_that_is_away_is_told_with_its_address_its_setting_and_what_to_do() -> None:
    kafka_told, redis_told = (
        in_words(error, AWAY) for error in (KafkaAway("nix:1"), redis.ConnectionError("no"))
    )
    assert kafka_told is not None and redis_told is not None
    for part in ("nix:1", "kafka.bootstrap, environment EBB_KAFKA", "--kafka", "ebb demo needs no"):
        assert part in kafka_told.message
    for part in ("redis://:***@nix:2/0", "redis.url, environment EBB_REDIS", "--redis"):
        assert part in redis_told.message


def test_a_defect_of_ours_is_not_dressed_up() -> None:
    assert in_words(ZeroDivisionError(), AWAY) is None


def test_an_absent_kafka_ends_a_command_with_3_in_about_ten_seconds() -> None:
    began = time.monotonic()
    result = run("alerts", environ={"EBB_KAFKA": "localhost:1"})
    assert time.monotonic() - began < 15
    assert result.exit_code == 3
    assert "no broker answers at localhost:1" in result.output


def test_ctrl_c_ends_with_130_and_without_a_word() -> None:
    @click.group(cls=LazyGroup)
    def group() -> None:
        raise KeyboardInterrupt

    result = CliRunner().invoke(group, ["schema"])
    assert (result.exit_code, result.output) == (130, "\n")


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    ebb_command = [sys.executable, "-m", "streams.cli", "schema", "event"]
    with subprocess.Popen(
        ebb_command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment({}),
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def _described() -> dict[str, str]:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ebb ([a-z -]+?)(?: .*[A-Z].*)?$", page, flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_commands_tells_every_command_and_every_option(name: str) -> None:
    described = _described()
    context = click.Context(ebb)
    try:
        command = ebb.get_command(context, name)
    except click.ClickException:
        pytest.skip(f"{name} is not there yet")
    assert command is not None
    group = command.commands if isinstance(command, click.Group) else {"": command}
    for part, leaf in group.items():
        told = described[f"{name} {part}".strip()]
        options = [
            option.opts[-1]
            for option in leaf.params
            if isinstance(option, click.Option) and not option.hidden
        ]
        assert [word for word in options if word not in told and word not in SHARED] == []


def test_what_is_set_after_a_look_at_the_settings_holds_all_the_same() -> None:
    context = Context(environ={})
    assert not context.settings.worker.accept_gap
    context.set("worker.accept_gap=true")
    assert context.settings.worker.accept_gap
