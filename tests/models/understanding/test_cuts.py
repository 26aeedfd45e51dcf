"""A number that is cut puts everybody on one side of each edge."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.understanding import Cut, NoCut, read_cut
from models.understanding.cuts import groups_of

EDGES = st.lists(st.integers(-99, 99).map(lambda n: n / 4), min_size=1, max_size=4, unique=True)


@given(EDGES.map(sorted), st.integers(-400, 400).map(lambda n: n / 16))
def test_somebody_is_in_the_group_whose_edges_are_around_them(
    edges: list[float], value: float
) -> None:
    cut = Cut("spent", tuple(edges))
    groups = groups_of(cut)
    assert len(set(groups)) == len(edges) + 1
    assert groups.index(cut.of(value)) == sum(edge <= value for edge in edges)
    assert read_cut(str(cut)) == cut


def test_of_whom_there_is_no_number_nothing_is_told() -> None:
    assert {Cut("spent", (1.0,)).of(value) for value in (None, math.nan)} == {"unknown"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("orders", "write a name and where it is cut, such as orders:1:5"),
        ("Orders:1", "write a name and where it is cut"),
        (":1", "write a name and where it is cut"),
        ("orders:", "an edge is no number"),
        ("orders:many", "an edge is no number"),
        ("orders:inf", "an edge is no number"),
        ("orders:1:2:3:4:5", "5 edges; write at most 4"),
        ("orders:5:1", "write the edges in order, such as orders:1:5"),
        ("orders:1:1", "write the edges in order, such as orders:1"),
        ("orders:0.1234567891", "write the edges in order, such as orders:0.123456789"),
    ],
)
def test_what_is_no_cut_is_refused_with_what_would_be(word: str, said: str) -> None:
    with pytest.raises(NoCut) as caught:
        read_cut(word)
    assert str(caught.value).startswith(f"{word}: {said}")
