"""Each process gets its lane, and what a crashed one leaves is run by others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.servers import ROOT
from tests.sharing import LONG, TOGETHER, Lanes

TESTS = [
    "tests/e2e/test_bad_input.py::test_one",
    "tests/e2e/test_cdnow.py::test_one",
    *(f"tests/e2e/test_waiting.py::test_{number}" for number in range(4)),
    *(f"tests/features/test_tiles.py::test_{number}" for number in range(5)),
    "tests/models/test_judging.py::test_one",
]


class Process:
    """A process that is sent tests, and runs the next when told of one after it, or of the end."""

    def __init__(self, lanes: Lanes, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.sent: list[str] = []
        self.ran: list[str] = []
        self._lanes = lanes
        lanes.add_node(self)

    def collects(self) -> None:
        self._lanes.add_node_collection(self, TESTS)
        if self._lanes.collection_is_completed:
            self._lanes.schedule()

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += [TESTS[index] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True

    def runs(self, most: int = len(TESTS)) -> None:
        for _ in range(most):
            ready = len(self.sent) - len(self.ran) - (not self.shutting_down)
            if ready < 1:
                return
            self.ran.append(self.sent[len(self.ran)])
            self._lanes.mark_test_complete(self, TESTS.index(self.ran[-1]))


@pytest.fixture
def lanes(pytestconfig: pytest.Config) -> Lanes:
    options = SimpleNamespace(loadscopereorder=False)
    words = {"tx": ["popen", "popen"], "loadscopereorder": False}
    config: Any = SimpleNamespace(option=options, getvalue=words.get, hook=pytestconfig.hook)
    return Lanes(config)


@pytest.fixture
def two(lanes: Lanes) -> tuple[Process, Process]:
    # Whoever is there first says nothing about who takes which.
    found = [Process(lanes, "gw1"), Process(lanes, "gw0")]
    for each in found:
        each.collects()
    return found[1], found[0]


def test_one_takes_what_waits_the_longest_first_and_helps_when_it_is_through(
    two: tuple[Process, Process],
) -> None:
    waiting, reckoning = two
    waiting.runs()
    assert [test.partition("::")[0][10:] for test in waiting.ran[:2]] == [
        "test_cdnow.py",
        "test_waiting.py",
    ]
    assert reckoning.sent == TESTS[6:11]
    assert sorted(waiting.ran) == sorted(set(TESTS) - set(reckoning.sent))
    reckoning.runs()
    assert sorted(waiting.ran + reckoning.ran) == sorted(TESTS)


def test_what_crashed_ones_leave_is_run_once_and_what_crashed_them_never_again(
    lanes: Lanes, two: tuple[Process, Process]
) -> None:
    waiting, reckoning = two
    waiting.runs(2)
    reckoning.runs(2)
    crashed = [lanes.remove_node(waiting)]
    # Who replaces the first does not know the tests yet when the second crashes, and gets none.
    third = Process(lanes, "gw2")
    crashed.append(lanes.remove_node(reckoning))
    assert crashed == [waiting.sent[2], reckoning.sent[2]]
    assert third.sent == []
    third.collects()
    third.runs()
    ran = waiting.ran + reckoning.ran + third.ran
    assert sorted([*ran, *map(str, crashed)]) == sorted(TESTS)
    assert not lanes.has_pending


def test_of_three_two_wait(lanes: Lanes) -> None:
    lanes.numnodes = 3
    three = [Process(lanes, f"gw{number}") for number in range(3)]
    for each in three:
        each.collects()
    first = [each.sent[0].partition("::")[0] for each in three]
    assert first == [
        "tests/e2e/test_cdnow.py",
        "tests/features/test_tiles.py",
        "tests/e2e/test_waiting.py",
    ]


def test_the_waiting_lane_goes_on_to_whoever_has_been_there_longest(
    lanes: Lanes, two: tuple[Process, Process]
) -> None:
    waiting, reckoning = two
    lanes.remove_node(waiting)
    reckoning.runs(4)
    assert reckoning.sent[5].startswith("tests/e2e/")


def test_a_replacement_comes_to_a_single_test_that_is_left(
    lanes: Lanes, two: tuple[Process, Process]
) -> None:
    waiting, reckoning = two
    waiting.runs()
    reckoning.runs(3)
    assert waiting.shutting_down
    assert lanes.remove_node(reckoning) == TESTS[9]
    third = Process(lanes, "gw2")
    third.collects()
    third.runs()
    assert third.ran == [TESTS[10]]


def test_every_file_that_is_named_is_there() -> None:
    named = {*LONG, *TOGETHER, *TOGETHER.values()}
    assert [file for file in sorted(named) if not (ROOT / file).is_file()] == []
    assert len(set(LONG)) == len(LONG)
