"""The protocol that this collector speaks, put together from its parts."""

from __future__ import annotations

from functools import lru_cache

from streams.collect.taking import Segment
from streams.collect.tracking import (
    REFUSALS,
    BadRequest,
    ConsentRules,
    Source,
    may_keep,
    read_request,
    translate,
)
from streams.settings import Settings


def segment(settings: Settings) -> Segment:
    """Return the Segment protocol, with what the settings say of consent.

    Parameters
    ----------
    settings
        All of them.
    """
    own = settings.collect
    rules = ConsentRules(
        required=own.consent,
        without=own.without_consent,
        unknown=own.unasked,
        opted_out=own.opted_out,
    )

    @lru_cache(maxsize=1_000)
    def source(name: str) -> Source:
        return Source(
            name,
            rules,
            own.currency or None,
            zones=own.timezone,
            categories=own.categories,
        )

    return Segment(read_request, translate, source, BadRequest, may_keep, REFUSALS)
