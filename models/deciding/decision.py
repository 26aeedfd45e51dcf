"""A decision, and how few bytes it is kept in: codes and numbers, no words.

What is the same for most decisions of a customer (the model's name, the threshold) is told apart
from what is not, so that the ledger need say it once. A decision that has anything that is not
foreseen here is kept as it is, as MessagePack; all others as whole numbers, in as few bytes as
each needs, but for the risk, which has three.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from struct import Struct
from struct import error as StructError
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from features import Damaged, Millis, pack_steps, scaled, unpack_steps, unscaled
from models.deciding.play import Play
from models.deciding.policy import Because
from models.judging import Ground
from models.learning import RISK_PARTS

#: The words that are kept as numbers: append only.
CAUSES: Final = ("silence", "distress", "session_end")
BANDS: Final = ("low", "medium", "high")
ARMS: Final = ("treated", "holdout")
WHYS: Final = ("below", "reached", "resting", "hovering")
#: Of each ground its numbers in the order in which they are kept: append only.
NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "silence": ("silent", "usual", "share"),
    "activity": ("recent", "before", "known"),
    "trouble": ("since", "complaints", "returns", "last"),
    "money": ("recent", "before", "known", "orders", "last", "mean"),
    "carts": ("carts", "checkouts"),
    "history": ("tenure", "days"),
    "offers": ("coupons",),
    "profile": (),
}
GROUNDS: Final = tuple(NUMBERS)
_CODES: Final = {code: place for place, code in enumerate(GROUNDS)}
_CODE_BITS: Final = 4
_CODE_MASK: Final = (1 << _CODE_BITS) - 1
#: In place of the risk, in the numbers of `Because`.
_RISKS: Final = ("below", "reached")
_THOUSANDTHS: Final = 1000
#: Of a decision that is kept in numbers: its model has a number; its risk is not told in parts of
#: `models.learning.RISK_PARTS` and has eight bytes.
_NUMBERED: Final = 1 << 6
_EXACT: Final = 1 << 7
_RISK_BYTES: Final = 3
_risk = Struct("<d")

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
        All else.
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
_decoder = msgspec.msgpack.Decoder(dict[str, Any])
_DAMAGE: Final = (
    *(LookupError, TypeError, ValueError, RuntimeError, StopIteration),
    *(msgspec.MsgspecError, StructError),
)


def keep(decision: Decision) -> Kept:
    """Return a decision in few bytes."""
    said = decision.cause, decision.risk, decision.version
    try:
        shared, rest = _keep(decision)
    except (LookupError, ValueError, TypeError, ArithmeticError):
        # Of an older version, of a model with causes of its own, or of a playbook.
        plain = msgspec.to_builtins(decision)
        del plain["at"]
        # It is read as floats, and must then be kept alike.
        because, numbers = decision.because
        plain["because"] = because, [float(number) for number in numbers]
        shared, rest = _ODD, _encoder.encode(plain)
    return Kept(decision.at, shared, rest, said)


def _keep(decision: Decision) -> tuple[Shared, bytes]:
    if decision.play is not None:
        raise ValueError("there are few of them, and names in them")
    cause, risk, (why, numbers) = decision.cause, decision.risk, decision.because
    because = WHYS.index(why)
    flags = CAUSES.index(cause) | BANDS.index(decision.band) << 2
    flags |= ARMS.index(decision.arm) << 4 | decision.alert << 5
    first, limit = numbers
    rest: list[Any] = []
    name, number = _numbered(decision.version)
    if number is not None:
        flags |= _NUMBERED
        rest.append(number)
    if why not in _RISKS:
        rest.append(scaled(first, 1))
    elif first != risk:
        raise ValueError("it was decided by another risk")
    for code, contribution, found, text in decision.grounds:
        names = NUMBERS[code]
        if text or len(found) > len(names):
            raise ValueError("it is told in words")
        # Which numbers are missing; mostly none is.
        missing = 0
        values = []
        for place, each in enumerate(names):
            value = found.get(each)
            if value is None:
                missing |= 1 << place
            else:
                values.append(scaled(value))
        if len(values) != len(found):
            raise ValueError("it has other numbers")
        rest += (missing << _CODE_BITS | _CODES[code], scaled(contribution, _THOUSANDTHS), *values)
    whole = round(risk * RISK_PARTS)
    if whole / RISK_PARTS == risk and not whole >> 8 * _RISK_BYTES:
        told = whole.to_bytes(_RISK_BYTES)
    else:
        flags |= _EXACT
        told = _risk.pack(risk)
    return (name, because, scaled(limit)), b"%c%b%b" % (flags, told, pack_steps(rest))


def recall(kept: Kept) -> Decision:
    """Return the decision that `keep` kept.

    Raises
    ------
    Damaged
        If it was not written so.
    """
    try:
        if kept.shared == _ODD:
            return msgspec.convert({"at": kept.at, **_decoder.decode(kept.rest)}, Decision)
        return _recall(kept)
    except _DAMAGE as error:
        raise Damaged(f"a decision cannot be read: {error}") from error


def _recall(kept: Kept) -> Decision:
    name, because, limit = kept.shared
    why = WHYS[because]
    flags, risk, numbers = _apart(kept.rest)
    rest = iter(numbers)
    version = f"{name}{next(rest)}" if flags & _NUMBERED else name
    first = risk if why in _RISKS else unscaled(next(rest), 1)
    grounds = []
    for head in rest:
        code = GROUNDS[head & _CODE_MASK]
        contribution = unscaled(next(rest), _THOUSANDTHS)
        found = {
            each: unscaled(next(rest))
            for place, each in enumerate(NUMBERS[code])
            if not head >> _CODE_BITS + place & 1
        }
        grounds.append(Ground(code, contribution, found))
    return Decision(
        kept.at,
        CAUSES[flags & 3],
        risk,
        BANDS[flags >> 2 & 3],
        ARMS[flags >> 4 & 1],
        version,
        bool(flags >> 5 & 1),
        Because(why, (first, unscaled(limit))),
        grounds,
    )


def _apart(rest: bytes) -> tuple[int, float, list[int]]:
    """Return flags, risk, and the numbers that follow."""
    flags = rest[0]
    if flags & _EXACT:
        (risk,) = _risk.unpack_from(rest, 1)
        return flags, risk, unpack_steps(rest[1 + _risk.size :])
    parts, numbers = rest[1 : 1 + _RISK_BYTES], rest[1 + _RISK_BYTES :]
    return flags, int.from_bytes(parts) / RISK_PARTS, unpack_steps(numbers)


def said_of(rest: bytes, shared: Shared) -> Said:
    """Return cause, risk and version of a decision that is kept.

    Raises
    ------
    Damaged
        If it was not written so.
    """
    try:
        if shared == _ODD:
            plain = _decoder.decode(rest)
            return plain["cause"], plain["risk"], plain["version"]
        flags, name = rest[0], shared[0]
        if not flags & (_EXACT | _NUMBERED):
            # Most are these; the rest of the numbers need not be read.
            return CAUSES[flags & 3], int.from_bytes(rest[1 : 1 + _RISK_BYTES]) / RISK_PARTS, name
        _, risk, numbers = _apart(rest)
        version = f"{name}{numbers[0]}" if flags & _NUMBERED else name
        return CAUSES[flags & 3], risk, version
    except _DAMAGE as error:
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
