"""A decision, and how few bytes it is kept in: codes and numbers, no words.

What is the same for most decisions of a customer (the model's name, the threshold) is told apart
from what is not, so that the ledger need say it once. A decision that has anything that is not
foreseen here is kept as it is.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from features import Damaged, Millis, scaled, unscaled
from models.deciding.play import Play
from models.deciding.policy import Because
from models.judging import Ground

#: The words that are kept as numbers: append only.
_CAUSES: Final = ("silence", "distress", "session_end")
_BANDS: Final = ("low", "medium", "high")
_ARMS: Final = ("treated", "holdout")
_WHYS: Final = ("below", "reached", "resting", "hovering")
#: Of each ground its numbers in the order in which they are kept: append only.
_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "silence": ("silent", "usual", "share"),
    "activity": ("recent", "before", "known"),
    "trouble": ("since", "complaints", "returns", "last"),
    "money": ("recent", "before", "known", "orders", "last", "mean"),
    "carts": ("carts", "checkouts"),
    "history": ("tenure", "days"),
    "offers": ("coupons",),
    "profile": (),
}
_GROUNDS: Final = tuple(_NUMBERS)
_CODES: Final = {code: place for place, code in enumerate(_GROUNDS)}
#: In place of the risk, in the numbers of `Because`.
_RISKS: Final = ("below", "reached")
_THOUSANDTHS: Final = 1000

#: What most decisions of a customer share: the model's name without its number, why, its limit.
Shared: TypeAlias = tuple[str, int, float]
_ODD: Final[Shared] = ("", -1, 0)
#: Cause, risk and version.
Said: TypeAlias = tuple[str, float, str]


class Decision(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A decision, also the one not to act.

    Parameters
    ----------
    at
        Event time of the decision point.
    cause, risk, version
        Why the customer was looked at, what came out, and by which model.
    band, arm, alert
        What was decided.
    because
        Why.
    grounds
        What raises the risk, strongest first; an `Explainer` puts it into words.
    play
        What the policy file said; None where it was not asked, or there is none.
    """

    at: Millis
    cause: str
    risk: float
    band: str
    arm: str
    version: str
    alert: bool
    because: Because
    grounds: list[Ground]
    play: Play | None = None

    @property
    def why(self) -> str:
        """Why, in words."""
        return why(self.because, self.play)


def why(because: Because, play: Play | None) -> str:
    """Return why something was decided, in words, with the playbook if there is one.

    Examples
    --------
    >>> why(Because("reached", (0.7, 0.6)), Play("6e34", "gift", "only", "coupon", "email"))
    'risk 0.70 is at or above 0.60; playbook gift: coupon over email'
    """
    return f"{because}; {play}" if play is not None and play.playbook else str(because)


class Kept(NamedTuple):
    """A decision as it is kept.

    Parameters
    ----------
    at
        Of the decision point.
    shared
        What others have too.
    rest
        All else, as MessagePack.
    said
        Where that is at hand.
    """

    at: Millis
    shared: Shared
    rest: bytes
    said: Said | None


def rounded(grounds: list[Ground]) -> list[Ground]:
    """Return grounds with what they contribute in thousandths, rounded up.

    That is more than anybody reads, and takes a quarter of the bytes; what raises a risk at all
    still does.

    Examples
    --------
    >>> rounded([Ground("offers", 0.71234, {"coupons": 2.0})])[0].contribution
    0.713
    """
    return [
        Ground(code, ceil(contribution * _THOUSANDTHS) / _THOUSANDTHS, numbers, text)
        for code, contribution, numbers, text in grounds
    ]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])


def keep(decision: Decision) -> Kept:
    """Return a decision in few bytes."""
    said = decision.cause, decision.risk, decision.version
    try:
        shared, rest = _keep(decision)
    except (LookupError, ValueError, TypeError):
        # Of an older version, of a model with causes of its own, or of a playbook.
        plain = msgspec.to_builtins(decision)
        del plain["at"]
        # It is read as floats, and must then be kept alike.
        because, numbers = decision.because
        plain["because"] = because, [float(number) for number in numbers]
        shared, rest = _ODD, [plain]
    return Kept(decision.at, shared, _encoder.encode(rest), said)


def _keep(decision: Decision) -> tuple[Shared, list[Any]]:
    if decision.play is not None:
        raise ValueError("there are few of them, and names in them")
    cause, risk, (why, numbers) = decision.cause, decision.risk, decision.because
    because = _WHYS.index(why)
    flags = _CAUSES.index(cause) | _BANDS.index(decision.band) << 2
    flags |= _ARMS.index(decision.arm) << 4 | decision.alert << 5
    first, limit = numbers
    if why in _RISKS:
        if first != risk:
            raise ValueError("it was decided by another risk")
        rest: list[Any] = [flags, risk]
    else:
        rest = [flags, risk, scaled(first, 1)]
    name, number = _numbered(decision.version)
    if number is not None:
        rest[0] = flags | 1 << 6
        rest.append(number)
    for code, contribution, found, text in decision.grounds:
        names = _NUMBERS[code]
        if text or len(found) > len(names):
            raise ValueError("it is told in words")
        rest += (_CODES[code], scaled(contribution, _THOUSANDTHS))
        missing = len(found)
        for each in names:
            value = found.get(each)
            if value is None:
                rest.append(None)
            else:
                rest.append(scaled(value))
                missing -= 1
        if missing:
            raise ValueError("it has other numbers")
    return (name, because, scaled(limit)), rest


def recall(kept: Kept) -> Decision:
    """Return the decision that `keep` kept.

    Raises
    ------
    Damaged
        If it was not written so.
    """
    try:
        fields = _decoder.decode(kept.rest)
        if kept.shared == _ODD:
            return msgspec.convert({"at": kept.at, **fields[0]}, Decision)
        return _recall(kept, fields)
    except (LookupError, TypeError, ValueError, msgspec.MsgspecError, StopIteration) as error:
        raise Damaged(f"a decision cannot be read: {error}") from error


def _recall(kept: Kept, fields: list[Any]) -> Decision:
    name, because, limit = kept.shared
    why = _WHYS[because]
    rest = iter(fields)
    flags, risk = next(rest), next(rest)
    first = risk if why in _RISKS else unscaled(next(rest), 1)
    version = f"{name}{next(rest)}" if flags >> 6 & 1 else name
    grounds = []
    for code in rest:
        contribution = unscaled(next(rest), _THOUSANDTHS)
        found = {}
        for each in _NUMBERS[_GROUNDS[code]]:
            value = next(rest)
            if value is not None:
                found[each] = unscaled(value)
        grounds.append(Ground(_GROUNDS[code], contribution, found))
    return Decision(
        kept.at,
        _CAUSES[flags & 3],
        risk,
        _BANDS[flags >> 2 & 3],
        _ARMS[flags >> 4 & 1],
        version,
        bool(flags >> 5 & 1),
        Because(why, (first, unscaled(limit))),
        grounds,
    )


def said_of(rest: bytes, shared: Shared) -> Said:
    """Return cause, risk and version of a decision that is kept, and leave the rest alone.

    Raises
    ------
    Damaged
        If it was not written so.
    """
    try:
        fields = _decoder.decode(rest)
        if shared == _ODD:
            plain = fields[0]
            return plain["cause"], plain["risk"], plain["version"]
        name, because, _ = shared
        flags = fields[0]
        if flags >> 6 & 1:
            name = f"{name}{fields[2 if _WHYS[because] in _RISKS else 3]}"
        return _CAUSES[flags & 3], fields[1], name
    except (LookupError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Damaged(f"a decision cannot be read: {error}") from error


@lru_cache(maxsize=256)
def _numbered(version: str) -> tuple[str, int | None]:
    """Return a model's name and number: ``bayes-`` and 75."""
    name, dash, digits = version.rpartition("-")
    if dash and digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0"):
        number = int(digits)
        if number < 1 << 63:
            return name + dash, number
    return version, None
