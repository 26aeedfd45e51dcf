"""What stands in ``examples/`` and is run by the tests, as a user runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.sdks.installing import REQUIRED, installed
from tests.servers import ROOT
from tests.servers.backend import required

EXAMPLES = ROOT / "examples"


def with_packages_of_node(folder: Path) -> Path:
    """Return a folder in which Node finds the packages of the tests; skips, or fails, without."""
    sdks = installed()
    if sdks.node is None:
        why = f"no packages of Node: {sdks.missing.get('Node')}"
        pytest.fail(why) if required(REQUIRED) else pytest.skip(why)
    folder.mkdir(parents=True, exist_ok=True)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(sdks.node / "node_modules")
    return folder


class Crm:
    """One of the two CRMs of ``examples/crm``."""

    def __init__(self, language: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        if language == "node":
            with_packages_of_node(folder)
            shutil.copy(EXAMPLES / "crm" / "consume.mjs", folder)
            self._command = ["node", "consume.mjs"]
        else:
            self._command = [sys.executable, str(EXAMPLES / "crm" / "consume.py")]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [*self._command, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def lines_of(process: subprocess.Popen[str], timeout: float) -> list[str]:
    """Return what a process that ends well has printed."""
    try:
        said, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    return said.splitlines()
