"""Words that many shops tell of their customers, each as a number where a state is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from features.compact import Damaged

#: Names and values of traits, as shops, consent banners and SDKs write them: append only.
_WORDS: Final = (
    *("tier", "gender", "age_band", "context.timezone", "country", "language", "city", "plan"),
    *("email", "phone", "name", "first_name", "last_name", "firstName", "lastName", "birthday"),
    *("age", "company", "title", "username", "website", "avatar", "createdAt", "created_at"),
    *("loyalty", "segment", "newsletter", "email_opt_in", "sms_opt_in", "push_opt_in", "channel"),
    *("currency", "timezone", "region", "state", "postal_code", "zip", "source", "status"),
    *("consent.marketing", "consent.advertising", "consent.analytics", "consent.functional"),
    *("consent.personalization", "consent.preferences", "consent.statistics"),
    *("True", "False", "true", "false", "yes", "no", "0", "1", "2", "3", "4", "5"),
    *("male", "female", "other", "unknown", "none", "m", "f"),
    *("bronze", "silver", "gold", "platinum", "diamond", "basic", "free", "premium", "vip"),
    *("new", "active", "standard", "member", "guest"),
    *("18-24", "25-34", "35-44", "45-54", "55-64", "65+"),
    *("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "zh", "ja", "ko"),
    *("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "CN", "JP", "IN"),
)
_NUMBERS: Final[dict[str, int | str]] = {word: number for number, word in enumerate(_WORDS)}
_KNOWN: Final[dict[int | str, Any]] = dict(enumerate(_WORDS))


def written(traits: Mapping[str, str]) -> list[int | str]:
    """Return names and values in turn, in the order of the names; known words as numbers.

    Examples
    --------
    >>> written({"tier": "gold", "motto": "onward"})
    ['motto', 'onward', 0, 67]
    >>> read(written({"tier": "gold"}))
    {'tier': 'gold'}
    """
    words = list(chain.from_iterable(sorted(traits.items())))
    return list(map(_NUMBERS.get, words, words))


def read(words: Sequence[int | str]) -> dict[str, str]:
    """Return the traits of which `written` told.

    Raises
    ------
    Damaged
        If a number is no word.
    """
    plain = [_KNOWN.get(word, word) for word in words]
    if not all([isinstance(word, str) for word in plain]):
        raise Damaged("a trait is a word that this Ebbtide does not know")
    return dict(zip(plain[::2], plain[1::2], strict=True))
