"""What a policy file asks for that the workers cannot hold to: it is refused, not passed over."""

from __future__ import annotations

from typing import Final

from models.playbooks.faults import Fault
from models.playbooks.lines import lines_of
from models.playbooks.plan import Plan
from models.playbooks.remembering import MOST_CAPPED

_CURE: Final = "the workers cannot hold to it yet; leave it out"


def unheld(plan: Plan, text: str) -> list[Fault]:
    """Return what the workers cannot hold to, by line.

    Parameters
    ----------
    plan
        As it was read.
    text
        Of the file.

    Examples
    --------
    >>> from models.playbooks.reading import read_plan
    >>> text = '''version = 1
    ... [[playbook]]
    ... name = "remind"
    ... budget = { day = 5.00 }
    ... action = { kind = "message", channel = "email" }
    ... '''
    >>> [str(each) for each in unheld(read_plan(text, ()), text)]
    ["line 4, playbook 'remind', budget: the workers cannot hold to it yet; leave it out"]
    """
    lines = lines_of(text)
    found: list[Fault] = []

    def refuse(where: str, *path: str | int) -> None:
        found.append(Fault(lines.get(path, 1), where, _CURE))

    if plan.rate is not None:
        refuse("limits.rate", "limits", "rate")
    for place, cap in enumerate(plan.caps):
        if cap.most > MOST_CAPPED:
            line = lines.get(("cap", place, "most"), 1)
            found.append(
                Fault(
                    line,
                    f"cap {place + 1}, most",
                    f"the workers remember {MOST_CAPPED} actions of a customer, and {cap.most} are"
                    f" more; write at most {MOST_CAPPED}",
                )
            )
    for place, playbook in enumerate(plan.playbooks):
        if not playbook.enabled:
            continue
        if any(amount is not None for amount in playbook.budget):
            refuse(f"playbook {playbook.name!r}, budget", "playbook", place, "budget")
    return sorted(found)


__all__ = ["unheld"]
