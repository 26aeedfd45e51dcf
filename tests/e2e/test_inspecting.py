"""`ebb inspect` on a running shop: the last decision in words, and what silence would bring."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from typing import Any

import pytest

from features import DAY, Millis, from_datetime, to_iso
from streams.live import looking
from tests.e2e.cdnow import Run
from tests.e2e.corner import Corner

pytestmark = pytest.mark.e2e


def inspected(corner: Corner, customer: str, *more: str) -> dict[str, Any]:
    return dict(json.loads(corner.run("inspect", customer, "--json", *more)))


@pytest.fixture(scope="module")
def regular(cdnow: Run) -> str:
    """A customer with a rhythm who is looked at still, and whose silence has been noticed.

    Noticed by the model of then, in the last decision, and by the one of now: which one judged
    when depends on how the learner and the workers got on beside each other.
    """
    stored = cdnow.corner.stored()

    async def find() -> str:
        async with looking(cdnow.corner.settings) as view:
            for name in sorted(name for part in stored.values() for name in part.timers):
                found = await view.dossier(name)
                then = found.last_decision.grounds if found.last_decision else []
                said = [found.say(each) for each in then]
                later = await view.dossier(name, found.at + 30 * DAY)
                leads = bool(later.reasons) and _is_missed(later.reasons[0].text)
                if found.active and found.risk < 0.6 and any(map(_is_missed, said)) and leads:
                    return name
        raise AssertionError("nobody is missed")

    return asyncio.run(find())


def _is_missed(text: str) -> bool:
    return text.startswith("usually buys every ")


def test_the_last_decision_is_explained_in_words(cdnow: Run, regular: str) -> None:
    said = cdnow.corner.run("inspect", regular)
    decision = inspected(cdnow.corner, regular)["decisions"][-1]
    assert f"last decision, {decision['at'][:16]}Z" in said
    assert decision["why"] in said
    for reason in decision["reasons"]:
        assert reason["text"] in said
    assert re.search(r"usually buys every [\d.]+ days", said)
    assert re.search(r"risk of not coming back: 0\.\d\d \((low|medium|high)\)", said)


def test_the_reasons_of_now_can_be_told_in_chinese(cdnow: Run, regular: str) -> None:
    later = to_iso(_moment(inspected(cdnow.corner, regular)["at"]) + 30 * DAY)
    here = inspected(cdnow.corner, regular, "--at", later)
    there = inspected(cdnow.corner, regular, "--at", later, "--language", "zh")
    for name in ("reasons", "causes"):
        assert [each["code"] for each in there[name]] == [each["code"] for each in here[name]]
        assert [each["numbers"] for each in there[name]] == [each["numbers"] for each in here[name]]
    assert here["reasons"] == [each for each in here["causes"] if each["contribution"] > 0][:3]
    assert here["reasons"][0]["text"].startswith("usually buys every ")
    assert re.match("通常每.*下单", there["reasons"][0]["text"])
    said = cdnow.corner.run("inspect", regular, "--at", later, "--language", "zh")
    assert there["reasons"][0]["text"] in said
    # So can those of the decisions that were taken.
    assert there["decisions"]
    for told, said_here in zip(there["decisions"], here["decisions"], strict=True):
        codes = ([each["code"] for each in one["reasons"]] for one in (told, said_here))
        assert next(codes) == next(codes)
        assert told["risk"] == said_here["risk"]
        assert re.match("流失风险|.*天前已提醒", told["why"])
    assert there["decisions"][-1]["why"] in said
    texts = [each["text"] for told in there["decisions"] for each in told["reasons"]]
    assert any(re.search("[\u4e00-\u9fff]", text) for text in texts)


def test_a_language_without_phrases_is_refused(corner: Corner) -> None:
    done = corner.ebb("inspect", "ada", "--language", "fr")
    assert done.returncode == 2
    assert "alerts.language = 'fr' (command line): must be 'en' or 'zh'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_words_of_an_alert_are_those_of_the_customers_log(cdnow: Run) -> None:
    alert = json.loads(cdnow.corner.run("alerts", "--json", "--limit", "1"))["data"]
    decisions = inspected(cdnow.corner, alert["user_id"])["decisions"]
    [mine] = [
        each
        for each in decisions
        if _moment(each["at"]) == _moment(alert["decided_at"]) and each["cause"] == alert["cause"]
    ]
    assert mine["alert"]
    assert mine["risk"] == alert["risk"]
    # The log is kept for every customer: of a contribution it has the thousandths.
    words = ("code", "text")
    assert [[each[word] for word in words] for each in mine["reasons"]] == [
        [reason[word] for word in words] for reason in alert["reasons"]
    ]
    for kept, sent in zip(mine["reasons"], alert["reasons"], strict=True):
        assert kept["contribution"] == pytest.approx(sent["contribution"], abs=0.0011)
    assert mine["model_version"] == alert["model_version"]


def test_a_month_of_silence_raises_the_risk(cdnow: Run, regular: str) -> None:
    now = inspected(cdnow.corner, regular)
    later = to_iso(_moment(now["at"]) + 30 * DAY)
    then = inspected(cdnow.corner, regular, "--at", later)
    assert then["at"] == later
    assert then["risk"] > now["risk"]
    assert then["features"]["recency"] == pytest.approx(now["features"]["recency"] + 30)
    # Nothing has happened to what is stored.
    assert inspected(cdnow.corner, regular) == now


def test_a_time_in_the_past_cannot_be_asked_for(cdnow: Run, regular: str) -> None:
    done = cdnow.corner.ebb("inspect", regular, "--at", "1997-01-01")
    assert done.returncode == 2
    assert "ask for that moment or a later one" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_customer_is_a_problem(cdnow: Run) -> None:
    done = cdnow.corner.ebb("inspect", "nobody")
    assert done.returncode == 1
    assert "nothing is known of 'nobody'" in done.stderr
    assert "Traceback" not in done.stderr


def test_before_the_first_event_every_customer_is_unknown(corner: Corner) -> None:
    done = corner.ebb("inspect", "ada")
    assert done.returncode == 1
    assert "nothing is known of 'ada'" in done.stderr


def _moment(text: str) -> Millis:
    return from_datetime(datetime.fromisoformat(text))
