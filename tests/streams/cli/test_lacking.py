"""What a process finds in Kafka before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from streams.cli.context import Context
from streams.cli.errors import Problem
from streams.cli.lacking import check_topics

MEANWHILE = "what waits is sent meanwhile"


def among(monkeypatch: pytest.MonkeyPatch, missing: list[str]) -> Context:
    """Stand a broker up that has all topics but some."""

    @contextmanager
    def admin(*_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr("streams.brokers.open_admin", admin)
    monkeypatch.setattr("streams.topics.compare_with", lambda *_: SimpleNamespace(missing=missing))
    return Context(environ={}, options={"topics.prefix": "shop."})


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["shop.dead-letters"], "shop.dead-letters: no such topic; create it with: ebb topics"),
        (
            ["shop.dead-letters", "shop.clickstream", "shop.models"],
            "shop.clickstream, shop.dead-letters: no such topics; create them with: ebb topics",
        ),
    ],
)
def test_who_needs_a_topic_that_is_not_there_does_not_start(
    missing: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = among(monkeypatch, missing)
    with pytest.raises(Problem, match=said):
        check_topics(context, ("clickstream", "dead_letters"), MEANWHILE)


def test_a_topic_that_others_need_keeps_nobody_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_topics(among(monkeypatch, ["shop.models"]), ("clickstream",), MEANWHILE)


def test_a_kafka_that_is_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(environ={"EBB_KAFKA": "localhost:1"})
    check_topics(context, ("clickstream",), MEANWHILE)
    said = " ".join(capsys.readouterr().err.split())
    assert "no broker answers at localhost:1" in said
    assert said.endswith(f"; {MEANWHILE}")
