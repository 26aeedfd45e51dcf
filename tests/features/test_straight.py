"""The features in one straight pass are those of the formulas, to the last bit."""

from __future__ import annotations

from hypothesis import given, settings

from features import DAY, Catalogue, CustomerState, Definition, Event, Feature, build_catalogue
from features.catalogue import FEATURES
from features.straight import STRAIGHT
from tests import oracle
from tests.features.histories import DEFINITIONS, START, happened, histories
from tests.features.test_catalogue import SILENCES
from tests.features.watching import after, fire_until


@settings(max_examples=150)
@given(histories(), DEFINITIONS, SILENCES)
def test_every_bit_is_that_of_the_formula(
    events: list[Event], definition: Definition, silences: list[int]
) -> None:
    catalogue = build_catalogue(definition)
    state = after(events, definition)
    last = max(event.at for event in oracle.counted(events))

    for at in sorted({last, *(last + silence for silence in silences)}):
        fire_until(state, at)
        assert catalogue.vector(state, at).tobytes() == catalogue.by_formulas(state, at).tobytes()


def test_nobody_is_read_alike_either_way() -> None:
    catalogue, state = build_catalogue(Definition()), CustomerState(Definition())
    assert catalogue.vector(state, START).tobytes() == catalogue.by_formulas(state, START).tobytes()


def test_every_built_in_feature_has_its_place_in_the_straight_pass() -> None:
    assert tuple(feature.name for feature in FEATURES) == STRAIGHT


def test_a_feature_of_somebody_elses_goes_by_its_formula_wherever_it_stands() -> None:
    own = Feature("noon", "own", "days", 0, "days since 1970", lambda seen: seen.day)
    state = after([happened(0, "purchase", START, amount=3.0)], Definition())
    at = START + DAY // 2

    for features in ((*FEATURES, own), (own, *FEATURES)):
        catalogue = Catalogue(features)
        found = catalogue.vector(state, at)
        assert found.tobytes() == catalogue.by_formulas(state, at).tobytes()
        assert found[catalogue.index["noon"]] == at / DAY
