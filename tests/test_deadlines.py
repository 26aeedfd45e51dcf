"""A test that waits for ever fails, says where it stands, and does not keep the others."""

from __future__ import annotations

import time
from pathlib import Path

from tests.nested import run_pytest

BRIEF = {"EBB_TEST_DEADLINE": "1"}
WAITING = """
import asyncio, time
import pytest
from hypothesis import given, strategies

async def for_godot():
    await asyncio.Event().wait()

@pytest.fixture(scope="module")
def server():
    time.sleep(60)

def test_a_task_waits():
    asyncio.run(for_godot())

@given(strategies.integers())
def test_an_example_waits(number):
    time.sleep(60)

@pytest.mark.parametrize("turn", range(5))
def test_its_server_never_comes(server, turn): pass

def test_others_go_on(): pass
"""
FAILING = """
import time
import pytest

@pytest.fixture
def stopping():
    yield
    time.sleep(60)

def test_it_fails_and_its_server_never_ends(stopping):
    assert False

def test_others_go_on(): pass
"""
DEAF = """
import signal, time
import pytest

def test_before_it(): pass

def test_it_cannot_be_interrupted():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(60)

def test_after_it(): pass
"""


def test_what_waits_is_interrupted_and_the_run_goes_on(tmp_path: Path) -> None:
    # A server that does not come is waited for once, not by everybody who needs it.
    began = time.monotonic()
    ended = run_pytest(tmp_path, WAITING, "-ra", "-s", **BRIEF)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "after 1 s test_one.py::test_a_task_waits has not ended" in said
    assert "in for_godot\n    await asyncio.Event().wait()" in said
    assert "after 1 s test_one.py::test_an_example_waits has not ended" in said
    assert "after 1 s test_one.py::test_its_server_never_comes[0] is not prepared" in said
    assert "in server" in said
    assert "3 deadlines are over: something is out of order" in said
    assert time.monotonic() - began < 50


def test_a_test_that_fails_must_end_too(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, FAILING, **BRIEF)
    assert "1 failed, 1 passed" in ended.stdout
    assert "its_server_never_ends is not cleared up after" in ended.stdout


def test_whoever_cannot_be_interrupted_is_replaced_and_its_test_not_run_again(
    tmp_path: Path,
) -> None:
    ended = run_pytest(tmp_path, DEAF, "-n1", **BRIEF)
    assert "crashed while running 'test_one.py::test_it_cannot_be_interrupted'" in ended.stdout
    assert "Timeout (0:00:02)!" in ended.stderr
    assert ended.stdout.count("replacing crashed worker") == 1
    assert "1 failed, 2 passed" in ended.stdout


def test_a_process_that_does_not_end_fails_the_run(tmp_path: Path) -> None:
    ending = (
        "import time\n"
        "def pytest_sessionfinish(session):\n"
        "    if hasattr(session.config, 'workerinput'): time.sleep(60)\n"
    )
    (tmp_path / "conftest.py").write_text(ending, encoding="utf-8")
    told = ("-n1", "--max-worker-restart=0")
    ended = run_pytest(tmp_path, "def test_it(): pass\n", *told, **BRIEF)
    assert "in pytest_sessionfinish" in ended.stderr
    assert "1 passed" in ended.stdout
    assert ended.returncode == 1


def test_a_run_of_which_nothing_is_heard_ends(tmp_path: Path) -> None:
    silent = (
        "import time\nfrom tests import deadlines\ndeadlines.SILENCE = 3.0\n"
        "def pytest_runtest_logfinish(): time.sleep(60)\n"
    )
    (tmp_path / "conftest.py").write_text(silent, encoding="utf-8")
    began = time.monotonic()
    ended = run_pytest(tmp_path, "def test_it(): pass\n", "-n1")
    assert "Timeout (0:00:03)!" in ended.stderr
    assert ended.returncode == 1
    assert time.monotonic() - began < 50
