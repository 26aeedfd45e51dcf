"""The example for Node, beside the stock library that it verifies with."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.examples import EXAMPLES, with_packages_of_node


def receiver_for_node(folder: Path) -> list[str]:
    """Return the command that runs the example; skip, loudly, where there is no Node."""
    receiver = EXAMPLES / "webhooks" / "receiver.mjs"
    return ["node", str(shutil.copy(receiver, with_packages_of_node(folder)))]
