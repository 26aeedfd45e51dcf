"""Versions of a policy file that say the same of everybody, and files that are none.

By which version was decided shows in its fingerprint and in the template of what is sent, and
nowhere else: so what must have come of a log does not hang on when a worker took one up.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any, Final

from features import Definition, build_catalogue
from models.playbooks import read_plan

_TEXT: Final = """
version = 1
holdout = { share = 0.2 }
cap = [ { channel = "email", most = 5, per = "30d" } ]

[[playbook]]
name = "remind"
priority = PRIORITY
when = { risk = { min = 0.1 } }
action = { kind = "message", channel = "email", template = "TEMPLATE", cost = 0.10 }
"""
#: The templates of the versions, all as long.
_TEMPLATES: Final = ("spring", "summer", "autumn", "winter")
VERSIONS: Final = tuple(
    _TEXT.replace("PRIORITY", str(10 + number)).replace("TEMPLATE", template)
    for number, template in enumerate(_TEMPLATES)
)
#: Where a file ends that is no policy yet, at the latest.
_WHOLE: Final = VERSIONS[0].index("action")


@cache
def fingerprints() -> tuple[str, ...]:
    """Return what each version is known by."""
    names = build_catalogue(Definition()).names
    return tuple(read_plan(text, names).fingerprint for text in VERSIONS)


def plain(data: bytes) -> bytes:
    """Return an alert or a ledger as it is by whatever version."""
    for fingerprint, template in zip(fingerprints(), _TEMPLATES, strict=True):
        data = data.replace(fingerprint.encode(), b"any-version.")
        data = data.replace(b'"template":"%s"' % template.encode(), b'"template":"any"')
    return data


def is_mixed(alert: dict[str, Any]) -> bool:
    """Whether an alert is by two versions at once, or by none that there was."""
    if "policy" not in alert:
        return False
    versions = dict(zip(fingerprints(), _TEMPLATES, strict=True))
    return bool(versions.get(alert["policy"]) != alert.get("offer", {}).get("template"))


class PolicyFile:
    """The policy file of a stage.

    Parameters
    ----------
    path
        Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self.replace()

    @property
    def version(self) -> str:
        """The fingerprint of what lies there when it is right."""
        return fingerprints()[self._number]

    def turn(self, dice: random.Random) -> None:
        """Go on to another version; nothing is written."""
        others = [number for number in range(len(VERSIONS)) if number != self._number]
        self._number = dice.choice(others)

    def replace(self) -> None:
        """Write it beside, and rename."""
        beside = self._path.with_suffix(".new")
        beside.write_text(VERSIONS[self._number], encoding="utf-8")
        beside.replace(self._path)

    def write(self) -> None:
        """Write it in place."""
        self._path.write_text(VERSIONS[self._number], encoding="utf-8")

    def write_half(self, dice: random.Random) -> None:
        """Write a part of it in place."""
        half = VERSIONS[self._number][: dice.randrange(_WHOLE)]
        self._path.write_text(half, encoding="utf-8")

    def write_wrong(self) -> None:
        """Write what is no policy."""
        wrong = VERSIONS[self._number].replace("template", "tmeplate")
        self._path.write_text(wrong, encoding="utf-8")

    def remove(self) -> None:
        """Take it away."""
        self._path.unlink()
