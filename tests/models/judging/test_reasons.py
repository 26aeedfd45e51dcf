"""A risk is the exact sum of its causes, and those that raise it are its reasons."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import Definition, build_catalogue
from models.bayes import StagedJudge, StagedLearner
from models.judging import CODES, LANGUAGES, Explainer, Weights
from models.learning import Judgement
from models.registry import Inputs
from tests.models.portraits import CATALOGUE, INPUTS, customers
from tests.models.stage_examples import SIGNS_OF_SHOP, stage_examples

FRESH = customers(40, 9)
FACTS = CATALOGUE.as_dict(array("f", FRESH[0]))


def judgement_of(names: tuple[str, ...], contributions: list[list[float]]) -> Judgement:
    parts = np.array(contributions)
    return Judgement(np.full(len(parts), 0.5), parts, 0.0, names, "test")


def test_whatever_the_catalogue_holds_speaks_of_a_cause() -> None:
    catalogue = build_catalogue(Definition(traits=("tier", "age")))
    inputs = Inputs(catalogue, 30.0)
    for names in (catalogue.names, inputs.names):
        weights = Explainer().weigh(judgement_of(names, [[1.0] * len(names)]))
        assert sum(weights[0].parts) == len(names)


def test_a_new_input_without_a_cause_fails() -> None:
    with pytest.raises(ValueError, match="no cause speaks of the input 'moon_phase'"):
        Explainer().weigh(judgement_of(("recency", "moon_phase"), [[1.0, 1.0]]))


# -- exact sums ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.floats(-5, 5), min_size=len(INPUTS.names), max_size=len(INPUTS.names)))
def test_causes_add_up_to_all_contributions_strongest_first(parts: list[float]) -> None:
    explainer = Explainer()
    row = explainer.weigh(judgement_of(INPUTS.names, [parts]))[0]
    everything = explainer.all_causes(row, FACTS)
    assert sum(cause.contribution for cause in everything) == pytest.approx(sum(parts), abs=1e-9)
    strengths = [abs(cause.contribution) for cause in everything]
    assert strengths == sorted(strengths, reverse=True)
    assert {cause.code for cause in everything} <= set(CODES)

    raising = explainer.causes(row, FACTS)
    assert len(raising) <= 3
    assert all(cause.contribution > 0 for cause in raising)
    best = sorted((cause for cause in everything if cause.contribution > 0), key=lambda c: -c[2])
    assert [cause.contribution for cause in raising] == [cause.contribution for cause in best[:3]]
    assert [cause.code for cause in raising] == [cause.code for cause in best[:3]]


LEARNT = StagedLearner(SIGNS_OF_SHOP, panel_size=25)
LEARNT.learn(stage_examples(60))
JUDGES = {
    "before any label": StagedJudge.untaught(SIGNS_OF_SHOP, "prior"),
    "after some": StagedJudge.of(SIGNS_OF_SHOP, LEARNT.snapshot(1, {})),
}


@pytest.mark.parametrize("when", JUDGES)
def test_causes_and_intercept_are_the_sum_of_the_log_odds_of_all_stages(when: str) -> None:
    judgement = JUDGES[when].judge(FRESH)
    weighed = Explainer().weigh(judgement)
    for row, logits in enumerate(judgement.logits):
        total = sum(weighed[row].parts) + judgement.intercept
        assert total == pytest.approx(logits.sum(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("when", JUDGES)
def test_the_share_is_what_the_rhythm_alone_says(when: str) -> None:
    popularity = (SIGNS_OF_SHOP.kinds.at_first, LEARNT.popularity)[when == "after some"]
    said = SIGNS_OF_SHOP.read(FRESH, popularity).silent[:, 2]
    judgement = JUDGES[when].judge(FRESH)
    assert judgement.renewal == pytest.approx(said, rel=1e-9)
    if when == "before any label":
        assert judgement.renewal == pytest.approx(judgement.risks, rel=1e-9)
    else:
        assert np.abs(judgement.renewal - judgement.risks).max() > 0.01


def test_no_more_is_said_of_such_customers_than_the_risk() -> None:
    judgement = JUDGES["before any label"].judge(FRESH)
    explainer = Explainer()
    shares = [explainer.weigh(judgement)[row].silent for row in range(len(FRESH))]
    assert shares == pytest.approx(judgement.renewal, rel=1e-12)
    judgement.risks = np.where(np.arange(len(FRESH)) < 20, 0.8, 1.2) * judgement.risks
    weighed = explainer.weigh(judgement)
    learnt = [weighed[row].silent for row in range(len(FRESH))]
    assert learnt == pytest.approx([*judgement.risks[:20], *judgement.renewal[20:]], rel=1e-12)
    regular = {"recency": 31.0, "gap_usual": 9.0}
    (cause,) = explainer.causes(Weights([1.0], 0.9), regular)
    assert cause.text.endswith("silent for 31; nine of ten such customers do not come back")


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_causes_are_the_same_whoever_else_is_judged(size: int, seed: int) -> None:
    parts = np.random.default_rng(seed).normal(size=(40, len(INPUTS.names)))
    explainer = Explainer()
    whole = explainer.weigh(judgement_of(INPUTS.names, parts.tolist()))
    for start in range(0, 40, size):
        some = explainer.weigh(judgement_of(INPUTS.names, parts[start : start + size].tolist()))
        for place in range(len(some)):
            assert some[place].parts == whole[start + place].parts


def test_who_else_is_judged_does_not_change_the_share() -> None:
    judge = JUDGES["after some"]
    one_by_one = [float(judge.judge(FRESH[row : row + 1]).renewal[0]) for row in range(40)]
    assert judge.judge(FRESH).renewal.tolist() == one_by_one


def test_a_model_that_tells_no_parts_has_no_reasons() -> None:
    explainer = Explainer()
    weighed = explainer.weigh(Judgement(np.full(3, 0.9), np.zeros((3, 0)), 0.0, (), "tree-1"))
    assert len(weighed) == 3
    assert explainer.causes(weighed[2], FACTS) == explainer.all_causes(weighed[2], FACTS) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cause_can_be_told_again_from_its_code_and_numbers(language: str) -> None:
    explainer, other = Explainer("buys", "en"), Explainer("buys", language)
    judgement = JUDGES["after some"].judge(FRESH)
    weighed = explainer.weigh(judgement)
    for row, vector in enumerate(FRESH):
        facts = CATALOGUE.as_dict(array("f", vector))
        here = explainer.all_causes(weighed[row], facts)
        there = other.all_causes(weighed[row], facts)
        assert [other.tell(cause.code, cause.numbers) for cause in here] == [
            cause.text for cause in there
        ]
