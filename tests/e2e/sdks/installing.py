"""The SDKs as their makers publish them: fetched once, by the hashes of what was looked at."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import ROOT
from tests.servers.apache_kafka import cache

#: Set, a run without SDKs fails where it would skip.
REQUIRED: Final = "EBB_TEST_REQUIRE_SDKS"
#: Debian 12 has it. `@segment/analytics-node` asks for 20, and runs on it all the same.
OLDEST_NODE: Final = 18
_HERE: Final = Path(__file__).parent
_LOCK: Final = ROOT / "requirements" / "sdks.txt"
_NODE_LOCK: Final = (_HERE / "package.json", _HERE / "package-lock.json")
_SECONDS: Final = 300


class NoSdks(Exception):
    """They are not to be had; says what would bring them."""


@dataclass(frozen=True)
class Sdks:
    """Where they lie: packages of Python, and a folder with ``node_modules``; None if not."""

    python: Path | None
    node: Path | None
    missing: Mapping[str, str]


def installed() -> Sdks:
    """Return the SDKs that are to be had, and why not for the others."""
    root = cache()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "fetching-sdks").open("w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        waiting = [_python(root), _node(root)]
        found: list[Path | None] = []
        missing = {}
        for name, fetching in zip(("Python", "Node"), waiting, strict=True):
            try:
                found.append(fetching.place())
            except NoSdks as error:
                found.append(None)
                missing[name] = str(error)
    return Sdks(*found, missing)


class _Fetching:
    """Something that is being fetched, unless it is there; both at the same time are sooner done.

    ``command`` works in a folder beside the place, so that the last step is a rename: whole or
    not at all.
    """

    def __init__(
        self, place: Path, command: Sequence[str], files: Sequence[Path] = (), why: str = ""
    ) -> None:
        self._place, self._why = place, why
        self._process: subprocess.Popen[bytes] | None = None
        if place.is_dir() or why:
            return
        self._folder = tempfile.TemporaryDirectory(dir=place.parent, prefix="fetching-")
        self._made = Path(self._folder.name, "sdks")
        self._made.mkdir()
        for file in files:
            shutil.copy(file, self._made)
        self._log = Path(self._folder.name, "log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._made,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def place(self) -> Path:
        """Wait for it, and return where it lies."""
        if self._process is None:
            if self._place.is_dir():
                return self._place
            raise NoSdks(self._why)
        with self._folder:
            try:
                code = self._process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            if code != 0:
                words = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise NoSdks("\n".join([f"not fetched ({code}):", *words[-8:]]))
            self._made.rename(self._place)
        return self._place


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _python(root: Path) -> _Fetching:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    exactly = ("--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:")
    return _Fetching(
        root / f"sdks-python-{version}-{_digest([_LOCK])}",
        [*pip, *exactly, "--target", ".", "-r", str(_LOCK)],
    )


def _node(root: Path) -> _Fetching:
    return _Fetching(
        root / f"sdks-node-{_digest(_NODE_LOCK)}",
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        _NODE_LOCK,
        _no_node(),
    )


def _no_node() -> str:
    """Return why the SDKs for Node cannot be run here; nothing where they can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no Node: apt install nodejs npm"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)\.", said.stdout)
    if major is None or int(major[1]) < OLDEST_NODE:
        return f"Node {OLDEST_NODE} or later is needed, this is {said.stdout.strip() or 'none'}"
    return ""
