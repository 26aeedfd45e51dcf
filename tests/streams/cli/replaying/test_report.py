"""What ``ebb report`` lists, opens, builds and publishes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from features import DAY
from streams.cli import Context, ebb
from streams.replay import Landmarks
from tests.streams.replay.backtested import START, shoppers
from tests.streams.replay.kept import kept

LISTED = ("finished", "folder", "models", "AUC", "alerts", "source")


def run(*words: str | Path, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(ebb, ["report", *map(str, words)], obj=Context(environ=environ or {}))


def refused(code: int, told: str, *words: str | Path) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(
        tmp_path_factory.mktemp("report") / "out", shoppers(3, customers=20), "bayes", "recency"
    )


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of the backtest, to do with as one likes."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


# -- list -------------------------------------------------------------------------------------


def test_finished_backtests_below_a_folder_are_listed_oldest_first(
    out: Path, tmp_path: Path
) -> None:
    looks = kept(
        tmp_path / "more" / "looks", shoppers(5), landmarks=Landmarks(START + 30 * DAY, 30 * DAY)
    )
    os.utime(looks / "report.json", (DAY // 1000, DAY // 1000))
    for name, text in (("half", "{"), ("other", '{"format": "sales"}'), (".hidden", None)):
        (tmp_path / name).mkdir()
        written = (out / "report.json").read_text() if text is None else text
        (tmp_path / name / "report.json").write_text(written)
    result = run("list", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    head, first, second = result.stdout.splitlines()
    assert tuple(head.split()) == LISTED
    assert first.startswith("1970-01-02 00:00  more/looks  bayes") and " landmarks" in first
    assert "  out " in second and "bayes,recency" in second
    found = [json.loads(line) for line in run("list", tmp_path, "--json").stdout.splitlines()]
    assert [each["folder"] for each in found] == [str(looks), str(out)]
    report = json.loads((out / "report.json").read_text())
    told = found[1]
    assert (told["alerts"], told["auc"]) == (
        report["decisions"]["alerts"],
        report["models"][0]["auc"],
    )
    assert (found[0]["alerts"], found[0]["mode"], told["page"]) == (None, "landmarks", False)
    (out / "report.html").touch()
    assert json.loads(run("list", out, "--json").stdout)["page"] is True


def test_a_folder_without_backtests_says_so(tmp_path: Path) -> None:
    result = run("list", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"No finished backtest in {tmp_path} or below.\n"
    refused(2, "there is no such folder", "list", tmp_path / "nowhere")


# -- open and build ---------------------------------------------------------------------------


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A browser that notes what it is to open; returns its notes."""
    notes, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(notes)!r}, 'a').write(sys.argv[1])\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    return notes


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def test_a_page_that_is_there_is_opened_as_it_is(out: Path, browser: Path) -> None:
    (out / "report.html").write_text("mine")
    result = run("open", out)
    assert (result.exit_code, result.output) == (0, "")
    assert browser.read_text() == (out / "report.html").as_uri()
    assert (out / "report.html").read_text() == "mine"


@pytest.mark.usefixtures("no_display")
def test_without_a_display_the_page_is_made_and_its_path_is_printed(out: Path) -> None:
    # `ebb report build` makes it in the same way; a page takes seconds.
    page = out / "report.html"
    result = run("open", out, environ={"EBB_LANGUAGE": "zh"})
    assert (result.exit_code, result.stdout) == (0, f"{page}\n"), result.stderr
    assert 'lang="zh' in page.read_text(encoding="utf-8")[:500]


def test_without_the_extra_it_is_said_how_to_get_it(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    refused(1, 'pip install "ebbtide[report]"', "build", out)
    assert not (out / "report.html").exists()


def test_a_model_that_was_not_in_it_is_refused(out: Path) -> None:
    refused(2, "has no model 'trees'; it has bayes, recency", "build", out, "--model", "trees")


@pytest.mark.parametrize("words", [("open",), ("build",), ("publish", "--mlflow", "file:store")])
def test_what_is_no_backtest_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    refused(2, "has no report.json; name the output folder", *words, tmp_path)


# -- publish ----------------------------------------------------------------------------------


@pytest.fixture
def nowhere() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://shop:secret@127.0.0.1:{bound.getsockname()[1]}"


def test_a_run_in_mlflow_has_parameters_metrics_and_files(finished: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    store = (tmp_path / "store").as_uri()
    result = run("publish", finished, "--mlflow", store, "--name", "first", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    client = MlflowClient(tracking_uri=store)
    found = client.get_run(told["run_id"])
    report = json.loads((finished / "report.json").read_text())
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert client.get_experiment(found.info.experiment_id).name == told["experiment"] == "ebbtide"
    assert found.data.params["horizon"] == "8d"
    assert found.data.params["models"] == "bayes,recency"
    assert len(found.data.params) == told["parameters"]
    assert found.data.metrics["decisions.alerts"] == report["decisions"]["alerts"]
    for model in report["models"]:
        assert found.data.metrics[f"{model['model']}.auc"] == model["auc"]
        months = client.get_metric_history(told["run_id"], f"{model['model']}.months.log_loss")
        assert [each.value for each in months] == [each["log_loss"] for each in model["months"]]
    assert found.data.tags["ebbtide.fingerprint"] == report["data"]["fingerprint"]
    files = {each.path for each in client.list_artifacts(told["run_id"])}
    assert files == set(told["files"]) == {path.name for path in finished.iterdir()}


def test_what_names_customers_can_be_left_out(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    result = run("publish", finished, "--without-customers")
    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip().endswith(" metrics, report.json")
    assert [path.name for path in tmp_path.rglob("artifacts/*")] == ["report.json"]


def test_a_server_that_is_away_is_told_without_its_password(finished: Path, nowhere: str) -> None:
    result = run("publish", finished, "--mlflow", nowhere)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "MLflow is away: nothing answers at http://127.0.0.1:" in result.stderr
    assert "secret" not in result.stderr


def test_where_mlflow_is_must_be_said(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    refused(2, "say where MLflow is: --mlflow URI, or MLFLOW_TRACKING_URI", "publish", finished)


def test_without_mlflow_it_is_said_how_to_get_it(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    refused(1, 'pip install "ebbtide[mlflow]"', "publish", finished, "--mlflow", "file:store")


def test_a_database_needs_all_of_mlflow(finished: Path) -> None:
    refused(1, "needs all of MLflow", "publish", finished, "--mlflow", "sqlite:///x.db")


@pytest.mark.parametrize("command", ["list", "open", "build", "publish"])
def test_the_help_shows_an_example(command: str) -> None:
    assert f"ebb report {command} " in run(command, "--help").stdout.split("Example")[1]
