"""``ebb status`` in words: who challenges the model, and what happened last."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from streams.cli.status import show_rivals
from streams.live import Status

NOTHING: dict[str, Any] = dict.fromkeys(Status.__dataclass_fields__, 0)
STANDING = {
    "name": "logistic",
    "by_drift": False,
    "labels": 1_234.0,
    "champion_loss": 0.42,
    "challenger_loss": 0.4123,
    "evidence": 12.345,
    "evidence_needed": 40.0,
}
EVENT = {"at": 0, "model": "bayes-7", "challenger": "logistic-8", "detector": "", "feature": ""}


def shown(**what: Any) -> str:
    status = Status(**(NOTHING | {"challenger": {}, "drift": {}, "events": []} | what))
    console = Console(width=200, force_terminal=False, highlight=False)
    with console.capture() as capture:
        show_rivals(console, status)
    return capture.get()


def test_with_nobody_and_no_news_there_is_nothing_to_say() -> None:
    assert shown() == ""


def test_a_challenger_is_told_with_what_it_has_shown() -> None:
    assert shown(challenger=STANDING) == (
        "challenger logistic: log loss 0.412 against 0.420 on 1,234 labels; evidence 12.3, "
        "40 needed\n"
    )
    assert shown(challenger=STANDING | {"labels": 0.0}) == (
        "challenger logistic: nothing compared yet\n"
    )


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "promoted"}, "logistic-8 took over from bayes-7"),
        ({"type": "better"}, "logistic-8 is better than bayes-7"),
        ({"type": "challenger"}, "logistic-8 challenges bayes-7"),
        ({"type": "retired"}, "logistic-8 has not proved better than bayes-7"),
        ({"type": "drift", "feature": "loss", "detector": "adwin"}, "loss has changed (adwin)"),
    ],
)
def test_the_last_news_is_told(event: dict[str, Any], said: str) -> None:
    text = shown(drift={"alarms": 3}, events=[EVENT | event])
    assert text == f"drift: 3 alarms\nlast news, 1970-01-01T00:00: {said}\n"
