"""Whether a condition of a playbook holds for a customer, and if not, what stands in its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from features import Millis, Told, Word
from models.playbooks.plan import Condition, Consent, OneOf
from models.playbooks.situation import Situation


class Hindrance(NamedTuple):
    """Why a playbook is not for a customer; put into words when somebody reads it (`say`).

    Parameters
    ----------
    code
        ``off``, ``below``, ``above``, ``unknown``, ``other``, ``without``, ``excluded``,
        ``refused``, ``unsubscribed``, ``resting``, ``peace``, ``capped``, ``harms``, ``loss``,
        ``budget`` or ``rate``.
    about
        Of a condition what it is about; of a cap or a consent the channel; of a budget whether it
        is that of the day or of the month.
    numbers
        Those of the customer first, then those of the playbook. Of a customer who has
        unsubscribed: when, in milliseconds.
    found, wanted
        The customer's words, and those of the playbook.
    """

    code: str
    about: str = ""
    numbers: tuple[float, ...] = ()
    found: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


def lacking(
    condition: Condition, situation: Situation, consents: Sequence[Consent] = ()
) -> Hindrance | None:
    """Return why a condition does not hold; None if it does.

    Parameters
    ----------
    condition
        Of a playbook.
    situation
        Of a customer.
    consents
        Of the plan.

    Examples
    --------
    >>> ada = Situation("ada", 0, risk=0.7, band="high", traits={"tier": "gold"})
    >>> lacking(OneOf("traits", "tier", ("silver",)), ada)
    Hindrance(code='other', about='tier', numbers=(), found=('gold',), wanted=('silver',))
    >>> lacking(OneOf("band", "", ("medium", "high")), ada) is None
    True
    """
    if isinstance(condition, OneOf):
        return _unlike(condition, situation, consents)
    about, key, least, most = condition
    name = key or about
    if about == "features":
        value = situation.facts.get(key)
    else:
        value = situation.risk if about == "risk" else situation.value
    if value is None:
        return Hindrance("unknown", name)
    if least is not None and value < least:
        return Hindrance("below", name, (value, least))
    if most is not None and value > most:
        return Hindrance("above", name, (value, most))
    return None


def _unlike(
    condition: OneOf, situation: Situation, consents: Sequence[Consent]
) -> Hindrance | None:
    about, key, words = condition
    if about == "consent":
        by_name = {each.name: each for each in consents}
        for name in words:
            if name not in by_name:
                return Hindrance("refused", name)
            if found := withheld(by_name[name], situation.traits):
                return found
        return None
    if about == "reasons":
        if any(word in situation.reasons for word in words):
            return None
        return Hindrance("without", about, (), situation.reasons, words)
    if about == "traits":
        value = situation.traits.get(key)
        if value is None:
            return Hindrance("unknown", key)
    else:
        value = _WORDS[about](situation)
    return None if value in words else Hindrance("other", key or about, (), (value,), words)


_WORDS = {
    "band": lambda situation: situation.band,
    "cause": lambda situation: situation.cause,
    "segment": lambda situation: situation.segment,
    "stage": lambda situation: situation.stage,
}


def excluding(
    condition: Condition, situation: Situation, consents: Sequence[Consent] = ()
) -> Hindrance | None:
    """Return that a condition of ``unless`` holds; None if it does not.

    Examples
    --------
    >>> from models.playbooks.plan import Within
    >>> excluding(Within("value", "", 50_00, None), Situation("ada", 0, 0.7, "high", value=80_00))
    Hindrance(code='excluded', about='value', numbers=(8000,), found=(), wanted=())
    """
    if lacking(condition, situation, consents) is not None:
        return None
    about, key, *_ = condition
    if isinstance(condition, OneOf):
        if about == "reasons":
            found = tuple(word for word in situation.reasons if word in condition.words)
        elif about == "consent":
            found = condition.words
        else:
            found = (situation.traits[key] if key else _WORDS[about](situation),)
        return Hindrance("excluded", key or about, (), found)
    value = situation.facts[key] if key else getattr(situation, about)
    return Hindrance("excluded", key or about, (value,))


def granted(consent: Consent, traits: Mapping[str, str]) -> bool:
    """Whether a customer has consented.

    Examples
    --------
    >>> email = Consent("email", "newsletter")
    >>> granted(email, {"newsletter": "True"}), granted(email, {"newsletter": "no"})
    (True, False)
    >>> granted(email, {})
    False
    """
    return withheld(consent, traits) is None


def withheld(consent: Consent, traits: Mapping[str, str]) -> Hindrance | None:
    """Return why nothing may go out for want of a consent; None if it is granted.

    A no of the customer's own (of an unsubscription) holds until the customer says yes, or, where
    the plan has it so, the shop tells a newer trait that grants it. Else what was said last holds,
    and of one moment the no. A trait of which nobody knows when it was told is older than any word.

    Examples
    --------
    >>> email, ada = Consent("email", "newsletter", renews=True), Told()
    >>> _ = ada.trait("newsletter", "yes", 5), ada.word("email", granted=False, at=7)
    >>> withheld(email, ada)
    Hindrance(code='unsubscribed', about='email', numbers=(7,), found=(), wanted=())
    >>> _ = ada.trait("newsletter", "yes", 8)
    >>> withheld(email, ada) is None, withheld(email._replace(renews=False), ada).code
    (True, 'unsubscribed')
    """
    value = traits.get(consent.trait)
    says_yes = consent.unknown if value is None else value.strip().lower() in consent.yes
    word, told_at = _last_word(consent.name, traits)
    since = told_at(consent.trait) if value is not None else _NEVER_TOLD
    refused = None if says_yes else Hindrance("refused", consent.name)
    if word is None:
        return refused
    if word.granted:
        return None if since < word.at else refused
    lifted = since > word.at and (consent.renews or not says_yes)
    return refused if lifted else Hindrance("unsubscribed", consent.name, (word.at,))


def barred(
    consents: Sequence[Consent], channels: Sequence[str], traits: Mapping[str, str]
) -> Hindrance | None:
    """Return why nothing may go out over some channels; None if it may.

    Over a channel without a consent of its name anything may, until the customer says no.

    Parameters
    ----------
    consents
        Of the plan.
    channels
        Over which something would.
    traits
        Of the customer.

    Examples
    --------
    >>> ada = Told()
    >>> _ = ada.word("", granted=False, at=7)
    >>> barred((), ("phone",), ada).code, barred((), ("phone",), {})
    ('unsubscribed', None)
    """
    asked = {consent.name for consent in consents}
    for consent in consents:
        if consent.name in channels and (found := withheld(consent, traits)):
            return found
    for channel in channels:
        word, _ = _last_word(channel, traits)
        if channel not in asked and word is not None and not word.granted:
            return Hindrance("unsubscribed", channel, (word.at,))
    return None


_NEVER_TOLD: Final[Millis] = -1


def _last_word(
    channel: str, traits: Mapping[str, str]
) -> tuple[Word | None, Callable[[str], Millis]]:
    """Return the customer's last word about a channel, and what says when a trait was told."""
    if isinstance(traits, Told):
        return traits.last_word(channel), traits.told_at
    return None, lambda _: _NEVER_TOLD


__all__ = ["Hindrance", "barred", "excluding", "granted", "lacking", "withheld"]
