"""What a new version of a policy file changes, in a few words."""

from __future__ import annotations

from dataclasses import fields
from typing import Final, NamedTuple

from models.playbooks.plan import Plan, Playbook

#: The keys of the file that say what a plan keeps under another name.
_OF_FILE: Final = {
    "salt": "holdout",
    "cooldown": "limits",
    "rate": "limits",
    "caps": "cap",
    "consents": "consent",
    "prior": "value",
}
_OF_PLAYBOOK: Final = {"arms": "action"}


class Change(NamedTuple):
    """Something that is not as it was.

    Parameters
    ----------
    playbook
        Which; empty for what holds for all.
    kind
        ``added``, ``removed``, ``changed``, or ``moved`` for the order of the playbooks.
    keys
        Of what was changed: the keys of the file.

    Examples
    --------
    >>> str(Change("gift", "changed", ("when", "budget")))
    "playbook 'gift' is changed: when, budget"
    """

    playbook: str
    kind: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in words."""
        if self.kind == "moved":
            return "the playbooks stand in another order"
        if not self.playbook:
            return f"for all playbooks: {', '.join(self.keys)}"
        if self.kind == "changed":
            return f"playbook {self.playbook!r} is changed: {', '.join(self.keys)}"
        return f"playbook {self.playbook!r} is {'new' if self.kind == 'added' else 'gone'}"


def changes(old: Plan, new: Plan) -> list[Change]:
    """Return what a new version of a policy file changes.

    A playbook is known by its name: under another name it is another one.

    Parameters
    ----------
    old, new
        The two versions.

    Examples
    --------
    >>> gift, call = Playbook("gift", ()), Playbook("call", ())
    >>> old, new = Plan((gift, call)), Plan((call, Playbook("news", ())), cooldown=5)
    >>> for change in changes(old, new):
    ...     print(change)
    for all playbooks: limits
    playbook 'gift' is gone
    playbook 'news' is new
    """
    found = []
    of_all = _differing(old, new, ("playbooks", "fingerprint"), _OF_FILE)
    if of_all:
        found.append(Change("", "changed", of_all))
    before = {each.name: each for each in old.playbooks}
    after = {each.name: each for each in new.playbooks}
    found += [Change(name, "removed") for name in before if name not in after]
    found += [Change(name, "added") for name in after if name not in before]
    for name, playbook in after.items():
        if name in before:
            keys = _differing(before[name], playbook, (), _OF_PLAYBOOK)
            if keys:
                found.append(Change(name, "changed", keys))
    stayed = [name for name in before if name in after]
    if stayed != [name for name in after if name in before]:
        found.append(Change("", "moved"))
    return found


def _differing(
    one: Plan | Playbook, other: Plan | Playbook, left_out: tuple[str, ...], names: dict[str, str]
) -> tuple[str, ...]:
    keys = [
        names.get(field.name, field.name)
        for field in fields(one)
        if field.name not in left_out and getattr(one, field.name) != getattr(other, field.name)
    ]
    return tuple(dict.fromkeys(keys))


__all__ = ["Change", "changes"]
