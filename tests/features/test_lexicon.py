"""Words that are stored as numbers stay these numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import Damaged, lexicon

KNOWN = [lexicon.read([number, 0]) for number in range(109)]


def test_a_number_means_the_same_word_for_ever() -> None:
    """Append words; never change the order of those that are there."""
    words = [name for each in KNOWN for name in each]
    assert len(set(words)) == len(words)
    places = {
        0: "tier",
        3: "context.timezone",
        45: "consent.statistics",
        57: "5",
        67: "gold",
        79: "18-24",
    }
    assert {place: words[place] for place in places} == places
    assert words[108] == "IN"


@given(
    st.dictionaries(
        st.one_of(st.text(max_size=5), st.sampled_from(["tier", "gender"])),
        st.one_of(st.text(max_size=5), st.sampled_from(["gold", "True", "7"])),
    )
)
def test_traits_are_known_again(traits: dict[str, str]) -> None:
    words = lexicon.written(traits)
    assert lexicon.read(words) == traits
    assert words == lexicon.written(dict(reversed(traits.items())))


@pytest.mark.parametrize("words", [[-1, 0], [5_000, 0]])
def test_a_number_that_is_no_word_is_refused(words: list[int | str]) -> None:
    with pytest.raises(Damaged):
        lexicon.read(words)


def test_an_odd_word_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        lexicon.read([0, 1, 2])
