"""What a message's context tells of the customer: the clock they live by, what they agreed to.

Both become traits of the event, and so are kept with the customer, the last one told: where the
device is, and, of the shop's consent banner, the categories that somebody wants to know later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final, TypeAlias
from zoneinfo import available_timezones

from features import CATEGORY, DEVICE_ZONE
from streams.collect.tracking.carried import MAX_TRAITS

#: Calls that say where somebody is; others are too many to say it each time.
_OF_PLACES: Final = frozenset({"identify", "page", "screen"})
_LONGEST_ZONE: Final = 64

Traits: TypeAlias = dict[str, str | bool]


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name and name[:4] != "Etc/")


def zone_of(value: object) -> str | None:
    """Return a time zone as it is known everywhere; None for what is none, or says nothing.

    Browsers that hide where they are say ``UTC``.

    Examples
    --------
    >>> zone_of("Europe/Berlin"), zone_of("GMT+0200"), zone_of("UTC"), zone_of("../etc/passwd")
    ('Europe/Berlin', None, None, None)
    """
    if not isinstance(value, str) or len(value) > _LONGEST_ZONE:
        return None
    return value if value in _zones() else None


def told(call: str, timezone: object, agreed: object, categories: Collection[str]) -> Traits:
    """Return the traits that a context tells.

    Parameters
    ----------
    call
        Of the message.
    timezone
        ``context.timezone``, as it came; None where it is not wanted.
    agreed
        What somebody agreed to, in the form of ``context.consent``.
    categories
        Those that are kept.

    Examples
    --------
    >>> told("page", "Asia/Tokyo", {"categoryPreferences": {"ads": False}}, ("ads", "news"))
    {'context.timezone': 'Asia/Tokyo', 'consent.ads': False}
    """
    found: Traits = {}
    if timezone is not None and call in _OF_PLACES and (zone := zone_of(timezone)) is not None:
        found[DEVICE_ZONE] = zone
    if categories and isinstance(agreed, dict):
        given = agreed.get("categoryPreferences")
        answers = given if isinstance(given, dict) else {}
        for name in categories:
            # Only a plain yes or no is one; of others nothing is known.
            if isinstance(answer := answers.get(name), bool):
                found[CATEGORY + name] = answer
    return found


def tell(fields: dict[str, Any], traits: Mapping[str, str | bool]) -> None:
    """Add traits to an event, as far as there is room; what the shop tells itself is nearer."""
    own = fields.get("traits", {})
    room = MAX_TRAITS - len(own)
    fields["traits"] = {**dict(list(traits.items())[:room]), **own}


__all__ = ["tell", "told", "zone_of"]
