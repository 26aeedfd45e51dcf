"""Messages as bad as they come, of every class that was thought of, and good ones as odd as legal.

All from one seed. A bad message is of a class (`CLASSES`); the same good event may come twice.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from features import DAY, HOUR, MINUTE, Millis, to_iso

#: Stands in what customers write, and must stand in no reason.
SECRET: Final = "my phone is 555 0199"
#: A field may be any when the class does not tell which one is looked at first.
ANY: Final = "*"
#: The largest value that a topic of Kafka's own limits takes: 1 MiB and 12 bytes for a batch of
#: one message, whose own fields take up to 120, and a key of 1 KiB.
LARGEST: Final = 1024 * 1024 + 12 - 120 - 1024
#: The class of which there should not be too many.
HUGE: Final = "a string of 1 MiB"
#: The class that can be decoded, and is refused when it is compared with its arrival.
FUTURE: Final = "from the future"


class Bad(NamedTuple):
    """A message that cannot be used; ``field`` is what its dead letter must name, or `ANY`."""

    kind: str
    key: bytes | None
    value: bytes | None
    field: str


class Good(NamedTuple):
    """A message that must be applied, once."""

    user_id: str
    event_id: str
    value: bytes


Made: TypeAlias = tuple[bytes | None, str]
Maker: TypeAlias = Callable[[Random, Millis], Made]


def event(rng: Random, now: Millis, **fields: Any) -> dict[str, Any]:
    """Return the fields of a good event, all of them used."""
    return {
        "event_id": f"bad-{rng.getrandbits(64):x}",
        "user_id": f"shopper-{rng.randrange(1_000)}",
        "type": "purchase",
        "time": now - rng.randrange(HOUR),
        "session_id": "s-1",
        "price": 9.5,
        "quantity": 2,
        "currency": "EUR",
        "rating": 4,
        "text": f'Grüße "aus" Köln\n{SECRET} 😀',
        "traits": {"tier": "gold", "age": 37, "vip": True},
        "properties": {"colour": "grün", "weight": -1.5e-3, "gift": None},
        "v": 1,
        **fields,
    }


def encoded(fields: dict[str, Any], *, ascii_only: bool = False) -> bytes:
    return json.dumps(fields, ensure_ascii=ascii_only).encode()


def with_raw(rng: Random, now: Millis, field: str, raw: bytes) -> bytes:
    """Return an event one of whose values is these bytes, whatever they are."""
    name, _, inner = field.partition(".")
    mark = "@raw@"
    fields = event(rng, now, **{name: {inner: mark} if inner else mark})
    return encoded(fields).replace(f'"{mark}"'.encode(), raw)


def quoted(raw: bytes) -> bytes:
    return b'"' + raw + b'"'


# -- the classes ------------------------------------------------------------------------------

STRINGS: Final = ("event_id", "user_id", "type", "session_id", "text", "currency")
NUMBERS: Final = ("price", "quantity", "rating", "amount")
REQUIRED: Final = ("event_id", "user_id", "type", "time")
FREE: Final = ("properties.x", "traits.x")
# fmt: off
NO_TIMES: Final = (
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "-0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-23:59", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
    "300000-01-01T00:00:00Z", "+300000-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
    "2100-01-01T00:00:01Z", "2016-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "2026-01-01T00:00Z", "12:00",
    "2026-W01-1T00:00:00Z", "20260101T000000Z", "2026-01-01T00:00:00+25:00", "1e12", "P1D", "now",
    "2026-01-01T00:00:00+01", "1767225600000", "1767225600", "01/02/2026", "", " ",
    "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00Z[Europe/Berlin]", " 2026-01-01T00:00:00Z",
    "Thu, 01 Jan 2026 00:00:00 GMT", "\uff12\uff10\uff12\uff16-01-01T00:00:00Z",
)
# fmt: on


def random_bytes(rng: Random, now: Millis) -> Made:
    # No JSON begins so.
    return bytes([rng.randrange(128, 256)]) + rng.randbytes(rng.randrange(2_000)), ""


def cut(rng: Random, now: Millis) -> Made:
    whole = encoded(event(rng, now), ascii_only=rng.random() < 0.5)
    return whole[: rng.randrange(1, len(whole))], ANY


def wrong_type(rng: Random, now: Millis) -> Made:
    wrong: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(STRINGS, (0, 1.5, True, [], {}, ["ada"])),
        **dict.fromkeys(NUMBERS, ("9.5", "", True, [], {}, [1])),
        "time": (1.5, True, None, [], {}, "0"),
        "v": ("1", 1.5, None, [], True),
        "traits": ([], "gold", 1, None, [["tier", "gold"]]),
        "properties": ([], "gold", 1, None, True),
    }
    field = rng.choice(list(wrong))
    return encoded(event(rng, now, **{field: rng.choice(wrong[field])})), field


def missing(rng: Random, now: Millis) -> Made:
    field, fields = rng.choice(REQUIRED), event(rng, now)
    if rng.random() < 0.5:
        fields[field] = None
    else:
        del fields[field]
    return encoded(fields), field


def huge_number(rng: Random, now: Millis) -> Made:
    field = rng.choice((*NUMBERS, "time", "v", "extra", *FREE))
    raw = [
        b"1e999",
        b"-1e999",
        b"1E+4000",
        b"1" + b"0" * 400,
        b"-" + b"9" * 5_000,
        b"1e99999999999",
    ]
    raw += [str(2**63).encode(), str(2**64).encode(), str(-(2**63) - 1).encode()]
    return with_raw(rng, now, field, rng.choice(raw)), f"{field.split('.')[0]}*"


def out_of_bounds(rng: Random, now: Millis) -> Made:
    wrong: dict[str, tuple[Any, ...]] = {
        "price": (1.1e9, -1.1e9, 1e300),
        "quantity": (-1, -5e-324, 1e10),
        "rating": (-0.1, 5.000001, 10),
        "v": (0, -1, 2, 99),
        "currency": ("", "E", "EURO", "€"),
        "session_id": ("",),
        "user_id": ("",),
        "event_id": ("",),
        "type": ("",),
    }
    field = rng.choice(list(wrong))
    return encoded(event(rng, now, **{field: rng.choice(wrong[field])})), field


def no_number(rng: Random, now: Millis) -> Made:
    field = rng.choice((*NUMBERS, "time", "extra", *FREE))
    words = (b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-NaN", b"1.#INF", b"undefined")
    odd = (b"0x1F", b"01", b"+1", b".5", b"5.", b"1_000", b"1e", b"--1", b"1,5", b"\xc2\xbd")
    return with_raw(rng, now, field, rng.choice(words + odd)), ANY


def nested(rng: Random, now: Millis) -> Made:
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    depth = rng.choice((200, *(2_000, 5_000) * 4, 100_000))
    raw = opening * depth
    if rng.random() < 0.5:
        raw += b"1" + closing * depth
    field = rng.choice(("", "extra", "user_id", "time", "traits", *FREE))
    return (with_raw(rng, now, field, raw) if field else raw), ANY


def huge_string(rng: Random, now: Millis) -> Made:
    field = rng.choice(("event_id", "user_id", "type", "text", "extra", *FREE))
    empty = with_raw(rng, now, field, b'""')
    sign = rng.choice(("x", "é", "😀", "\\", "\u0000"))
    unit = json.dumps(sign, ensure_ascii=False)[1:-1].encode()
    text = unit * ((LARGEST - len(empty)) // len(unit))
    return empty.replace(b'""', quoted(text), 1) if field else text, ""


def long_string(rng: Random, now: Millis) -> Made:
    most = {"event_id": 200, "user_id": 200, "type": 100, "session_id": 200, "text": 4_000}
    field = rng.choice((*most, "extra", *FREE))
    length = most.get(field, 1_000) + rng.choice((1, 2, 1_000))
    raw = quoted(rng.choice("xé😀").encode() * length)
    return with_raw(rng, now, field, raw), f"{field.split('.')[0]}*"


def long_name(rng: Random, now: Millis) -> Made:
    name = rng.choice("xé😀\u0001") * rng.choice((0, 101, 1_000, 2_000))
    field = rng.choice(("traits", "properties", ""))
    fields = event(rng, now, **({field: {name: 1}} if field else {name: 1}))
    return encoded(fields), field or ANY


def too_many(rng: Random, now: Millis) -> Made:
    many = {f"k{number}": number for number in range(rng.choice((65, 100, 1_000)))}
    field = rng.choice(("traits", "properties", ""))
    fields = event(rng, now, **({field: many} if field else many))
    return encoded(fields), field or "properties"


def no_scalar(rng: Random, now: Millis) -> Made:
    raw = rng.choice((b"[]", b"{}", b"[1, 2]", b'{"a": "b"}', b"[null]"))
    field = rng.choice(("extra", "Ünbekannt", *FREE))
    return with_raw(rng, now, field, raw), f"{field.split('.')[0]}*"


def no_utf8(rng: Random, now: Millis) -> Made:
    raw = rng.choice(
        (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf5\x80\x80\x80", b"\x80")
    )
    field = rng.choice(("event_id", "user_id", "type", "text", "extra", *FREE))
    return with_raw(rng, now, field, quoted(b"a" + raw + b"b")), ANY


def lone_surrogate(rng: Random, now: Millis) -> Made:
    raw = rng.choice((rb"\ud800", rb"\udfff", rb"\ude00\ud83d", rb"\ud83dx", rb"\ud83d\u0041"))
    field = rng.choice(("event_id", "user_id", "type", "text", "extra", *FREE))
    return with_raw(rng, now, field, quoted(raw)), ANY


def control_character(rng: Random, now: Millis) -> Made:
    code = rng.randrange(32)
    if rng.random() < 0.5:
        field = rng.choice(("event_id", "user_id", "type", "text", "extra", *FREE))
        return with_raw(rng, now, field, quoted(b"a" + bytes([code]))), ANY
    field = rng.choice(("event_id", "user_id", "type"))
    return with_raw(rng, now, field, json.dumps(f"a{chr(code)}b").encode()), field


def no_object(rng: Random, now: Millis) -> Made:
    whole = encoded(event(rng, now)).decode()
    plain = ("[]", "1", "-0", '"x"', "null", "true", "[{}]", "1e5", f"[{whole}]", json.dumps(whole))
    return rng.choice(plain).encode(), ""


def nothing(rng: Random, now: Millis) -> Made:
    value = rng.choice((None, None, b"", b" ", b"\n", b"\0", b"{}", b"{ }", b"\r\n\t"))
    return value, ANY


def odd_time(rng: Random, now: Millis) -> Made:
    numbers = (-1, -62_135_596_800_000, 4_102_444_800_001, 2**53, 1e12, now / 1_000, float(now))
    return encoded(event(rng, now, time=rng.choice((*numbers, *NO_TIMES)))), "time"


def from_the_future(rng: Random, now: Millis) -> Made:
    at = now + rng.randrange(30, 20_000) * DAY
    return encoded(event(rng, now, time=rng.choice((at, to_iso(at))))), "time"


def compressed(rng: Random, now: Millis) -> Made:
    packers = (gzip.compress, zlib.compress, bz2.compress, lzma.compress)
    return rng.choice(packers)(encoded(event(rng, now))), ""


def other_encoding(rng: Random, now: Millis) -> Made:
    text = json.dumps(event(rng, now))
    return text.encode(rng.choice(("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7"))), ""


def other_format(rng: Random, now: Millis) -> Made:
    fields = event(rng, now)
    text = json.dumps(fields)
    if rng.random() < 0.3:
        return msgspec.msgpack.encode(fields), ""
    made = [repr(fields), "&".join(f"{k}={v}" for k, v in fields.items()), f"<event>{text}</event>"]
    made += (",".join(map(str, fields.values())), f"--- {text}\n...", f"data: {text}", f"){text}")
    return rng.choice(made).encode(), ""


def nearly_json(rng: Random, now: Millis) -> Made:
    text = json.dumps(event(rng, now))
    made = [text * 2, f"{text}\n{text}", f"{text} x", f"{text[:-1]},}}", f"{text}\0", f"// {text}"]
    made += (f"{text[:-1]} /* end */}}", text.replace(":", "", 1), text.replace(",", ";", 1))
    made += (text.replace('"', "", 2), text.replace('"user_id"', "user_id"), text + "]", text + ",")
    return rng.choice(made).encode(), ANY


def twice_and_wrong(rng: Random, now: Millis) -> Made:
    field = rng.choice(REQUIRED)
    whole = encoded(event(rng, now))
    wrong = b'"%s": []' % field.encode()
    made = b"{" + wrong + b", " + whole[1:], whole[:-1] + b", " + wrong + b"}"
    return rng.choice(made), field


CLASSES: Final[dict[str, Maker]] = {
    "random bytes": random_bytes,
    "truncated JSON": cut,
    "a wrong type": wrong_type,
    "a required field missing": missing,
    "a huge number": huge_number,
    "a number out of bounds": out_of_bounds,
    "not a number": no_number,
    "nested deeply": nested,
    HUGE: huge_string,
    "a long string": long_string,
    "a long name": long_name,
    "too many of them": too_many,
    "no scalar": no_scalar,
    "invalid UTF-8": no_utf8,
    "a lone surrogate": lone_surrogate,
    "a control character": control_character,
    "not an object": no_object,
    "nothing": nothing,
    "an odd time": odd_time,
    FUTURE: from_the_future,
    "compressed": compressed,
    "another encoding": other_encoding,
    "another format": other_format,
    "nearly JSON": nearly_json,
    "a key twice, once wrong": twice_and_wrong,
}


def bad_one(rng: Random, now: Millis, kind: str) -> Bad:
    """Return a malformed message of a class, under a key that says as little as can be."""
    value, field = CLASSES[kind](rng, now)
    if kind == FUTURE and value is not None:
        # It has a customer, and so a partition where it belongs.
        return Bad(kind, json.loads(value)["user_id"].encode(), value, field)
    keys = (None, None, b"", b"\0", b"\xff\xfe", b"ada", "Zoë".encode(), rng.randbytes(1_024))
    return Bad(kind, rng.choice(keys), value, field)


# -- good ones --------------------------------------------------------------------------------

NAMES: Final = (
    *(
        "ada",
        "björn",
        "用户",
        "مرحبا",
        "😀👩‍👩‍👧",
        "e\u0301",
        "a b",
        'quo"te',
        "back\\slash",
        "{}",
        "null",
        "NaN",
    ),
    *("0", "-1", "ada@example.com", "'; DROP TABLE", "__proto__", "\u202eada", "\uffff", "x" * 190),
)


def odd_details(rng: Random) -> dict[str, Any]:
    """Return what an event may say besides, at the bounds of what is legal."""
    floats = (0.0, -0.0, 1e9, -1e9, 5e-324, -5e-324, 0.1, 1e-300, 9.5, 1_000_000_000)
    details: tuple[dict[str, Any], ...] = (
        {},
        {"amount": rng.choice(floats)},
        {"price": rng.choice(floats), "quantity": rng.choice((0, -0.0, 1, 1e9, 5e-324))},
        {"rating": rng.choice((0, -0.0, 5, 2.5, 5e-324)), "text": "é😀\n\0" * 1_000},
        {"session_id": None, "item_id": None, "price": None, "currency": None, "order_id": "o"},
        {"properties": {f"k{number}": number for number in range(64)}},
        {"traits": {f"t{number}": rng.choice((None, True, 2**63 - 1)) for number in range(32)}},
        {"extra": rng.choice((2**63 - 1, -(2**63), 1.7e308, True, None, "é" * 1_000, "\0"))},
        {"Ünbekannt": 1, "": None, "😀": "😀"},
        {f"k{number}": "x" * 400 for number in range(64)},
        {"query": "\u001b[2J", "v": 1, "properties": {"\u0000": -0.0}},
    )
    chosen = dict(rng.choice(details))
    chosen.pop("", None)  # a name must have a character
    return chosen


def written_time(rng: Random, at: Millis) -> int | str:
    """Return a time in one of the ways in which it may be written."""
    iso = to_iso(at // 1_000 * 1_000)
    ways = (at, at, iso, iso.replace("T", " "), iso.lower(), iso.replace("Z", "+00:00"))
    return rng.choice((*ways, iso.replace("Z", ".123456789Z"), iso.replace("Z", "-00:00")))


def good_one(rng: Random, now: Millis, user_id: str, event_id: str) -> Good:
    """Return a good event of a customer, from the last days, written as oddly as is legal."""
    late = rng.choice((0, 0, 0, HOUR, DAY, 30 * DAY))
    fields = {
        "event_id": event_id,
        "user_id": user_id,
        "type": rng.choice(("purchase", "visit", "complaint", "wheel_spun", "påskønnet", "review")),
        "time": written_time(rng, now - late - rng.randrange(1_000, 30 * MINUTE)),
        **odd_details(rng),
    }
    items = list(fields.items())
    rng.shuffle(items)
    if rng.random() < 0.1:  # the last one counts
        text = json.dumps(dict(items))
        return Good(user_id, event_id, b'{"user_id": "nobody", ' + text.encode()[1:])
    write = rng.choice((json.dumps, partial(json.dumps, ensure_ascii=False, indent=1)))
    value = write(dict(items)).encode() + rng.choice((b"", b"\n", b" \t\r\n"))
    return Good(user_id, event_id, value)


class GoodOnes:
    """Good events of many customers; one in twenty is sent again.

    No customer has so many that an event could be too late to be told from a repeat.
    """

    def __init__(self, rng: Random, now: Millis, count: int) -> None:
        self._rng = rng
        self._now = now
        self._names = [f"{rng.choice(NAMES)}-{number}" for number in range(count // 20 + 1)]
        self._sent: list[Good] = []

    def next(self) -> Good:
        """Return a good event, or one that was sent before."""
        if self._sent and self._rng.random() < 0.05:
            return self._rng.choice(self._sent[-500:])
        name = self._rng.choice(self._names)
        made = good_one(self._rng, self._now, name, f"good-{len(self._sent)}")
        self._sent.append(made)
        return made
