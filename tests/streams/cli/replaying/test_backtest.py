"""What ``ebb backtest`` says, writes and refuses; a topic as its source is in ``tests/e2e``."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from streams.cli import Context
from streams.cli import ebb as main
from tests.servers import Ebb
from tests.servers.commands import ROOT
from tests.streams.recorded.cdnow import cdnow_file

MAPPING = 'customer = "who"\ntime = "at"\ntype = { constant = "purchase" }\namount = "paid"\n'
#: The shop of CDNOW, looked at less often: enough to see, sooner done.
SHOP = {
    "EBB_HORIZON": "60d",
    "EBB_ACTIVE": "180d",
    "EBB_ACTIVITY": "purchase",
    "EBB_SILENCE_WAITS": "30d",
    "EBB_SILENCE_MULTIPLES": "2",
}
CUSTOMERS = 400
#: Backtests whose page nobody looks at: it would take longer than the rest.
FEW = ("backtest", "few.txt", "-m", "cdnow", "-o", "out", "--no-report")
ORDERS = ("backtest", "orders.csv", "-m", "orders.toml", "-o", "out", "--no-report")
FILES = [
    "customers.parquet",
    "decisions.parquet",
    "predictions.parquet",
    "report.json",
    "stories.parquet",
]


@pytest.fixture
def few(tmp_path: Path) -> int:
    """CDNOW's first customers, as few.txt; returns the number of their purchases."""
    header, *rows = cdnow_file().read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if int(row.split()[0]) <= CUSTOMERS]
    (tmp_path / "few.txt").write_text("".join([header, *kept]), encoding="utf-8")
    return len(kept)


@pytest.fixture
def cdnow(ebb: Ebb, few: int) -> Ebb:
    """Run commands in a shop like CDNOW."""
    return Ebb(ebb.folder, SHOP)


@pytest.fixture
def orders(tmp_path: Path) -> None:
    (tmp_path / "orders.toml").write_text(MAPPING)
    (tmp_path / "orders.csv").write_text(
        "who,at,paid\nada,2026-01-02,2.5\n,2026-01-01,1\ngrace,2026-01-01,[red]\n"
        "zoe,2026-01-01,1\nada,2026-03-03,1\n"
    )


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody answers, for as long as the test lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def _report(said: Any) -> dict[str, Any]:
    assert said.returncode == 0, said.stderr
    return dict(json.loads(said.stdout))


def _told(said: Any, code: int, *words: str) -> None:
    assert said.returncode == code, said.stderr
    assert "Traceback" not in said.stderr
    for word in words:
        assert word in said.stderr


def _here(words: tuple[str, ...], code: int, told: str) -> None:
    """Run a backtest in this very process: many of them take no time."""
    result = CliRunner().invoke(main, ["backtest", *words], obj=Context(environ={}))
    assert result.exit_code == code, result.output
    assert told in " ".join(result.output.split())


def test_the_summary_says_what_was_taken_and_how_good_each_model_was(cdnow: Ebb, few: int) -> None:
    said = cdnow("backtest", "few.txt", "-m", "cdnow", "-o", "out", "--model", "bayes,recency")
    assert said.returncode == 0, said.stderr
    assert said.stderr == "", "no progress in a pipe"
    lines = said.stdout.splitlines()
    assert lines[0].startswith(f"events      {few:,}, from 1997-01-01T00:00:00Z to 1998-")
    assert lines[1] == f"customers   {CUSTOMERS}"
    assert [line.split()[0] for line in lines if line] == [
        *("events", "customers", "decisions", "labels"),
        *("model", "bayes", "recency"),
        *("report.json,", lines[-2].split()[0], "out/report.html:"),
    ]
    heads = ("labels", "churned", "AUC", "PR AUC", "log loss", "Brier", "ECE", "top 10 %")
    assert all(head in lines[5] for head in heads)
    assert "events/s" in lines[-2] and "MiB of memory" in lines[-2]
    assert sorted(os.listdir(cdnow.folder / "out")) == sorted([*FILES, "report.html"])
    assert "Switch it on" in (cdnow.folder / "out" / "report.html").read_text(encoding="utf-8")
    table = parquet.read_table(cdnow.folder / "out" / "predictions.parquet")
    assert set(table["model"].to_pylist()) == {"bayes", "recency"}
    assert "vector" not in table.column_names


def test_a_machine_reads_the_report_as_it_was_written_and_how_long_it_took(cdnow: Ebb) -> None:
    found = _report(cdnow(*FEW, "--json"))
    timing, source = found.pop("timing"), found.pop("source")
    assert found == json.loads((cdnow.folder / "out" / "report.json").read_text())
    assert source == {"rejected": 0, "rejected_by_reason": {}}
    assert 0 < timing["reading_seconds"] < timing["seconds"]
    rate = found["data"]["events"] / (timing["seconds"] - timing["reading_seconds"])
    assert timing["events_per_second"] == pytest.approx(rate, rel=0.05)
    assert timing["peak_memory_bytes"] > 30e6
    assert found["models"][0]["count"] == found["decisions"]["matured"] > 500


def test_a_page_of_other_events_does_not_stay_behind(cdnow: Ebb, few: int) -> None:
    run = ("backtest", "few.txt", "-m", "cdnow", "-o", "out", "--limit", "50")
    (cdnow.folder / "out").mkdir()
    (cdnow.folder / "out" / "report.html").write_text("of an earlier backtest")

    assert cdnow(*run, "--no-report").returncode == 0

    assert sorted(os.listdir(cdnow.folder / "out")) == FILES


def test_without_the_extra_a_line_says_what_brings_the_page(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "altair", None)
    asked = ("few.txt", "-m", "cdnow", "-o", "out", "--limit", "50")

    said = CliRunner().invoke(main, ["backtest", *asked], obj=Context(environ={}))

    assert said.exit_code == 0, said.output
    assert 'needs altair: pip install "ebbtide[report]"' in said.output
    assert sorted(os.listdir(tmp_path / "out")) == FILES


def test_several_horizons_stand_in_one_table(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("few.txt", "--no-report", "-m", "cdnow", "-o", "grid", "--model", "recency,bayes")
    when = ("--horizon", "30d,8w", "--landmarks", "1997-01-31/90d", "--active", "84d")
    said = CliRunner().invoke(main, ["backtest", *asked, *when], obj=Context(environ={}))
    assert said.exit_code == 0, said.output
    lines = [line.split() for line in said.stdout.splitlines() if line]
    assert [line[:2] for line in lines[:6]] == [
        *(["events", f"{few:,},"], ["customers", str(CUSTOMERS)]),
        *(["horizon", "30d"], ["landmarks", lines[3][1]], ["horizon", "56d"], lines[5][:2]),
    ]
    assert lines[6][:3] == ["horizon", "model", "labels"]
    assert [line[:2] for line in lines[7:11]] == [
        *(["30d", "recency"], ["30d", "bayes"], ["56d", "recency"], ["56d", "bayes"]),
    ]
    assert "grid.json in grid, and a folder for each horizon: 30d, 56d" in said.stdout
    assert sorted(os.listdir(tmp_path / "grid")) == ["30d", "56d", "grid.json"]

    again = CliRunner().invoke(main, ["backtest", *asked, *when, "--json"], obj=Context(environ={}))
    found = json.loads(again.stdout)
    assert found["horizons"] == found["folders"] == ["30d", "56d"]
    assert found["reports"] == [
        json.loads((tmp_path / "grid" / each / "report.json").read_text())
        for each in found["horizons"]
    ]
    assert found["timing"]["seconds"] > 0 and found["source"]["rejected"] == 0


def test_options_stand_above_the_settings(cdnow: Ebb) -> None:
    options = ["--horizon", "28d", "--active", "84d", "--qualifying", "purchase,visit"]
    again = ["--seed", "7", "--limit", "300", "--vectors", "--model", "logistic"]
    found = _report(
        cdnow(
            *FEW,
            "--json",
            *options,
            *again,
        )
    )
    asked = found["configuration"]
    assert (asked["horizon"], asked["active"]) == ("28d", "84d")
    assert asked["activity"] == ["purchase", "visit"]
    assert (asked["seed"], asked["models"], found["data"]["events"]) == (7, ["logistic"], 300)
    table = parquet.read_table(cdnow.folder / "out" / "predictions.parquet")
    assert len(table["vector"][0]) > 20


@pytest.mark.parametrize(("option", "weight"), [((), 1.0), (("model.weight_treated=0.25",), 0.25)])
def test_in_a_file_nobody_was_treated_unless_it_is_said(
    cdnow: Ebb, option: tuple[str, ...], weight: float
) -> None:
    words = [word for each in option for word in ("--set", each)]
    run = (
        *FEW,
        "--json",
        "--limit",
        "50",
        *words,
    )
    assert _report(cdnow(*run))["configuration"]["weights"]["treated"] == weight


def test_a_backtest_again_writes_the_same_bytes_over_the_first(cdnow: Ebb) -> None:
    out = cdnow.folder / "out"
    written = []
    for _ in range(2):
        said = cdnow(*FEW, "--limit", "400")
        assert said.returncode == 0, said.stderr
        written.append({name: (out / name).read_bytes() for name in FILES})
    assert written[0] == written[1]


def test_landmarks_score_everybody_at_the_end_of_a_day(cdnow: Ebb) -> None:
    asked = ("--landmarks", "1997-03-31/30d", "--score-from", "1997-06-29", "--json")
    found = _report(cdnow(*FEW, *asked))
    looks = found["models"][0]["landmarks"]
    assert found["mode"] == "landmarks"
    assert looks[0]["at"] == "1997-06-30T00:00:00Z"
    assert looks[1]["at"] == "1997-07-30T00:00:00Z"
    said = cdnow(*FEW, *asked[:-1])
    assert f"landmarks   {len(looks)} scored" in said.stdout.splitlines()


def test_a_landmark_outside_of_the_data_is_a_problem_that_names_both(cdnow: Ebb) -> None:
    said = cdnow(
        *FEW,
        "--landmarks",
        "2017-03-31/7d",
    )
    _told(said, 1, "from 2017-04-01T00:00:00Z on, every 7d", "a whole horizon (60d)", "1997-01-01")


@pytest.mark.usefixtures("orders")
def test_rejected_rows_are_shown_and_the_others_go_on(ebb: Ebb) -> None:
    said = ebb(
        *ORDERS,
        "--horizon",
        "20d",
    )
    assert said.returncode == 0, said.stderr
    assert said.stderr.splitlines() == [
        "line 3: no customer",
        "line 4: amount is not a number: '[red]'",
    ]
    assert said.stdout.startswith("events      3, from 2026-01-01T00:00:00Z to 2026-03-03")
    again = ebb(*ORDERS, "--json")
    assert _report(again)["source"]["rejected"] == 2
    assert "No label is known: the events span less than the horizon of 30d" not in again.stderr


@pytest.mark.usefixtures("orders")
def test_events_that_span_less_than_a_horizon_are_said_to_have_no_labels(ebb: Ebb) -> None:
    said = ebb(
        *ORDERS,
        "--horizon",
        "90d",
    )
    assert said.returncode == 0
    assert "No label is known: the events span less than the horizon of 90d" in said.stderr


RUN = ("orders.csv", "-m", "orders.toml", "-o", "out")


@pytest.mark.usefixtures("orders")
def test_the_report_tells_the_offer_of_the_settings_and_of_the_words_above_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    set_up = {"EBB_OFFER_COST": "2.5", "EBB_OFFER_MARGIN": "80"}
    for environ, words, told in (
        ({}, (), None),
        (set_up, (), {"cost": 2.5, "margin": 80.0, "saved": 0.2, "capacity": None}),
        (
            set_up,
            ("--cost", "5", "--saved", "0.5", "--capacity", "40"),
            {"cost": 5.0, "margin": 80.0, "saved": 0.5, "capacity": 40},
        ),
    ):
        result = CliRunner().invoke(
            main, ["backtest", *RUN, *words, "--no-report"], obj=Context(environ=environ)
        )
        assert result.exit_code == 0, result.output
        assert json.loads((tmp_path / "out" / "report.json").read_text())["offer"] == told


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (RUN[:-2], "--output"),
        (("orders.csv", "-o", "out"), "ebb import --dry-run orders.csv"),
        (("absent.csv", *RUN[1:]), "absent.csv: there is no such file"),
        (("orders.csv", "-m", "cdnov", "-o", "out"), "did you mean cdnow?"),
        ((*RUN, "--model", "bayes,bias"), "unknown model 'bias'; known are bayes, logistic"),
        ((*RUN, "--model", "bayes,bayes"), "'bayes' is named twice"),
        ((*RUN, "--model", ","), "no model is named"),
        ((*RUN, "--landmarks", "2026-01-01"), "such as 2017-03-31/7d"),
        ((*RUN, "--landmarks", "2026-01-32/7d"), "'2026-01-32' is not a day"),
        ((*RUN, "--score-from", "2026-01-01"), "--score-from goes with --landmarks"),
        ((*RUN, "--horizon", "soon"), "churn.horizon = 'soon' (command line)"),
        ((*RUN, "--horizon", "14d,soon"), "churn.horizon = 'soon' (command line)"),
        ((*RUN, "--horizon", "14d,2w"), "the horizon 14d is named twice"),
        ((*RUN, "--horizon", ","), "churn.horizon = ''"),
        ((*RUN, "--limit", "0"), "--limit"),
        ((*RUN, "--cost", "5"), "offer.cost = 5 says nothing without offer.margin"),
        ((*RUN, "--cost", "5", "--margin", "9", "--saved", "20"), "offer.saved = '20' (command"),
        (("s3://bucket/orders.csv", "-o", "out"), "kafka://clickstream?from="),
        (("kafka://clicks?from=soon", "-o", "out"), "from: 'soon' is neither"),
        (("kafka://clicks", "-m", "cdnow", "-o", "out"), "a mapping is for files"),
    ],
)
def test_wrong_usage_is_exit_2(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _here(words, 2, told)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "source.csv: the file is empty"),
        ("who,at,paid\n", "source.csv: there are no events in it"),
        ("name,day\nada,2026-01-01\n", "source.csv: no column 'paid'"),
        ("who,at,paid\nada,soon,1\ngrace,later,1\n", "2 of the first 2 rows are no events"),
    ],
)
def test_a_file_without_events_is_exit_1_and_leaves_no_report(
    content: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source.csv").write_text(content)
    _here(("source.csv", *RUN[1:]), 1, told)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("orders")
def test_a_folder_with_something_else_in_it_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    _here(RUN, 1, "out is not empty, and thesis.txt is not of a backtest")
    assert os.listdir(tmp_path / "out") == ["thesis.txt"]


@pytest.mark.usefixtures("orders")
def test_without_pyarrow_it_is_said_what_to_install(ebb: Ebb, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "pyarrow.py").write_text("raise ImportError('not here')\n")
    env = {"PYTHONPATH": f"{tmp_path / 'without'}{os.pathsep}{ROOT}"}
    said = ebb(*ORDERS, env=env)
    _told(said, 1, 'pip install "ebbtide[parquet]"')


def test_an_absent_broker_is_exit_3(ebb: Ebb, nowhere: str) -> None:
    said = ebb("backtest", "kafka://clickstream", "-o", "out", "--kafka", nowhere)
    _told(said, 3, f"no broker answers at {nowhere}")
