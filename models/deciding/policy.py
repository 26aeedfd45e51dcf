"""When to act on a risk, and when to leave a customer in peace."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from features import DAY, NEVER, Millis
from models.deciding.alert import Action, Arm, Band, Cause


class Standing(NamedTuple):
    """How things stand with a customer before a decision.

    Parameters
    ----------
    raised
        Alerted, and not yet back below the threshold by the hysteresis.
    alerted_at
        When the last alert was decided; -1 when none was.
    """

    raised: bool = False
    alerted_at: Millis = -1


class Because(NamedTuple):
    """Why an alert was decided, or none; put into words when somebody reads it.

    Parameters
    ----------
    code
        One of `WHY`; of other reasons the words themselves.
    numbers
        What the words are made of.

    Examples
    --------
    >>> str(Because("below", (0.213, 0.6))), str(Because("it rained"))
    ('risk 0.21 is below 0.60', 'it rained')
    """

    code: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        """Return the words."""
        return WHY.get(self.code, self.code).format(*self.numbers) if self.numbers else self.code


#: What can be said of a decision: of the risk and the threshold, or of the days since an alert.
#: The last three are of shops with a policy file.
WHY: Final = {
    "below": "risk {0:.2f} is below {1:.2f}",
    "reached": "risk {0:.2f} is at or above {1:.2f}",
    "resting": "alerted {0:.0f} days ago, and left in peace for {1:g}",
    "hovering": "alerted {0:.0f} days ago, and the risk has not been below {1:.2f} since",
    "unmatched": "risk {0:.2f} is at or above {1:.2f}, but no playbook is for this customer now",
    "unfunded": "risk {0:.2f} is at or above {1:.2f}, but limits leave no room for a playbook",
    "spared": "risk {0:.2f} is at or above {1:.2f}, but a playbook leaves this customer in peace",
}


class Verdict(NamedTuple):
    """What was decided, why, and how things stand from now on."""

    alert: bool
    because: Because
    arm: Arm
    band: Band
    standing: Standing

    @property
    def why(self) -> str:
        """Why, in words."""
        return str(self.because)


@dataclass(frozen=True)
class Policy:
    """When a customer is worth an alert.

    Parameters
    ----------
    threshold
        Risk from which a customer is alerted.
    hysteresis
        The risk must fall this far below the threshold before silence can alert again, so that
        a risk that hovers does not nag.
    cooldown
        Least time between two alerts of one customer, in milliseconds.
    holdout
        Share of customers who are never treated, the same ones every time, so that the effect
        of treating the others can be measured.
    salt
        Changes who is held out.
    valid
        How long an alert may be acted upon, in milliseconds.

    Examples
    --------
    >>> policy = Policy(threshold=0.6, hysteresis=0.1, cooldown=14 * DAY, holdout=0.0)
    >>> first = policy.decide("ada", 0, "silence", 0.7, Standing())
    >>> first.alert, first.why
    (True, 'risk 0.70 is at or above 0.60')
    >>> policy.decide("ada", 20 * DAY, "silence", 0.8, first.standing).why
    'alerted 20 days ago, and the risk has not been below 0.50 since'
    >>> calm = policy.decide("ada", 21 * DAY, "session_end", 0.1, first.standing)
    >>> policy.decide("ada", 40 * DAY, "silence", 0.7, calm.standing).alert
    True
    """

    threshold: float = 0.6
    hysteresis: float = 0.1
    cooldown: Millis = 14 * DAY
    holdout: float = 0.1
    salt: str = "ebbtide"
    valid: Millis = 7 * DAY

    def arm(self, user_id: str) -> Arm:
        """Return the customer's arm: always the same one for the same salt."""
        digest = blake2b(f"{self.salt}|{user_id}".encode(), digest_size=8).digest()
        share = int.from_bytes(digest) / 2**64
        return "holdout" if share < self.holdout else "treated"

    def band(self, risk: float) -> Band:
        """Return the risk in one word."""
        if risk >= self.threshold:
            return "high"
        return "medium" if risk >= self.threshold / 2 else "low"

    def decide(
        self, user_id: str, at: Millis, cause: Cause, risk: float, standing: Standing
    ) -> Verdict:
        """Decide whether to alert.

        Parameters
        ----------
        user_id
            The customer.
        at
            Event time of the decision point.
        cause
            Why the customer is looked at; trouble may alert a customer who is alerted already.
        risk
            Probability of churn.
        standing
            How things stand.

        Returns
        -------
        Verdict
            Also says why not.
        """
        arm, band = self.arm(user_id), self.band(risk)
        calm = self.left_alone(risk, standing)
        if risk < self.threshold:
            # By far the most.
            because = Because("below", (risk, self.threshold))
            return Verdict(False, because, arm, band, calm)
        # Somebody who was a visitor may have been alerted where time was ahead.
        since = max(at - standing.alerted_at, 0) if standing.alerted_at >= 0 else NEVER
        if since < self.cooldown:
            because = Because("resting", (since // DAY, self.cooldown / DAY))
        elif calm.raised and cause != "distress":
            rearm_below = self.threshold - self.hysteresis
            because = Because("hovering", (since // DAY, rearm_below))
        else:
            because = Because("reached", (risk, self.threshold))
            return Verdict(True, because, arm, band, Standing(True, at))
        return Verdict(False, because, arm, band, calm)

    def left_alone(self, risk: float, standing: Standing) -> Standing:
        """Return how things stand after a risk at which nobody is alerted.

        Examples
        --------
        >>> policy = Policy(threshold=0.6, hysteresis=0.1)
        >>> policy.left_alone(0.55, Standing(True, 7)), policy.left_alone(0.4, Standing(True, 7))
        (Standing(raised=True, alerted_at=7), Standing(raised=False, alerted_at=7))
        """
        if standing.raised and risk < self.threshold - self.hysteresis:
            return Standing(False, standing.alerted_at)
        return standing


#: What is suggested of each kind of action of a playbook.
_SUGGESTED: Final[dict[str, Action]] = {
    "coupon": "offer",
    "recommend": "remind",
    "message": "remind",
    "call": "call",
    "recover": "apologise",
    "nothing": "none",
}


def suggested_of(kind: str) -> Action:
    """Return what is suggested by a playbook's kind of action.

    Examples
    --------
    >>> suggested_of("coupon"), suggested_of("recover")
    ('offer', 'apologise')
    """
    return _SUGGESTED[kind]


def suggested_action(arm: Arm, cause: Cause, codes: list[str], risk: float) -> Action:
    """Return what we suggest to do: the mildest thing that speaks to the strongest reason.

    Parameters
    ----------
    arm
        A held-out customer must not be contacted.
    cause
        Why the customer was looked at.
    codes
        Codes of the reasons, strongest first.
    risk
        Probability of churn.

    Examples
    --------
    >>> suggested_action("treated", "distress", ["trouble"], 0.7)
    'apologise'
    >>> suggested_action("treated", "silence", ["silence"], 0.65)
    'remind'
    >>> suggested_action("holdout", "silence", ["silence"], 0.9)
    'none'
    """
    if arm == "holdout":
        return "none"
    if cause == "distress" or codes[:1] == ["trouble"]:
        return "call" if risk >= 0.9 else "apologise"
    return "offer" if risk >= 0.8 or "offers" in codes[:2] else "remind"
