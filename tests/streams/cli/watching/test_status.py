"""``ebb status`` in words: who works, who challenges the model, and what happened last."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from streams.cli.watching.status import show_rivals, show_workers
from streams.live import Status, Working

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


def workers_shown(*workers: Working, here: str = "") -> list[str]:
    console = Console(width=200, force_terminal=False, highlight=False)
    with console.capture() as capture:
        show_workers(console, workers, here)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_workers_are_told_with_their_version_of_the_policy_file() -> None:
    assert workers_shown() == []
    assert workers_shown(Working("a:1", (0, 2), 5), Working("b:1", (), 5)) == [
        "",
        "worker  partitions",
        "a:1     0, 2",
        "b:1     none yet",
    ]
    assert workers_shown(Working("a:1", (0,), 5, "6e34", 1_000)) == [
        "",
        "worker  partitions  policy file  since",
        "a:1     0           6e34         1970-01-01T00:00:01",
    ]


def test_workers_that_disagree_and_a_file_that_is_wrong_are_told() -> None:
    fault = "line 3, cap 1, channel: no action goes out over 'fax'; write [email]"
    lines = workers_shown(
        Working("a:1", (0,), 5, "6e34", 1_000, (fault,), 9_000),
        Working("b:1", (1,), 5, "77aa", 2_000),
        Working("c:1", (2,), 5, "6e34", 1_000, (fault,), 7_000),
    )
    assert lines[-3:] == [
        "careful: workers decide by different versions of the policy file: 6e34 (2), 77aa (1)",
        "careful: the policy file is wrong since 1970-01-01T00:00:07, as 2 of 3 workers see it;"
        " they go on by the version above:",
        f"  {fault}",
    ]


def test_all_of_it_is_told_to_machines() -> None:
    workers = [Working("a:1", (0,), 5, "6e34"), Working("b:1", (), 5, "77aa", 8, ("x",), 9)]
    told = Status(**(NOTHING | {"partitions": [], "workers": workers})).as_dict()
    assert told["policies"] == ["6e34", "77aa"]
    assert told["workers"][1]["wrong"] == ("x",)


def test_a_file_here_that_no_worker_decides_by_is_told() -> None:
    workers = Working("a:1", (0,), 5, "6e34"), Working("b:1", (1,), 5, "6e34")
    assert not any("careful" in line for line in workers_shown(*workers, here="6e34"))
    assert workers_shown(*workers, here="77aa")[-1] == (
        "careful: no worker decides by the policy file as it is here, version 77aa"
    )
    assert workers_shown(here="77aa") == []
