"""What is read of a message's context, and what of it is kept.

Nothing is read but what is named here: no address, no user agent, no locale, no device. What is
not read cannot be stored. Kept are the campaign, the path of the page and the host that referred
to it; consent, traits, the session and the time zone are used and belong elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from streams.collect.tracking.carried import LONGEST_TEXT, cut
from streams.collect.tracking.identity import LONGEST_USER, fitted, read_id


class Page(msgspec.Struct, gc=False):
    """What is read of ``context.page``."""

    path: Any = None
    referrer: Any = None


class Campaign(msgspec.Struct, gc=False):
    """What is read of ``context.campaign``."""

    name: Any = None
    source: Any = None
    medium: Any = None


class Surroundings(msgspec.Struct, rename="camel", gc=False):
    """All that is read of a message's ``context``."""

    campaign: Campaign | None = None
    page: Page | None = None
    consent: Any = None
    consent_management: Any = None
    traits: Any = None
    session_id: Any = None
    timezone: Any = None


_contexts: Final = msgspec.json.Decoder(Surroundings)
_anything: Final = msgspec.json.Decoder()


def picked(parts: Mapping[str, Any]) -> Surroundings:
    """Return what can be read of a context of which some part has the wrong shape."""
    found = Surroundings(
        consent=parts.get("consent"),
        consent_management=parts.get("consentManagement"),
        traits=parts.get("traits"),
        session_id=parts.get("sessionId"),
        timezone=parts.get("timezone"),
    )
    if isinstance(page := parts.get("page"), dict):
        found.page = Page(page.get("path"), page.get("referrer"))
    if isinstance(campaign := parts.get("campaign"), dict):
        found.campaign = Campaign(*map(campaign.get, ("name", "source", "medium")))
    return found


def surroundings(raw: msgspec.Raw) -> Surroundings | None:
    """Return what is read of a context; None where there is none."""
    if not len(raw):
        return None
    try:
        return _contexts.decode(raw)
    except msgspec.ValidationError:
        parts = _anything.decode(raw)
        return picked(parts) if isinstance(parts, dict) else None


def merged(own: Surroundings | None, outer: Surroundings | None) -> Surroundings | None:
    """Return a message's own context, with that of its batch behind it."""
    if own is None or outer is None:
        return own or outer
    for name in Surroundings.__struct_fields__:
        if getattr(own, name) is None:
            setattr(own, name, getattr(outer, name))
    return own


def surround(fields: dict[str, Any], around: Surroundings) -> None:
    """Add what may be kept of a context; what the call says itself is nearer."""
    if session := read_id(around.session_id):
        fields["session_id"] = fitted(session, LONGEST_USER)
    page, campaign = around.page, around.campaign
    if page is None and campaign is None:
        return
    properties = fields.setdefault("properties", {})
    if page is not None:
        if "path" not in properties and (path := short_text(page.path)):
            properties["path"] = path
        if "referrer_host" not in properties and (host := host_of(page.referrer)):
            properties["referrer_host"] = host
    if campaign is not None:
        if "campaign" not in fields and (name := short_text(campaign.name)):
            fields["campaign"] = cut(name, LONGEST_USER)
        if "campaign_source" not in properties and (origin := short_text(campaign.source)):
            properties["campaign_source"] = origin
        if "campaign_medium" not in properties and (medium := short_text(campaign.medium)):
            properties["campaign_medium"] = medium


def short_text(value: object) -> str | None:
    """Return a text that a property can hold; None for what is none."""
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= LONGEST_TEXT else cut(value, LONGEST_TEXT)


def host_of(url: object) -> str | None:
    """Return the host of an address, without anything that may say who came from there.

    Examples
    --------
    >>> host_of("https://ada:secret@www.Example.com:8080/search?q=ada"), host_of("android-app")
    ('www.example.com', None)
    """
    # What is remembered must not be of any length.
    return _host(url[:LONGEST_TEXT]) if isinstance(url, str) and url else None


@lru_cache(maxsize=2_048)
def _host(url: str) -> str | None:
    try:
        return short_text(urlsplit(url).hostname)
    except ValueError:
        return None
