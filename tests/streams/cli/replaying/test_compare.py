"""What ``ebb compare`` says of finished backtests, and which it refuses to compare."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from features import DAY
from streams.cli import Context, ebb
from streams.composition import shop_of, task_of
from streams.replay import Landmarks
from tests.streams.replay.backtested import SETTINGS, START, TASK, shoppers
from tests.streams.replay.kept import kept

EVENTS = shoppers(5)
ENDS = ("no real difference", "real, better", "real, worse")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(ebb, ["compare", *map(str, words)], obj=Context(environ={}))


def refused(told: str, *words: str | Path) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("both") / "both", EVENTS, "bayes", "recency")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("other") / "other", EVENTS, "bayes", seed=1)


def asked_otherwise(folder: Path, **churn: object) -> Path:
    settings = SETTINGS.model_copy(update={"churn": SETTINGS.churn.model_copy(update=churn)})
    shop = shop_of(settings)
    return kept(folder, EVENTS, shop=shop, task=task_of(shop, TASK.weighing))


def test_a_folder_of_several_models_is_compared_within_itself(both: Path) -> None:
    result = run(both)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert " customers in common, " in lines[0] and lines[0].endswith("is held to bayes")
    assert lines[2].split() == [
        *("metric", "run", "value", "difference", "95", "%", "interval", "verdict")
    ]
    starts = ("ROC AUC", "PR AUC", "log loss", "Brier", "precision in the top 10 %")
    firsts, seconds = lines[3:13:2], lines[4:13:2]
    assert [line.split("  ")[0] for line in firsts] == list(starts)
    assert all(" bayes " in line for line in firsts)
    assert all(line.split()[0] == "recency" for line in seconds)
    assert all(" to " in line and line.endswith(ENDS) for line in seconds)
    assert lines[13] == ""
    assert re.match(r"\w+ (is the best by|has the best) log loss", lines[14])


def test_folders_are_compared_by_the_models_that_are_named(both: Path, other: Path) -> None:
    result = run(f"{both}:bayes", other, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    labels = found["runs"][0]["labels"]
    assert found["runs"] == [
        {
            "run": f"{folder}:bayes",
            "model": "bayes",
            "folder": str(folder),
            "horizon": "8d",
            "threshold": None,
            "labels": labels,
            "predictions": labels,
            "churned": found["churned"],
        }
        for folder in (both, other)
    ]
    assert (found["by"], found["best"]["ahead_of"]) == ("prediction", [])
    assert (found["joined"], found["other_cause"]) == (labels, 0)
    assert found["interval"] == {"level": 0.95, "rounds": 400, "seed": 0, "practical": 0.001}
    for first, second in found["metrics"].values():
        assert first["difference"] is None and first["verdict"] is None
        assert second["low"] <= second["difference"] <= second["high"]
        assert (second["verdict"], second["better"]) == ("no real difference", None)


def test_the_same_comparison_says_the_same(both: Path) -> None:
    assert run(both, "--json").stdout == run(both, "--json").stdout


def test_it_is_said_how_few_of_the_predictions_are_in_common(both: Path, tmp_path: Path) -> None:
    rarer = asked_otherwise(tmp_path / "rarer", active=10 * DAY)
    result = run(f"{both}:bayes", rarer)
    assert result.exit_code == 0, result.stderr
    assert "Only " in result.stderr
    assert f"predictions of {both}:bayes whose label is known are in the compar" in result.stderr


def test_of_too_few_customers_nothing_is_told(tmp_path: Path) -> None:
    result = run(kept(tmp_path / "few", shoppers(5, customers=8), "bayes", "recency"))
    assert result.exit_code == 0, result.stderr
    assert "cannot be told" in result.stdout
    assert "customers are too few to tell a difference from chance" in result.stdout


def test_other_events_are_refused(both: Path, tmp_path: Path) -> None:
    elsewhere = kept(tmp_path / "elsewhere", EVENTS[:-1])
    count = len(EVENTS)
    refused(f"{both} and {elsewhere} are of different events: {count:,} from", both, elsewhere)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same events under two horizons, the longer one with an offer."""
    folder = tmp_path_factory.mktemp("grid")
    for name, horizon in (("4d", 4 * DAY), ("8d", 8 * DAY)):
        asked_otherwise(folder / name, horizon=horizon)
    told = {"format": "ebbtide grid 1", "horizons": ["4d", "8d"], "folders": ["4d", "8d"]}
    (folder / "grid.json").write_text(json.dumps(told))
    path = folder / "8d" / "report.json"
    offer = {"cost": 5.0, "margin": 100.0, "saved": 0.2, "capacity": None}
    path.write_text(json.dumps({**json.loads(path.read_text()), "offer": offer}))
    return folder


def test_a_grid_is_compared_by_what_horizons_have_in_common(grid: Path) -> None:
    result = run(grid)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[2] == ["run", "horizon", "predictions", "churned"]
    assert [line[1] for line in lines[3:5]] == ["4d", "8d"]
    assert "another question" in result.stdout
    assert "What cannot be told from this: which horizon to act on." in result.stdout
    found = json.loads(run(grid, "--json").stdout)
    assert (found["by"], found["best"]["metric"]) == ("customer", "auc")
    assert found["metrics"]["log_loss"][1]["verdict"] == "another question"
    assert found["metrics"]["skill"][1]["difference"] is not None


def test_thresholds_and_the_policy_are_compared_in_money(grid: Path) -> None:
    result = run(
        *(f"{grid / '8d'}{at}" for at in (":bayes@0.4", ":bayes@0.7", "@policy")), "--json"
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [each["run"] for each in found["runs"]] == ["bayes@0.4", "bayes@0.7", "bayes@policy"]
    assert [each["threshold"] for each in found["runs"]] == [0.4, 0.7, None]
    assert found["best"]["metric"] == "profit"
    assert "waits between two alerts" in result.stderr


def test_a_threshold_that_is_none_is_refused(grid: Path) -> None:
    for said in ("2", "often"):
        refused("behind @ comes a risk between 0 and 1", f"{grid / '8d'}:bayes@{said}")


def test_a_run_at_the_threshold_of_its_replay_is_no_other(both: Path) -> None:
    refused("is named twice", f"{both}:bayes@0.6", f"{both}:bayes")


def test_other_horizons_of_landmarks_and_events_leave_nothing_to_compare(
    grid: Path, tmp_path: Path
) -> None:
    landmarks = Landmarks(START + 30 * DAY, 30 * DAY)
    looks = kept(tmp_path / "looks", EVENTS, landmarks=landmarks)
    refused("nothing is left to compare", grid / "4d", looks)
    refused("nothing is decided: no @policy", grid / "8d", f"{looks}@policy")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_written_in_the_language_of_the_settings(
    language: str, grid: Path, tmp_path: Path
) -> None:
    context = Context(environ={"EBB_LANGUAGE": language})
    page = tmp_path / "page.html"
    words = ["compare", f"{grid / '8d'}:bayes@0.4", f"{grid / '8d'}@0.7", "--html", str(page)]
    result = CliRunner().invoke(ebb, words, obj=context)
    assert result.exit_code == 0, result.output
    assert ("回测比较" in page.read_text(encoding="utf-8")) is (language == "zh")


def test_a_page_that_cannot_be_written_is_a_problem(both: Path, tmp_path: Path) -> None:
    result = run(both, "--html", tmp_path / "nowhere" / "page.html")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere" in result.stderr


def test_another_activity_that_counts_is_refused(both: Path, tmp_path: Path) -> None:
    otherwise = asked_otherwise(tmp_path / "otherwise", activity=("purchase", "visit"))
    refused("activity that counts is purchase, and purchase, ", both, otherwise)


def test_an_empty_join_is_refused(both: Path, tmp_path: Path) -> None:
    landmarks = Landmarks(START + 30 * DAY, 30 * DAY)
    looks = kept(tmp_path / "looks", EVENTS, landmarks=landmarks)
    refused("there is no customer and time of which all runs said something", both, looks)


def test_what_is_no_finished_backtest_is_named(both: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nowhere"):
        refused(f"{tmp_path / name} has no report.json; name the output", both, tmp_path / name)
    half = tmp_path / "half"
    half.mkdir()
    (half / "report.json").write_bytes((both / "report.json").read_bytes())
    refused(f"{half} has no predictions.parquet; name the output folder", both, half)
    (half / "predictions.parquet").write_bytes(b"PAR1")
    refused(f"{half / 'predictions.parquet'} is not the predictions of a backtest", half)
    for text in ("{}", "[", '"\xff"'):
        (half / "report.json").write_bytes(text.encode("latin-1"))
        refused(f"{half / 'report.json'} is not the report of a backtest", both, half)


def test_one_run_alone_or_twice_or_not_there_is_refused(both: Path, other: Path) -> None:
    refused(f"{other} has one model, bayes; name another backtest", other)
    refused(f"name another model of {both}", f"{both}:bayes")
    refused(f"{both}:bayes is named twice", both, f"{both}:bayes")
    refused(f"{both} has no model 'trees'; it has bayes, recency", both, f"{both}:trees")
    assert run().exit_code == 2


def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path: Path) -> None:
    assert run(kept(tmp_path / "a:b", EVENTS, "bayes", "recency")).exit_code == 0


def test_the_help_shows_an_example() -> None:
    result = run("--help")
    assert "ebb compare race:bayes other:logistic --json" in result.stdout
