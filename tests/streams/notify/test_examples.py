"""The examples for a CRM's engineer: they run, and stock libraries take what we sign."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli import ebb
from streams.cli.context import Context
from streams.demo import Child, free_port, listens
from tests.e2e.examples import EXAMPLES
from tests.servers import BUSY, clean_environment, wait_for
from tests.streams.notify.node import receiver_for_node


@pytest.fixture
def environ(redis_url: str, namespace: str) -> dict[str, str]:
    return {
        "EBB_REDIS": redis_url,
        "EBB_REDIS_NAMESPACE": namespace,
        "EBB_NOTIFY_ALLOW": "127.0.0.0/8",
        "EBB_NOTIFY_HTTP": "true",
    }


@pytest.fixture(params=["python", "node"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    if request.param == "node":
        return receiver_for_node(tmp_path)
    return [sys.executable, str(EXAMPLES / "webhooks" / "receiver.py")]


def run(environ: dict[str, str], *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(ebb, list(arguments), obj=Context(environ=environ))
    assert result.exit_code == code, result.output
    return result


def test_an_example_takes_a_message_with_either_secret_and_refuses_a_stranger(
    environ: dict[str, str], command: list[str], tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    made = run(environ, "endpoints", "add", url, "--name", "crm", "--json")
    secret = json.loads(made.stdout)["secret"]
    with Child(
        "receiver",
        [*command, str(port)],
        tmp_path / "log",
        env=clean_environment({"WEBHOOK_SECRET": secret}),
        cwd=tmp_path,
    ) as child:
        child.wait_until(lambda: listens(port), BUSY * 20, "it listens")
        assert "crm took it: 204" in run(environ, "endpoints", "test", "crm").stdout
        # The receiver knows the old secret: both sign for a while.
        run(environ, "endpoints", "rotate", "crm")
        run(environ, "endpoints", "test", "crm")
        wait_for("both are told", lambda: child.tail().count("endpoint.test: it works") == 2)
        # And now only the new one does.
        run(environ, "endpoints", "rotate", "crm", "--keep", "0")
        assert "did not take it: 400" in run(environ, "endpoints", "test", "crm", code=1).output
        assert child.tail().count("it works") == 2
