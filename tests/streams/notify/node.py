"""The example for Node, beside the stock library that it verifies with."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.sdks.installing import REQUIRED, installed
from tests.servers import ROOT

EXAMPLES: Final = ROOT / "examples" / "webhooks"


def receiver_for_node(folder: Path) -> list[str]:
    """Return the command that runs the example; skip, loudly, where there is no Node."""
    sdks = installed()
    if sdks.node is None:
        words = f"no stock library for Node: {sdks.missing['Node']}"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{words} ({REQUIRED}=1)")
        pytest.skip(words)
    # Node looks for libraries beside the script.
    (folder / "node_modules").symlink_to(sdks.node / "node_modules")
    return ["node", str(shutil.copy(EXAMPLES / "receiver.mjs", folder))]
