"""``ebb topics``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from streams.cli import ebb
from streams.cli.context import Context

pytestmark = pytest.mark.e2e


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(ebb, ["topics", *arguments], obj=Context(environ=environ))


def test_topics_are_created_listed_and_left_alone(ebb_env: dict[str, str]) -> None:
    prefix = ebb_env["EBB_TOPICS_PREFIX"]
    before = run(ebb_env, "list")
    assert before.exit_code == 1
    assert "ebb topics create" in before.stderr

    created = run(ebb_env, "create", "--partitions", "3", "--wait", "30")
    assert created.exit_code == 0
    assert f"created   {prefix}clickstream  (3 partitions)\n" in created.stdout
    assert f"created   {prefix}training  (1 partition)\n" in created.stdout

    again = run(ebb_env, "create", "--partitions", "3", "--json")
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert told["created"] == told["different"] == []
    assert len(told["existing"]) == 8

    after = run({**ebb_env, "EBB_TOPICS_PARTITIONS": "3"}, "list", "--json")
    assert after.exit_code == 0
    listed = {topic["name"]: topic for topic in json.loads(after.stdout)}
    assert listed[f"{prefix}clickstream"]["partitions"] == 3
    assert listed[f"{prefix}models"]["config"]["cleanup.policy"] == "compact"


def test_another_number_of_partitions_is_a_problem_with_a_cure(ebb_env: dict[str, str]) -> None:
    assert run(ebb_env, "create", "--partitions", "2").exit_code == 0
    result = run(ebb_env, "create", "--partitions", "4")
    assert result.exit_code == 1
    assert "Problem: " in result.stderr
    assert "partitions = 2, planned 4" in result.stderr
    assert "EBB_TOPICS_PARTITIONS=2" in result.stderr
    assert run({**ebb_env, "EBB_TOPICS_PARTITIONS": "2"}, "list").exit_code == 0
    assert run({**ebb_env, "EBB_TOPICS_PARTITIONS": "4"}, "list").exit_code == 1


def test_a_number_of_partitions_that_cannot_be_is_wrong_usage(ebb_env: dict[str, str]) -> None:
    result = run(ebb_env, "create", "--partitions", "0")
    assert result.exit_code == 2
    assert "topics.partitions = '0' (command line): must be greater than or equal" in result.output
