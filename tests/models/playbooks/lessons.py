"""What could have been learnt of playbooks."""

from __future__ import annotations

from models.playbooks import Group, Learnt


def learnt_of(*groups: Group, by: tuple[str, ...] = ("segment",)) -> Learnt:
    """Return a file of groups, of no time in particular."""
    return Learnt(version=1, first="", last="", horizon_days=30.0, alpha=0.05, by=by, groups=groups)


def group_of(
    playbook: str, lift: float, reach: float, where: tuple[str, ...] = (), held_out: int = 300
) -> Group:
    """Return a group of whom a playbook brings back so many more, give or take its reach."""
    return Group(
        playbook=playbook,
        where=where,
        treated=900,
        held_out=held_out,
        risk=0.8,
        lift=lift,
        error=reach / 3,
        low=lift - reach,
        high=lift + reach,
    )


__all__ = ["group_of", "learnt_of"]
