"""A backtest from Python: the documented example runs, and finds what the command finds."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streams.report
from features import to_datetime
from streams.cli import ebb
from streams.replay import (
    Landmarks,
    NoEvents,
    UnknownModel,
    WrongSource,
    backtest,
    backtest_grid,
)
from streams.report import OutputRefused, read_grid
from streams.settings import Settings, SettingsError, load_settings
from tests.servers import ROOT
from tests.streams.replay.backtested import START, shoppers

MAPPING = 'customer = "who"\ntime = "at"\ntype = "what"\namount = "paid"\n'
#: Sooner done.
FEW = ("--set", "silence.waits=15d", "--set", "silence.multiples=2")
SETTINGS = {"silence.waits": "15d", "silence.multiples": "2"}
WORDS = ("orders.csv", "-m", "orders.toml", "--active", "90d", "--qualifying", "purchase", *FEW)
SHOP = {"mapping": "orders.toml", "active": "90d", "qualifying": "purchase"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with orders.csv and its mapping."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [
        f"{each.user_id},{to_datetime(each.at).isoformat()},{each.type},{each.amount}\n"
        for each in shoppers(4, customers=30, days=100)
    ]
    (folder / "orders.csv").write_text("".join(["who,at,what,paid\n", *rows]))
    (folder / "orders.toml").write_text(MAPPING)
    return folder


@pytest.fixture
def here(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shop)
    return shop


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        # The page is made of the others.
        if path.is_file() and path.suffix != ".html"
    }


def commanded(*words: str) -> None:
    said = CliRunner().invoke(ebb, ["backtest", *WORDS, *words], catch_exceptions=False)
    assert said.exit_code == 0, said.output


@pytest.mark.usefixtures("here")
def test_the_documented_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for cell in cells:
        if ".figures" in cell and not hasattr(streams.report, "figures"):
            continue  # not part of this version yet
        exec(compile(cell, "docs/notebook.md", "exec"), names)
    said = capsys.readouterr().out
    assert "bayes" in said and "by_segment" in said and "log_loss" in said
    assert set(names["grid"]) == {"14d", "28d"}


def test_a_notebook_finds_what_the_command_finds(here: Path, tmp_path: Path) -> None:
    commanded("--horizon", "30d", "-o", str(tmp_path / "command"), "--model", "recency")
    result = backtest("orders.csv", **SHOP, horizon="30d", models="recency", settings=SETTINGS)
    assert files(result.output) == files(tmp_path / "command")
    settings = load_settings(
        environ={}, options={**SETTINGS, "churn.active": "90d", "churn.activity": "purchase"}
    ).settings
    held = backtest(
        here / "orders.csv",
        mapping=here / "orders.toml",
        horizon="30d",
        models=["recency"],
        settings=settings,
        output=tmp_path / "settings",
    )
    assert held.output == tmp_path / "settings"
    assert held.report["models"] == result.report["models"]


def test_a_grid_of_the_command_is_a_grid_of_a_notebook(here: Path, tmp_path: Path) -> None:
    grid = tmp_path / "command"
    commanded("--horizon", "28d,2w", "-o", str(grid), "--landmarks", "2020-02-01/14d")
    assert read_grid(grid) == {"28d": grid / "28d", "14d": grid / "14d"}
    found = backtest_grid(
        "orders.csv",
        **SHOP,
        horizons=["28d", "14d"],
        landmarks="2020-02-01/14d",
        settings=SETTINGS,
    )
    assert files(found.output) == files(grid)
    assert list(found) == ["28d", "14d"] and len(found) == 2
    alone = tmp_path / "alone"
    commanded("--horizon", "14d", "-o", str(alone), "--landmarks", "2020-02-01/14d")
    assert files(found["14d"].output) == files(alone)
    assert found["14d"].report["configuration"]["horizon"] == "14d"


@pytest.mark.usefixtures("here")
def test_a_temporary_folder_is_there_as_long_as_what_was_found() -> None:
    weekly = Landmarks(START, 30 * 86_400_000)
    options: dict[str, Any] = {**SHOP, "landmarks": weekly, "limit": 60, "models": "recency"}
    result = backtest("orders.csv", **options)
    tables, place = result.tables, result.output
    del result
    gc.collect()
    assert not tables["retention"].empty and len(tables) == len(list(tables))
    del tables
    gc.collect()
    assert not place.exists()

    grid = backtest_grid("orders.csv", **options, horizons=["14d", "28d"])
    one, place = grid["28d"], grid.output
    del grid
    gc.collect()
    assert one.output.is_dir()
    del one
    gc.collect()
    assert not place.exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("wrong", "raised", "said"),
    [
        ({"horizon": "soon"}, SettingsError, "'soon' is not a duration"),
        ({"horizon": "soon", "settings": Settings()}, SettingsError, "'soon' is not a duration"),
        ({"settings": {"policy.treshold": 1}}, SettingsError, "did you mean policy.threshold"),
        ({"mapping": None}, WrongSource, "ebb import --dry-run orders.csv"),
        ({"models": "oracle"}, UnknownModel, "known are"),
        ({"models": []}, UnknownModel, "no model"),
        ({"landmarks": "weekly"}, ValueError, "such as 2017-03-31/7d"),
        ({"output": "."}, OutputRefused, "is not of a backtest"),
    ],
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], raised: type[Exception], said: str) -> None:
    with pytest.raises(raised, match=re.escape(said)):
        backtest("orders.csv", **{**SHOP, **wrong})


@pytest.mark.usefixtures("here")
def test_a_source_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(WrongSource, match="there is no such file"):
        backtest("absent.csv", **SHOP)
    empty = tmp_path / "empty.csv"
    empty.write_text("who,at,what,paid\n")
    with pytest.raises(NoEvents, match="there are no events in it"):
        backtest(empty, **SHOP)
    with pytest.raises(SettingsError, match="the horizon 14d is named twice"):
        backtest_grid("orders.csv", **SHOP, horizons=["14d", "2w"])
    with pytest.raises(SettingsError, match="no horizon is named"):
        backtest_grid("orders.csv", **SHOP, horizons=[])
