"""``ebb effect``, from files and from a real Kafka, against a plain reading of the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from features import encode_event
from models.deciding import Alert, encode_outcome
from streams.cli import Context, ebb
from streams.topics import create_topics, open_producer
from tests.streams.effect.small_shop import COST, HOLDOUT, SmallShop, plainly, small_shop

OPTIONS = ("--holdout", str(HOLDOUT), "--margin", ".4", "--cost", str(COST))


def run(*words: str | Path, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(ebb, ["effect", *map(str, words)], obj=Context(environ=environ or {}))


@pytest.fixture(scope="module")
def shop() -> SmallShop:
    return small_shop(7)


@pytest.fixture(scope="module")
def files(shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The options that name the shop's files."""
    return written(shop, tmp_path_factory.mktemp("effect"))


def written(shop: SmallShop, folder: Path) -> tuple[str, ...]:
    lines = {
        "alerts": [b'{"id":"x","data":%s}' % msgspec.json.encode(each) for each in shop.alerts],
        "events": [encode_event(each) for each in shop.events],
        "outcomes": [encode_outcome(each) for each in shop.outcomes],
    }
    for name, each in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join([*each, b""]))
    return tuple(word for name in lines for word in (f"--{name}", str(folder / f"{name}.jsonl")))


def check(told: dict[str, Any], shop: SmallShop) -> None:
    """Hold what was told to a plain reading."""
    lines = {line["group"].get("action", "all"): line for line in told["lines"]}
    wanted = plainly(shop)
    assert sorted(lines) == sorted(wanted)
    for group, figures in wanted.items():
        for name, found in figures.items():
            line = lines[group]["figures"][name]
            assert (line["treated"]["known"], line["held_out"]["known"]) == (
                found["treated"],
                found["held_out"],
            )
            assert line["treated"]["mean"] == pytest.approx(found["treated_mean"])
            assert line["held_out"]["mean"] == pytest.approx(found["held_out_mean"])
            assert line["difference"] == pytest.approx(found["difference"], abs=1e-6)
            assert line["low"] < line["difference"] < line["high"]
    assert told["met"]["repeated_outcomes"] == 60
    assert told["met"]["repeated_alerts"] == 40
    assert not lines["all"]["alarm"]


def test_from_files_it_says_what_a_plain_reading_says(
    shop: SmallShop, files: tuple[str, ...]
) -> None:
    result = run(*files, *OPTIONS, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    check(json.loads(result.stdout), shop)


@pytest.mark.e2e
def test_from_the_topics_it_says_what_a_plain_reading_says(
    shop: SmallShop, ebb_env: dict[str, str]
) -> None:
    environ = {**ebb_env, "EBB_TOPICS_PARTITIONS": "3", "EBB_CLOCK": "events"}
    settings = Context(environ=environ).settings
    create_topics(settings)
    nothing = run(environ=environ)
    assert nothing.exit_code == 1
    assert "no alerts went out yet" in nothing.stderr
    with open_producer(settings) as producer:

        def send(topic: str, name: str, value: bytes, partition: int | None = None) -> None:
            full = settings.topic(topic)
            producer.send(full, key=name.encode(), value=value, partition=partition)

        # Before there is any event: a CRM may be quicker than a storefront.
        for said in shop.outcomes:
            send("outcomes", said.user_id, encode_outcome(said))
        for alert in shop.alerts:
            send("interventions", alert.user_id, msgspec.json.encode(alert))
        for number, event in enumerate(shop.events):
            # Some producers have another partitioner; what a worker moved lies there twice.
            elsewhere = number % 3 if number % 10 == 0 else None
            # And some customers come as visitors, until it is known who they are.
            visitor = f"anon:{number}" if number % 10 == 1 else event.user_id
            arrived = msgspec.structs.replace(event, user_id=visitor)
            send("clickstream", visitor, encode_event(arrived), elsewhere)
            if number % 10 < 2:
                send("rekeyed", event.user_id, encode_event(event))
        send("clickstream", "x", b"no event")
        send("outcomes", "x", b"no outcome")
        producer.flush()
    result = run(*OPTIONS, "--json", environ=environ)
    assert result.exit_code == 0, result.stderr
    check(json.loads(result.stdout), shop)
    assert result.stderr.count("Skipped 1 that are no") == 2
    # A day later by the clock there is nobody of whom it is not known.
    wall = run(*OPTIONS, "--json", environ={**environ, "EBB_CLOCK": "wall"})
    check(json.loads(wall.stdout), shop)


def test_people_see_who_counts_the_difference_and_a_word_with_its_reason(
    files: tuple[str, ...],
) -> None:
    result = run(*files, *OPTIONS)
    assert (result.exit_code, result.stderr) == (0, "")
    said = result.stdout
    lines = said.splitlines()
    assert lines[0].startswith("600 customers were alerted, from 2026-01-01 to 2026-03-")
    assert "drawn were 30.0%" in lines[0]
    assert "known of 600; margin: 40.0% of what they bought" in lines[1]
    assert lines[5].startswith("all  ")
    assert sorted(line.split("  ")[0] for line in lines[6:8]) == ["offer", "remind"]
    words = dict(line.split(": ", 1) for line in lines[9:12])
    assert words["offer"].startswith("keep: ")
    assert "points more of them come back" in words["offer"]
    assert words["remind"].startswith("not yet: the bounds still hold zero")
    assert "the CRM reports of alerts to the treated: " in said
    assert " delivered, " in said
    assert "bought within 30 days: treated " in said
    assert "silent for 90 days after it: treated " in said


def test_a_page_is_written_beside_what_is_said(
    shop: SmallShop, files: tuple[str, ...], tmp_path: Path
) -> None:
    page = tmp_path / "effect.html"
    plain = run(*files, *OPTIONS)
    result = run(*files, *OPTIONS, "--html", page)
    assert (result.exit_code, result.stdout, result.stderr) == (0, plain.stdout, "")
    text = page.read_text(encoding="utf-8")
    assert "Keep it." in text
    assert "alerts.jsonl, events.jsonl, outcomes.jsonl" in text
    chinese = run(*files, *OPTIONS, "--html", page, environ={"EBB_LANGUAGE": "zh"})
    assert (chinese.exit_code, chinese.stdout) == (0, plain.stdout)
    assert "有效果吗" in page.read_text(encoding="utf-8")
    refused = run(*files, *OPTIONS, "--html", tmp_path / "nowhere" / "effect.html")
    assert refused.exit_code == 1
    assert "nowhere" in refused.stderr


def test_by_none_there_is_one_line_and_by_several_a_line_each(files: tuple[str, ...]) -> None:
    [line] = json.loads(run(*files, *OPTIONS, "--by", "none", "--json").stdout)["lines"]
    assert line["group"] == {}
    told = json.loads(run(*files, *OPTIONS, "--by", "cause, segment,band", "--json").stdout)
    assert told["by"] == ["cause", "segment", "band"]
    assert told["lines"][1]["group"] == {"cause": "silence", "segment": "loyal", "band": "high"}


def test_by_response_each_customer_is_in_the_third_that_was_said_at_their_alert(
    files: tuple[str, ...],
) -> None:
    told = json.loads(run(*files, *OPTIONS, "--by", "response,action", "--json").stdout)
    groups = [line["group"] for line in told["lines"][1:]]
    assert {"response": "not known yet", "action": "offer"} in groups
    assert {group["response"] for group in groups} >= {"not known yet", "moved most"}
    counts = [line["treated"] + line["held_out"] for line in told["lines"]]
    assert counts[0] == sum(counts[1:]) == 600


def test_by_a_number_that_is_cut_each_customer_is_on_one_side_of_it(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*files, *OPTIONS, "--by", "risk:0.70:0.9,stage", "--html", tmp_path / "page.html")
    told = json.loads(run(*words, "--json").stdout)
    assert told["by"] == ["risk:0.7:0.9", "stage"]
    groups = [line["group"] for line in told["lines"][1:]]
    # Their vectors say nothing of a stage.
    assert sorted(group["risk:0.7:0.9"] for group in groups) == ["risk 0.7 to 0.9", "risk < 0.7"]
    assert {group["stage"] for group in groups} == {"unknown"}
    assert "risk:0.7:0.9" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_since_leaves_out_who_was_alerted_before(shop: SmallShop, files: tuple[str, ...]) -> None:
    told = json.loads(run(*files, *OPTIONS, "--since", "2026-02-01", "--json").stdout)
    line = told["lines"][0]
    assert told["since"] == "2026-02-01T00:00:00Z"
    assert told["first"] >= told["since"]
    assert line["treated"] + line["held_out"] + told["alerted_before"] == 600
    assert (
        "were first alerted before 2026-02-01"
        in run(*files, *OPTIONS, "--since", "2026-02-01").stdout
    )
    recent = run(*files, *OPTIONS, "--since", "1d")
    assert recent.exit_code == 0
    assert "all: not yet: nobody was held out" in recent.stdout


def test_a_leak_between_the_groups_is_a_problem(files: tuple[str, ...]) -> None:
    result = run(*files, "--holdout", "0.1")
    assert result.exit_code == 1
    assert "were held out, and 0.1 of them should have" in result.stderr
    assert "all: not yet: the groups have not the sizes that were drawn" in result.stdout


def test_a_playbook_with_a_holdout_of_its_own_is_held_to_that_and_named_when_it_leaks(
    shop: SmallShop, tmp_path: Path
) -> None:
    told = {"playbook": "gift", "policy": "6e34", "variant": "only", "variant_share": 1.0}

    def of_gift(share: float) -> SmallShop:
        alerts = [
            msgspec.structs.replace(each, **told, holdout_share=share) if each.risk > 0.8 else each
            for each in shop.alerts
        ]
        return SmallShop(alerts, shop.events, shop.outcomes)

    files = written(of_gift(HOLDOUT), tmp_path)
    found = run(*files, *OPTIONS, "--by", "playbook", "--json")
    assert found.exit_code == 0
    lines = {line["group"].get("playbook"): line for line in json.loads(found.stdout)["lines"]}
    assert [lines[name]["drawn"] for name in (None, "gift", "no playbook")] == [HOLDOUT] * 3
    files = written(of_gift(0.55), tmp_path)
    leaky = run(*files, *OPTIONS, "--by", "playbook")
    assert leaky.exit_code == 1
    assert "customers of playbook gift " in leaky.stderr
    assert "were held out, and 0.55 of them should have; docs/effect.md" in leaky.stderr
    assert "--holdout" not in leaky.stderr
    assert "no playbook: not yet: the groups have not the sizes" in leaky.stdout


def test_a_held_out_customer_who_was_contacted_is_told(shop: SmallShop, tmp_path: Path) -> None:
    held = next(each for each in shop.alerts if each.arm == "holdout")
    said = msgspec.structs.replace(
        shop.outcomes[0],
        outcome_id="leak",
        alert_id=held.alert_id,
        user_id=held.user_id,
        type="delivered",
    )
    leaky = SmallShop(shop.alerts, shop.events, [*shop.outcomes, said])
    result = run(*written(leaky, tmp_path), *OPTIONS)
    assert "Careful: 1 alerts of held-out customers were acted upon" in result.stdout


def test_lines_that_are_no_events_are_counted_and_other_files_refused(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"event_id": "e"}\n')
    alerts, events = ("--alerts", files[1]), ("--events", files[3])
    result = run(*alerts, "--events", str(bad))
    assert "Skipped 1 that are no events; the first is " in result.stderr
    assert "line 1: user_id: Object missing required field" in result.stderr
    for words, told in (
        (("--alerts", str(bad), *events), "line 1: not an alert"),
        ((*alerts, *events, "--outcomes", str(bad)), "line 1: not an outcome: outcome_id"),
        (("--alerts", str(tmp_path), *events), "no log of treatments: nobody was sent"),
        (("--alerts", str(tmp_path / "nix"), *events), "No such file"),
        (alerts, "files are named together"),
        (
            (*alerts, *events, "--by", "colour"),
            "choose of action, playbook, variant, cause, segment, stage, band, steering, response,",
        ),
        ((*alerts, *events, "--by", "ordrs:1"), "--by ordrs:1: there is no feature 'ordrs'"),
        ((*alerts, *events, "--by", "orders:2:1"), "write the edges in order, such as orders:1:2"),
        ((*alerts, *events, "--since", "soon"), "write a date, 2026-01-31"),
        ((*alerts, *events, "--horizon", "soon"), "not a duration"),
        ((*alerts, *events, "--margin", "0"), "0<x<=1"),
    ):
        refused = run(*words)
        assert (refused.exit_code, refused.stdout) == (2, ""), words
        assert told in refused.stderr


def test_an_alert_alone_on_its_line_is_read_as_well(
    shop: SmallShop, files: tuple[str, ...], tmp_path: Path
) -> None:
    plain = tmp_path / "alerts.jsonl"
    plain.write_bytes(b"\n".join(map(msgspec.json.encode, shop.alerts)))
    result = run("--alerts", plain, *files[2:], *OPTIONS, "--json")
    check(json.loads(result.stdout), shop)


def test_there_is_an_alert_in_the_shop_of_each_arm(shop: SmallShop) -> None:
    arms: dict[str, list[Alert]] = {"treated": [], "holdout": []}
    for each in shop.alerts:
        arms[each.arm].append(each)
    assert all(arms.values())
