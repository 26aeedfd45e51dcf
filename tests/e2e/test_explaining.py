"""`ebb why` and `ebb policy explain` on a running shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.deciding import Policy
from tests.e2e.cdnow import Run
from tests.e2e.corner import Corner
from tests.servers import ROOT

pytestmark = pytest.mark.e2e

EXAMPLE = str(ROOT / "examples" / "policy.toml")


@pytest.fixture(scope="module")
def alerts(cdnow: Run) -> list[dict[str, Any]]:
    """The newest alerts."""
    lines = cdnow.corner.run("alerts", "--json", "--limit", "60").splitlines()
    return [json.loads(line)["data"] for line in lines]


@pytest.mark.parametrize(("arm", "code"), [("treated", "contacted"), ("holdout", "held_out")])
def test_an_alert_answers_why_by_the_id_that_it_was_published_with(
    cdnow: Run, alerts: list[dict[str, Any]], arm: str, code: str
) -> None:
    alert = next(each for each in reversed(alerts) if each["arm"] == arm)
    asked = ("why", alert["user_id"], "--at", alert["decided_at"])
    told = json.loads(cdnow.corner.run(*asked, "--json"))
    assert (told["code"], told["contacted"]) == (code, arm == "treated")
    assert told["alert_id"] == alert["alert_id"]
    assert told["decision"]["risk"] == alert["risk"]
    said = cdnow.corner.run(*asked)
    assert told["why"] in said
    assert f"was {'' if arm == 'treated' else 'not '}contacted" in said
    for reason in alert["reasons"]:
        assert reason["text"] in said


def test_why_asks_for_a_time_that_is_known(cdnow: Run, alerts: list[dict[str, Any]]) -> None:
    customer = alerts[-1]["user_id"]
    later = cdnow.corner.ebb("why", customer, "--at", "2030-01-01")
    assert (later.returncode, later.stdout) == (2, "")
    assert "ask for that time or an earlier one" in later.stderr
    before = cdnow.corner.ebb("why", customer, "--at", "1990-01-01")
    assert before.returncode == 1
    assert "1990-01-01" in before.stderr or "are kept" in before.stderr
    assert "Traceback" not in later.stderr + before.stderr


def test_a_policy_file_is_tried_on_a_customer_and_changes_nothing(
    cdnow: Run, alerts: list[dict[str, Any]]
) -> None:
    customer = alerts[-1]["user_id"]
    known = json.loads(cdnow.corner.run("inspect", customer, "--json"))
    told = json.loads(
        cdnow.corner.run("policy", "explain", EXAMPLE, "--customer", customer, "--json")
    )
    assert told["at"] == known["at"]
    assert (told["situation"]["risk"], told["situation"]["band"]) == (known["risk"], known["band"])
    assert len(told["playbooks"]) == 5
    assert told["decided_by_workers"] is False
    held = Policy().arm(customer) == "holdout"
    doing = [each for each in told["options"] if each["action"]["kind"] != "nothing"]
    assert all((each["held_out"] == "shop") is held for each in doing)
    said = cdnow.corner.ebb("policy", "explain", EXAMPLE, "--customer", customer)
    assert said.returncode == 0
    assert "the workers do not decide by this file" in said.stderr
    assert json.loads(cdnow.corner.run("inspect", customer, "--json")) == known


def test_what_customers_are_worth_is_found_from_all_of_them(cdnow: Run, tmp_path: Path) -> None:
    said = cdnow.corner.run("policy", "value")
    # Of CDNOW's customers, all of whom bought: the mean order is some 36 dollars.
    assert said.startswith(f"# of {cdnow.status['customers']:,} ")
    policy = tmp_path / "policy.toml"
    policy.write_text(said + "\n[x]\n", encoding="utf-8")
    checked = cdnow.corner.ebb("policy", "check", str(policy))
    # The section is taken as it is; only what was not written is missed.
    assert [line for line in checked.stderr.splitlines() if "value" in line] == []
    order = next(line for line in said.splitlines() if line.startswith("order = "))
    assert 30 < float(order.partition(" = ")[2]) < 42


@pytest.mark.parametrize(
    "command", [("why", "nobody"), ("policy", "explain", EXAMPLE, "--customer", "nobody")]
)
def test_an_unknown_customer_is_a_problem(corner: Corner, command: tuple[str, ...]) -> None:
    done = corner.ebb(*command)
    assert done.returncode == 1
    assert "nothing is known of 'nobody'" in done.stderr
