"""The policy file is watched by what it says, however it is written, and only when it stays so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import Definition, build_catalogue
from models.playbooks import Plan, read_plan
from streams.live.policyfile import SETTLE, PolicyWatch, Unusable
from tests.streams.planned import CAPPED, PLAN, TEXT
from tests.streams.test_steered import LEARNT, STEERING

WRONG = TEXT.replace("risk = { min = 0.7 }", 'band = "hgih"')
BEYOND = CAPPED.replace('most = 3, per = "25d"', 'most = 101, per = "25d"')


class Watched:
    """A file, whoever watches it, and a clock that is set by hand."""

    def __init__(self, path: Path, text: str = TEXT) -> None:
        self.path, self.now = path, 1_000_000
        path.write_text(text, encoding="utf-8")
        self.watch = PolicyWatch(path, Definition())

    def look(self, after: int = 5_000) -> Plan | Unusable | None:
        self.now += after
        return self.watch.look(self.now)

    def settled(self) -> Plan | Unusable | None:
        """Look until it has lasted."""
        assert self.look() is None
        return self.look(SETTLE)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    made = Watched(tmp_path / "policy.toml")
    assert made.settled() == PLAN
    return made


def in_place(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def renamed(path: Path, text: str) -> None:
    beside = path.with_suffix(".swp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def at_the_same_time(path: Path, text: str) -> None:
    was = path.stat()
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.mark.parametrize("write", [in_place, renamed, at_the_same_time])
def test_what_it_says_now_is_told_once(
    watched: Watched, write: Callable[[Path, str], None]
) -> None:
    write(watched.path, CAPPED)
    assert watched.settled() == read_plan(CAPPED, build_catalogue(Definition()).names)
    assert [watched.look() for _ in range(3)] == [None] * 3
    write(watched.path, TEXT)
    assert watched.settled() == PLAN


def test_a_link_that_leads_elsewhere_is_another_file(tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap: a folder for each version, and a link that is swapped."""
    for name, text in (("v1", TEXT), ("v2", CAPPED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.toml").write_text(text, encoding="utf-8")
    (tmp_path / "..data").symlink_to("v1")
    path = tmp_path / "policy.toml"
    path.symlink_to("..data/policy.toml")
    watched = Watched(path)
    assert watched.settled() == PLAN
    (tmp_path / "..new").symlink_to("v2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    said = watched.settled()
    assert isinstance(said, Plan)
    assert said.caps


def test_a_file_that_is_just_being_written_is_left_alone(watched: Watched) -> None:
    # Its first playbooks alone would be a policy file too.
    half = CAPPED[: CAPPED.rindex("[[playbook]]")]
    assert len(read_plan(half, ()).playbooks) == 3
    watched.path.write_text(half, encoding="utf-8")
    assert watched.look() is None
    assert watched.watch.settling
    assert watched.look(SETTLE - 1) is None
    watched.path.write_text(CAPPED, encoding="utf-8")
    assert watched.look(SETTLE) is None
    said = watched.look(SETTLE)
    assert isinstance(said, Plan)
    assert len(said.playbooks) == 4
    assert not watched.watch.settling


def test_a_change_that_is_taken_back_is_none(watched: Watched) -> None:
    watched.path.write_text(WRONG, encoding="utf-8")
    assert watched.look() is None
    watched.path.write_text(TEXT, encoding="utf-8")
    assert [watched.look() for _ in range(3)] == [None] * 3
    assert not watched.watch.settling


def test_a_clock_that_goes_back_does_not_keep_it_from_settling(watched: Watched) -> None:
    watched.path.write_text(CAPPED, encoding="utf-8")
    assert watched.look() is None
    assert isinstance(watched.look(-3_600_000), Plan)


def lines_of(said: Plan | Unusable | None) -> tuple[str, ...]:
    assert isinstance(said, Unusable), said
    return said.wrong


def test_what_is_wrong_is_said_by_line_and_once(watched: Watched) -> None:
    watched.path.write_text(WRONG, encoding="utf-8")
    assert lines_of(watched.settled()) == (
        "line 27, playbook 'call', when.band: 'hgih' is no band; did you mean 'high'? (low, medium,"
        " high)",
    )
    assert watched.look() is None
    watched.path.write_text(TEXT, encoding="utf-8")
    assert watched.settled() == PLAN


def test_a_cap_that_would_have_to_remember_too_much_is_wrong_as_at_the_start(
    watched: Watched,
) -> None:
    watched.path.write_text(BEYOND, encoding="utf-8")
    assert (
        "cap number 2, most: 101 cannot be; write a whole number from 0 to 100"
        in lines_of(watched.settled())[0]
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1, the file: version is missing"),
        (b"version = 1 # \xff\n", "not UTF-8 at byte 14; save it as UTF-8"),
        (b"#" * 3_000_000, "far longer than a policy file can be"),
        (b"version = [", "not valid TOML"),
    ],
    ids=["empty", "no text", "too long", "no toml"],
)
def test_whatever_lies_there_is_told_in_words(watched: Watched, data: bytes, said: str) -> None:
    watched.path.write_bytes(data)
    assert any(said in line for line in lines_of(watched.settled()))


def test_a_file_that_is_gone_is_missed_and_welcome_back(watched: Watched) -> None:
    watched.path.unlink()
    (line,) = lines_of(watched.settled())
    assert line.endswith("policy.toml: cannot be read: No such file or directory; put it back")
    assert watched.look() is None
    watched.path.mkdir()
    assert "Is a directory" in lines_of(watched.settled())[0]
    watched.path.rmdir()
    watched.path.write_text(TEXT, encoding="utf-8")
    assert watched.settled() == PLAN


def test_lines_that_end_otherwise_are_the_same_version(watched: Watched) -> None:
    watched.path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert watched.settled() == PLAN


def test_what_was_learnt_is_watched_with_the_file_that_names_it(watched: Watched) -> None:
    response = watched.path.with_name("response.json")
    watched.path.write_text(TEXT + STEERING, encoding="utf-8")
    (line,) = lines_of(watched.settled())
    assert "response.json cannot be read: No such file or directory" in line
    response.write_bytes(LEARNT)
    first = watched.settled()
    assert isinstance(first, Plan)
    assert watched.look() is None
    response.write_bytes(LEARNT + b"\n")
    second = watched.settled()
    assert isinstance(second, Plan)
    response.write_bytes(LEARNT[:-20])
    assert "response.json" in lines_of(watched.settled())[0]
    response.unlink()
    assert "cannot be read" in lines_of(watched.settled())[0]
    # Once it is not named any more, nobody cares.
    watched.path.write_text(TEXT, encoding="utf-8")
    assert watched.settled() == PLAN
    response.write_bytes(b"of no use")
    assert watched.look() is None
    assert not watched.watch.settling


#: What may lie there at a look; None for nothing.
SAID = (TEXT, CAPPED, WRONG, CAPPED[: CAPPED.rindex("[[playbook]]")], None)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(range(len(SAID))), st.sampled_from([1, 400, 999, 1_000, 5_000])),
        max_size=30,
    )
)
def test_it_is_told_what_has_lasted_and_has_not_been_told(looks: list[tuple[int, int]]) -> None:
    """Beside an oracle that goes through all the looks so far, at each of them."""
    lies: list[str | None] = [None]

    def read(path: Path) -> bytes:
        if lies[0] is None:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return lies[0].encode()

    watch = PolicyWatch(Path("policy.toml"), Definition(), read)
    told: int | None = None
    past: list[tuple[int, int]] = []
    now = 0
    for number, pause in looks:
        now += pause
        lies[0] = SAID[number]
        past.append((number, now))
        since = now
        for before, at in reversed(past):
            if before != number:
                break
            since = at
        expected = number != told and now - since >= SETTLE
        said = watch.look(now)
        assert (said is not None) is expected
        assert watch.settling is (number != told and not expected)
        if expected:
            told = number
            assert isinstance(said, Unusable if SAID[number] in (WRONG, None) else Plan)
