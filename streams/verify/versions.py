"""By which version of the policy file a decision was taken, and what follows from it.

Workers take up a file that changes, so decisions of one customer may be by several versions. Each
can be taken again by its own only. Of one whose version is not at hand, what was decided is known
all the same, and what comes after it rests on that: but no longer for certain, since how much the
version of then had remembered is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import UNSET

from features import Millis
from models.deciding import Alert, Decision, Ledger, Policy, Promised, Sent, Standing
from models.playbooks import memory_of, rememberable
from streams.pipeline import Shop

#: The version of a decision that was taken without a policy file.
NONE: Final = ""

NOT_RECORDED: Final = "not recorded any more"
NO_MODEL: Final = "the model that judged is not in the topic any more"
HURRIED: Final = "not the same, of customers whose log does not tell what was known by then"
UNTOLD: Final = "it is not recorded by which version of the policy file"
UNSURE: Final = "what a version that is not at hand had remembered may have counted"


def elsewhere(version: str) -> str:
    """Return why a decision by a version that is not at hand cannot be taken again."""
    if version == NONE:
        return "decided without a policy file"
    return (
        f"decided by version {version} of the policy file, which is not the one of now: name that"
        " file with --policy"
    )


def version_of(decision: Decision | None, alert: Alert | None) -> str | None:
    """Return by which version of the policy file was decided; None if that is not recorded.

    Of a decision that did not alert, because the risk was too low, no version was asked.

    Parameters
    ----------
    decision, alert
        What is recorded of it.

    Examples
    --------
    >>> from models.deciding import Because, Play
    >>> play = Play("6e34", "gift")
    >>> why = Because("reached", (0.7, 0.6))
    >>> decision = Decision(0, "silence", 0.7, "high", "treated", "m", True, why, (), play)
    >>> version_of(decision, None)
    '6e34'
    """
    if decision is not None and decision.play is not None:
        return decision.play.policy
    if alert is not None:
        return NONE if alert.policy is UNSET else alert.policy
    return NONE if decision is not None and decision.alert else None


class Versions:
    """The rules by each version of the policy file that is at hand.

    Parameters
    ----------
    shops
        That of now first.
    """

    def __init__(self, shops: Iterable[Shop]) -> None:
        self._shops: dict[str, Shop] = {}
        for shop in shops:
            self._shops.setdefault(NONE if shop.plan is None else shop.plan.fingerprint, shop)
        #: Whether some decision was taken by a version that is not at hand.
        self.missing = False

    def take_note(self, ledgers: Iterable[Ledger], alerts: Mapping[str, Alert]) -> None:
        """Learn from all that is recorded whether there are other versions."""
        decisions = (each for ledger in ledgers for each in ledger.decisions)
        found = {version_of(each, None) for each in decisions}
        found |= {version_of(None, each) for each in alerts.values()}
        self.missing = bool(found - {None} - self._shops.keys())

    def able(self, version: str | None, before: str | None) -> Sequence[Shop]:
        """Return the rules by which it may have been decided, the likeliest first.

        Parameters
        ----------
        version
            That of the decision, if it is recorded.
        before
            That of the customer's decision before, as far as it is known.
        """
        if version is not None:
            return [self._shops[version]] if version in self._shops else []
        names = sorted(self._shops, key=lambda name: name != before)
        return [self._shops[name] for name in names]


class SoFar:
    """How things stand with a customer while decisions are taken again, one after the other.

    Attributes
    ----------
    standing
        None where it is not known.
    sent
        What is remembered of what was done; at least that.
    sure
        Whether it is just that.
    version
        By which version was decided last.
    """

    def __init__(self) -> None:
        self.standing: Standing | None = Standing()
        self.sent: tuple[Sent, ...] = ()
        self.sure = True
        self.version: str | None = None
        #: When a version that is not at hand decided last, and when it or one before had alerted.
        self._doubted: Millis = -1
        self._alerted: Millis = -1

    def lose(self) -> None:
        """Take note that it is not known what was decided."""
        self.standing = None

    def decided(self, shop: Shop, standing: Standing, sent: tuple[Sent, ...]) -> None:
        """Take note of what was decided by rules that are at hand."""
        self.version = NONE if shop.plan is None else shop.plan.fingerprint
        self.standing, self.sent = standing, sent
        self.sure = self.sure or self._forgotten(shop, standing.alerted_at)

    def _forgotten(self, shop: Shop, alerted_at: Millis) -> bool:
        """Tell whether nothing is left of what the other version may have forgotten or known."""
        if any(each.at <= self._doubted for each in self.sent):
            return False
        if self._alerted < 0:
            return True
        # Where it had forgotten what it did, the time of the last alert stood for that, as of no
        # playbook: which no later action of the playbook puts out of mind, but time alone.
        if shop.plan is None or alerted_at <= self._doubted:
            return False
        return alerted_at - self._alerted >= memory_of(shop.plan)

    def take_over(self, promised: Promised) -> None:
        """Take note of what the customer was promised as a visitor."""
        mine = Promised(self.standing or Standing(), self.sent)
        both = mine.with_those_of(promised)
        self.sent = rememberable(both.sent)
        if self.standing is not None:
            self.standing = both.standing

    def decided_elsewhere(
        self,
        policy: Policy,
        at: Millis,
        risk: float,
        decision: Decision | None,
        alert: Alert | None,
        *,
        waiting: bool,
    ) -> None:
        """Take note of what was decided by rules that are not at hand.

        Parameters
        ----------
        policy
            When to act.
        at, risk
            When, and what came out.
        decision, alert
            What is recorded of it.
        waiting
            Whether an alert may be on its way.
        """
        before = self.standing
        if before is None or (waiting and decision is None and alert is None):
            self.lose()
            return
        self.sure, self._doubted, self._alerted = False, at, before.alerted_at
        if alert is None and (decision is None or not decision.alert):
            self.standing = policy.left_alone(risk, before)
            return
        self.standing, self._alerted = Standing(True, at), at
        done = Promised(before, self.sent).all_sent()
        self.sent = (*done, _sent(at, decision, alert))


def _sent(at: Millis, decision: Decision | None, alert: Alert | None) -> Sent:
    if alert is not None:
        offer = alert.offer
        return Sent(
            at,
            "" if alert.playbook is UNSET else alert.playbook,
            "" if alert.channel is UNSET else alert.channel,
            offer is not UNSET and offer.transactional,
        )
    play = None if decision is None else decision.play
    return Sent(at) if play is None else Sent(at, play.playbook, play.channel)


__all__ = [
    "HURRIED",
    "NONE",
    "NOT_RECORDED",
    "NO_MODEL",
    "UNSURE",
    "UNTOLD",
    "SoFar",
    "Versions",
    "elsewhere",
    "version_of",
]
