"""The decision points of a backtest, as playbooks see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from features import DAY, Definition, build_catalogue
from models.playbooks import Plan, Prior, read_plan, stage_of, worth
from streams.report import NotComparable
from streams.trial import as_if_consented, read_scenes
from tests.servers import ROOT
from tests.streams.replay.backtested import SHOP, millis, shoppers
from tests.streams.replay.kept import kept

CATALOGUE = SHOP.catalogue
EXAMPLE = (ROOT / "examples" / "policy.toml").read_text(encoding="utf-8")
PLAN = read_plan(EXAMPLE, CATALOGUE.names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scenes") / "out"
    return kept(place, shoppers(3, customers=40), "bayes", "recency", vectors=True)


def test_every_decision_is_a_scene_with_what_was_known_then(folder: Path) -> None:
    scenes = read_scenes(folder, PLAN, CATALOGUE)
    rows = parquet.read_table(folder / "decisions.parquet").to_pylist()
    told = {(row["customer"], millis(row["at"]), row["cause"]): row for row in rows}
    assert len(scenes) == len(rows) > 100
    assert [each.at for each in scenes] == sorted(each.at for each in scenes)
    horizon, active = SHOP.definition.horizon_days, SHOP.definition.active / DAY
    for each in scenes:
        row = told.pop((each.customer, each.at, each.cause))
        assert (each.risk, each.band, each.segment) == (row["risk"], row["band"], row["segment"])
        assert list(each.reasons) == [reason["code"] for reason in row["reasons"]]
        assert each.facts["recency"] == row["silence_days"]
        assert each.stage == stage_of(each.facts, horizon, active)
        assert each.value == worth(each.facts, horizon, PLAN.prior)
        assert (each.traits, each.sent) == ({}, ())
    assert told == {}


def test_the_value_is_by_the_plan(folder: Path) -> None:
    dear = read_scenes(folder, Plan(PLAN.playbooks, prior=Prior(margin=0.6)), CATALOGUE)
    cheap = read_scenes(folder, Plan(PLAN.playbooks, prior=Prior(margin=0.3)), CATALOGUE)
    assert [each.value for each in dear] == pytest.approx([2 * each.value for each in cheap])


def test_without_vectors_or_with_other_features_there_are_no_scenes(
    folder: Path, tmp_path: Path
) -> None:
    bare = kept(tmp_path / "bare", shoppers(3, customers=10))
    with pytest.raises(NotComparable, match="run the backtest with --vectors"):
        read_scenes(bare, PLAN, CATALOGUE)
    other = build_catalogue(Definition(traits=("tier",)))
    with pytest.raises(NotComparable, match="features of other settings or of another version"):
        read_scenes(folder, PLAN, other)


def test_who_says_nothing_counts_as_having_consented() -> None:
    assert [each.unknown for each in PLAN.consents] == [False, False]
    assert [each.unknown for each in as_if_consented(PLAN).consents] == [True, True]
