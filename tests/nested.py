"""A pytest of its own, with this suite's fixtures: from outside is seen how a run behaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.servers import clean_environment


def run_pytest(
    folder: Path, test: str, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the tests of one file in a pytest of its own."""
    # Only in a package below tests/ are its fixtures seen, and only a plugin brings them elsewhere.
    (folder / "test_one.py").write_text(test, encoding="utf-8")
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"),
            *("--rootdir", str(folder), "-c", os.devnull, *options),
        ],
        cwd=folder,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
