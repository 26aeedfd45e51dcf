"""What somebody was promised by what was done for them: peace for a while, and not too much.

A visitor who turns out to be a customer brings it along: for the shopper, both are one.
"""

from __future__ import annotations

import msgspec

from models.deciding.policy import Standing
from models.deciding.sent import Sent


class Promised(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How things stand, and what was done, as far as limits may ask for it.

    Parameters
    ----------
    standing
        Whether alerted, and when.
    sent
        What was done, or would have been if they were not held out, the oldest first.
    """

    standing: Standing = Standing()
    sent: tuple[Sent, ...] = ()

    def all_sent(self) -> tuple[Sent, ...]:
        """Return what was done, with an alert that nothing more is known of.

        That is one from before there was a policy file.

        Examples
        --------
        >>> Promised(Standing(True, 7)).all_sent()
        (Sent(at=7, playbook='', channel='', transactional=False),)
        >>> Promised(Standing(True, 9), (Sent(9, "gift"),)).all_sent()
        (Sent(at=9, playbook='gift', channel='', transactional=False),)
        """
        last = self.standing.alerted_at
        if last < 0 or any(each.at == last for each in self.sent):
            return self.sent
        return tuple(sorted((*self.sent, Sent(last))))

    def with_those_of(self, other: Promised) -> Promised:
        """Return what two who are one were promised: all of it.

        Examples
        --------
        >>> ada = Promised(Standing(False, 9), (Sent(9, "gift"),))
        >>> both = ada.with_those_of(Promised(Standing(True, 7)))
        >>> both.standing, [each.at for each in both.sent]
        (Standing(raised=True, alerted_at=9), [7, 9])
        """
        mine, theirs = self.standing, other.standing
        standing = Standing(mine.raised or theirs.raised, max(mine.alerted_at, theirs.alerted_at))
        return Promised(standing, tuple(sorted((*self.all_sent(), *other.all_sent()))))


#: Of whom nothing was ever done for.
NOTHING_PROMISED = Promised()


__all__ = ["NOTHING_PROMISED", "Promised"]
