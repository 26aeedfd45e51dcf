"""What a visitor has allowed: to be known, to be counted without a name, or neither.

Consent comes in ``context.consent.categoryPreferences``, a yes or no for each category of the
shop's consent banner, or as RudderStack tells it, in ``context.consentManagement``. An absent
object means that nobody asked (unknown), an empty one that nothing was granted. Browsers can also
object by themselves, with ``DNT: 1`` (Do Not Track) or ``Sec-GPC: 1`` (Global Privacy Control).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

import msgspec

from features import HOUR, Event
from streams.collect.tracking.identity import digest, hidden_name

Otherwise: TypeAlias = Literal["keep", "anonymise", "refuse"]


class Standing(Enum):
    """What may be done with an event."""

    KEEP = "keep"
    #: Stored, but of nobody.
    ANONYMISE = "anonymise"
    REFUSE = "refuse"


@dataclass(frozen=True)
class ConsentRules:
    """What a source needs before it may know its customers.

    Parameters
    ----------
    required
        Categories that must all be granted; none needed when empty.
    without
        What becomes of an event without them: ``refuse``, or ``anonymise`` (stored, but of
        nobody).
    unknown
        Whether a message that says nothing about consent counts as granted.
    opted_out
        What becomes of an event whose browser sends Do Not Track or Global Privacy Control:
        ``anonymise``, ``refuse``, or ``keep`` to take no notice.

    Examples
    --------
    >>> ConsentRules(required=("analytics",)).standing({"categoryPreferences": {}})
    <Standing.REFUSE: 'refuse'>
    """

    required: tuple[str, ...] = ()
    without: Literal["anonymise", "refuse"] = "refuse"
    unknown: bool = True
    opted_out: Otherwise = "anonymise"

    def standing(self, consent: object, opted_out: bool = False) -> Standing:
        """Return what may be done with an event; the stricter of the two answers holds.

        Parameters
        ----------
        consent
            ``context.consent`` as it came; what cannot be read grants nothing.
        opted_out
            Whether the browser objected.

        Examples
        --------
        >>> rules = ConsentRules(required=("analytics",), without="anonymise")
        >>> rules.standing({"categoryPreferences": {"analytics": True}}).name
        'KEEP'
        >>> rules.standing({"categoryPreferences": {"analytics": False}}).name
        'ANONYMISE'
        >>> rules.standing(None).name, rules.standing(None, opted_out=True).name
        ('KEEP', 'ANONYMISE')
        """
        # Both rules at their mildest are the usual case, and this is asked for every event.
        if not self.required and not opted_out:
            return Standing.KEEP
        answers = set()
        if self.required and not self._granted(consent):
            answers.add(Standing(self.without))
        if opted_out:
            answers.add(Standing(self.opted_out))
        for strictest in (Standing.REFUSE, Standing.ANONYMISE):
            if strictest in answers:
                return strictest
        return Standing.KEEP

    def _granted(self, consent: object) -> bool:
        if consent is None:
            return self.unknown
        if not isinstance(consent, dict):
            return False
        given = consent.get("categoryPreferences")
        if given is None:
            return self.unknown
        # Only a plain yes is one: "false" is a text, and true to Python.
        return isinstance(given, dict) and all(given.get(name) is True for name in self.required)


def preferences(management: object) -> object:
    """Return RudderStack's ``consentManagement`` in the form of ``context.consent``.

    Parameters
    ----------
    management
        ``allowedConsentIds`` and ``deniedConsentIds``, lists of categories. Two empty lists say
        that nobody asked.

    Examples
    --------
    >>> preferences({"allowedConsentIds": ["analytics"], "deniedConsentIds": ["ads"]})
    {'categoryPreferences': {'analytics': True, 'ads': False}}
    >>> preferences({"allowedConsentIds": [], "deniedConsentIds": []}), preferences(None)
    (None, None)
    """
    if management is None:
        return None
    found: dict[str, bool] = {}
    for name, granted in (("allowedConsentIds", True), ("deniedConsentIds", False)):
        categories = management.get(name) if isinstance(management, dict) else 0
        if categories is None:
            continue
        if not isinstance(categories, list):
            # It cannot be read, and then it grants nothing.
            return {"categoryPreferences": {}}
        found |= {category: granted for category in categories if isinstance(category, str)}
    return {"categoryPreferences": found} if found else None


def without_identity(event: Event) -> Event:
    """Return what may be counted of somebody who may not be known.

    Left are what happened, to which product, for how much, with how many stars, and in which
    hour. Gone are everything that names or finds a person: the ids of customer, visitor,
    session and order, traits, properties, whatever was written or searched, the campaign, and
    the exact time. The event's id becomes a digest, so that a repeat is still known as one; the
    customer becomes one of a few collective names, `hidden_name`.

    Examples
    --------
    >>> event = Event(event_id="m-1", user_id="ada", type="review", time=5_000_000, rating=1.0,
    ...     item_id="sku-7", text="Ada Lovelace, St James's Square", properties={"ip": "::1"})
    >>> hidden = without_identity(event)
    >>> hidden.user_id, hidden.time, hidden.item_id, hidden.rating, hidden.text, hidden.properties
    ('hidden:58', 3600000, 'sku-7', 1.0, None, {})
    """
    return msgspec.structs.replace(
        event,
        event_id=digest(event.event_id.encode()),
        user_id=hidden_name(event.event_id),
        time=event.at // HOUR * HOUR,
        session_id=None,
        order_id=None,
        query=None,
        text=None,
        campaign=None,
        traits={},
        properties={},
    )
