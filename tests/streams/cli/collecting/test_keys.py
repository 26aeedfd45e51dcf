"""``ebb keys`` and ``ebb collect``: what a shop's engineer types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.cli import ebb
from streams.cli.context import Context
from streams.keys import digest_of

pytestmark = pytest.mark.e2e


@pytest.fixture
def environ(redis_url: str, namespace: str) -> dict[str, str]:
    return {"EBB_REDIS": redis_url, "EBB_REDIS_NAMESPACE": namespace}


def run(environ: dict[str, str], *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(ebb, list(arguments), obj=Context(environ=environ))
    assert result.exit_code == code, result.output
    return result


def listed(environ: dict[str, str]) -> list[dict[str, Any]]:
    return list(json.loads(run(environ, "keys", "list", "--json").stdout))


def test_a_key_is_shown_once_and_listed_by_its_id(environ: dict[str, str]) -> None:
    made = run(environ, "keys", "create", "web", "--rate", "50", "--scopes", "events,outcomes")
    secret = made.stdout.strip()
    assert secret.startswith("ebb_")
    assert "not shown again" in made.stderr
    [key] = listed(environ)
    assert key["id"] == digest_of(secret)[:8]
    assert (key["source"], key["rate"], key["scopes"]) == ("web", 50.0, ["events", "outcomes"])
    table = run(environ, "keys", "list").stdout
    assert "50/s" in table
    assert secret not in table


def test_a_rotated_key_ends_by_itself_and_a_fresh_one_has_its_rights(
    environ: dict[str, str],
) -> None:
    run(environ, "keys", "create", "web", "--rate", "50", "--scopes", "outcomes")
    fresh = json.loads(run(environ, "keys", "rotate", "web", "--keep", "7d", "--json").stdout)
    old, new = listed(environ)
    assert (new["id"], new["rate"], new["scopes"]) == (fresh["id"], 50.0, ["outcomes"])
    assert new["until"] is None
    assert old["until"] is not None
    assert not old["ended"]
    # A second rotation gives an old one no longer than it had.
    run(environ, "keys", "rotate", "web", "--keep", "30d")
    again = {key["id"]: key for key in listed(environ)}
    assert again[old["id"]]["until"] == old["until"]
    assert again[new["id"]]["until"] is not None


def test_a_key_is_revoked_by_its_id_and_a_source_with_all_of_its_keys(
    environ: dict[str, str],
) -> None:
    for name in ("web", "web", "till"):
        run(environ, "keys", "create", name)
    till, one, _ = listed(environ)
    assert run(environ, "keys", "revoke", one["id"]).stdout == f"revoked web {one['id']}\n"
    assert len(listed(environ)) == 2
    run(environ, "keys", "revoke", "web")
    assert listed(environ) == [till]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "my shop"), 2, "letters, digits"),
        (("create", "web", "--scopes", "everything"), 2, "choose of events, outcomes"),
        (("create", "web", "--rate", "-1"), 2, "-1"),
        (("rotate", "nix"), 1, "ebb keys list shows them"),
        (("revoke", "nix"), 1, "ebb keys list shows them"),
        (("rotate", "nix", "--keep", "soon"), 2, "--keep: 'soon' is not a duration"),
    ],
)
def test_what_cannot_be_is_explained(
    environ: dict[str, str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in run(environ, "keys", *arguments, code=code).output


def test_without_redis_keys_say_so() -> None:
    result = run({"EBB_REDIS": "redis://127.0.0.1:1/0"}, "keys", "list", code=3)
    assert "Redis is away" in result.output


def test_a_collector_without_its_topics_says_how_to_make_them(ebb_env: dict[str, str]) -> None:
    assert "ebb topics create" in run(ebb_env, "collect", code=1).output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("collect.url=shop.example", "write https://HOST"),
        ("collect.origins=shop.example", "write https://HOST"),
        ("collect.origins=https://shop.example/page", "without a path"),
        ("collect.memory=8388608", "must hold a request twice"),
        ("collect.currency=euro", "three capital letters"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(option: str, words: str) -> None:
    assert words in run({}, "collect", "--set", option, code=2).output
