"""What leaves the house: the alert that asks a CRM to act."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

ALERT_VERSION: Final = 1
#: CloudEvents type of an alert; a new version of the body gets a new type.
ALERT_TYPE: Final = "ebbtide.alert.v1"
CONTENT_TYPE: Final = "application/json"

Arm: TypeAlias = Literal["treated", "holdout"]
Band: TypeAlias = Literal["low", "medium", "high"]
Cause: TypeAlias = Literal["silence", "distress", "session_end"]
Action: TypeAlias = Literal["none", "remind", "offer", "apologise", "call"]

#: How what was learnt of playbooks has steered a decision.
Steering: TypeAlias = Literal["explored", "agreed", "steered"]

_Id = Annotated[str, Meta(min_length=1, max_length=200)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class Reason(msgspec.Struct, frozen=True):
    """One cause of a risk, in words that can be read out to a customer's agent.

    Parameters
    ----------
    code
        Stable name of the cause, such as ``silence``.
    text
        The cause with its numbers, in the shop's language: "usually comes every 9 days, silent
        for 31".
    contribution
        What it adds to the logit of the risk, or to the sum of the stages' logits; the
        contributions of all inputs and the intercept sum to it exactly.
    numbers
        What the text is made of, by name: with the code enough to tell it in another language.
    """

    code: str
    text: str
    contribution: float
    numbers: dict[str, float] = {}


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a playbook does, in the words of the policy file.

    Parameters
    ----------
    kind
        ``coupon``, ``recommend``, ``call``, ``message``, ``recover`` or ``nothing``.
    cost
        What it costs, in the shop's currency, whoever receives it.
    depth
        Of a coupon: the share of the price that it takes off.
    expires
        Of a coupon: when it is no longer good; counted from when it may be sent.
    template
        Which text, in the shop's CRM.
    transactional
        Whether the customer is owed it.
    """

    kind: Literal["coupon", "recommend", "call", "message", "recover", "nothing"]
    cost: Annotated[float, Meta(ge=0)] = 0.0
    depth: _Share = 0.0
    expires: _Moment | None = None
    template: str = ""
    transactional: bool = False


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A decision to act on one customer, published on ``interventions``.

    Parameters
    ----------
    alert_id
        Deterministic: the same decision always has the same id. Deduplicate by it.
    user_id
        The customer; also the Kafka key.
    decided_at
        Event time of the decision point.
    valid_until
        Acting later than this is worse than not acting.
    cause
        Why the customer was looked at: ``silence``, ``distress`` or ``session_end``.
    risk
        Probability of no activity in the ``horizon_days`` after ``decided_at``.
    band
        The risk in one word.
    reasons
        The strongest causes, strongest first.
    silence_days
        Days since the last activity.
    action
        What we suggest; ``none`` for a held-out customer, who must not be contacted.
    arm
        ``treated``, or ``holdout``: published so that the effect can be measured.
    horizon_days
        H, in days: what the risk is about.
    model_version
        Which model judged; ``prior`` before any was learnt.
    catalogue
        Fingerprint of the features' names and order.
    vector
        The features as they were scored.
    policy
        Fingerprint of the policy file that it was decided by. This and what follows is left out
        where there is none.
    playbook, variant
        By which playbook, and with which of its arms; ``only`` where it has one.
    holdout_share
        With which chance such a customer is held out, of everything or of this playbook.
    variant_share
        With which chance such a customer has this arm.
    channel
        Over which to act; left out where nothing is done.
    offer
        What to do; of a held-out customer, what would have been done.
    not_before
        Acting earlier disturbs the customer; left out where there is nothing to wait for.
    value
        What is lost with the customer within the horizon, in the shop's currency.
    currency
        ISO 4217, if the policy file names one.
    steering
        Where what was learnt steers the policy file: ``explored`` of a customer who goes by the
        file's order whatever was learnt, ``agreed`` where what was learnt has the same first, else
        ``steered``.

    Notes
    -----
    Sent as CloudEvents in binary mode: the attributes are headers (``ce_id`` is ``alert_id``,
    ``ce_type`` is ``ebbtide.alert.v1``), the value is this body.
    """

    alert_id: _Id
    user_id: _Id
    decided_at: _Moment
    valid_until: _Moment
    cause: Cause
    risk: _Share
    band: Band
    reasons: list[Reason]
    silence_days: Annotated[float, Meta(ge=0)]
    action: Action
    arm: Arm
    horizon_days: Annotated[float, Meta(gt=0)]
    model_version: str
    catalogue: str
    vector: dict[str, float]
    policy: str | UnsetType = UNSET
    playbook: str | UnsetType = UNSET
    variant: str | UnsetType = UNSET
    holdout_share: _Share | UnsetType = UNSET
    variant_share: _Share | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    offer: Offer | UnsetType = UNSET
    not_before: _Moment | UnsetType = UNSET
    value: float | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    steering: Steering | UnsetType = UNSET
    v: Annotated[int, Meta(ge=1, le=ALERT_VERSION)] = ALERT_VERSION


def cloud_event_headers(alert: Alert) -> list[tuple[str, bytes]]:
    """Return the CloudEvents attributes of an alert as Kafka headers (binary mode, 1.0).

    Parameters
    ----------
    alert
        The alert whose attributes are wanted.

    Returns
    -------
    list of (str, bytes)
        ``source`` and ``id`` together are the deduplication key.
    """
    time = alert.decided_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", ALERT_TYPE.encode()),
        ("ce_source", b"/ebbtide"),
        ("ce_id", alert.alert_id.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", alert.user_id.encode()),
        ("content-type", CONTENT_TYPE.encode()),
    ]
