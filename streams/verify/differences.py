"""Where two accounts of one customer part, field by field and in words."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias
from zlib import crc32

from features import DAY, HOUR, NEVER, SECOND, Catalogue, CustomerState, Kind, to_iso
from models.deciding import Ledger

Fields: TypeAlias = dict[str, Any]
_ABSENT: Final = "nothing"
_TIMES: Final = frozenset(
    {"first_seen", "last_seen", "last_activity", "now", "check_due", "floor", "last_negative"}
    | {"session.start", "session.last"}
)
#: What also depends on how far timers had fired when an event came.
_BY_TIMERS: Final = ("state.now", "state.check_due", "state.session.", "ledger.", "timer")
_PLAIN: Final = (
    *("first_seen", "last_seen", "last_activity", "now", "check_due", "floor", "events"),
    *("negatives", "last_negative", "ratings", "ratings_sum", "last_rating"),
)
_PARTS: Final = ("money", "session", "rhythm")
#: A tile's key is its hour or day, shifted by five bits, and the kind of event.
_BITS: Final = 5


class Difference(NamedTuple):
    """A field that is not the same in both.

    Parameters
    ----------
    field
        Its path, such as ``state.tiles.days[2026-01-01 PURCHASE]``.
    stored, recomputed
        What is in Redis, and what the log gives, in words.
    """

    field: str
    stored: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.field}: {self.stored} stored, {self.recomputed} recomputed"

    @property
    def by_timers(self) -> bool:
        """Whether the field depends on how far timers had fired when an event came."""
        return self.field.startswith(_BY_TIMERS)


def state_differences(stored: CustomerState, recomputed: CustomerState) -> list[Difference]:
    """Return the fields of two states that differ, in the order of the state."""
    mine, theirs = dict(_fields(stored)), dict(_fields(recomputed))
    # What was stored before times were kept has none, and is told again by and by.
    timed = stored.traits.times.keys() & recomputed.traits.times.keys()
    for fields, state in ((mine, stored), (theirs, recomputed)):
        fields.update((f"told[{name}]", state.traits.times[name]) for name in sorted(timed))
    return list(_compare("state.", mine, theirs))


def ledger_differences(
    stored: Ledger, recomputed: Ledger, catalogue: Catalogue
) -> list[Difference]:
    """Return what differs of two ledgers, and does not depend on the model of the moment."""
    names = catalogue.names
    return list(
        _compare("ledger.", dict(_entries(stored, names)), dict(_entries(recomputed, names)), _text)
    )


def timer_difference(stored: int, recomputed: int) -> list[Difference]:
    """Return the difference of two timers, if there is one."""
    if stored == recomputed:
        return []
    return [Difference("timer", _moment(stored), _moment(recomputed))]


def _compare(
    prefix: str, stored: Fields, recomputed: Fields, text: Any = None
) -> Iterator[Difference]:
    for name in dict.fromkeys((*stored, *recomputed)):
        mine, theirs = stored.get(name, _ABSENT), recomputed.get(name, _ABSENT)
        if mine == theirs or (mine != mine and theirs != theirs):  # no number is itself
            continue
        words = text or (_moment if _is_time(name) else _text)
        yield Difference(prefix + name, words(mine), words(theirs))


def _fields(state: CustomerState) -> Iterator[tuple[str, Any]]:
    for name in _PLAIN:
        yield name, getattr(state, name)
    for kind, count in enumerate(state.kinds):
        if count:
            yield f"kinds[{_kind(kind)}]", count
    for part in _PARTS:
        whole = getattr(state, part)
        for name in sorted(name for name in whole.__slots__ if not name.startswith("_")):
            value = getattr(whole, name)
            if isinstance(value, list):
                yield from ((f"{part}.{name}[{place}]", one) for place, one in enumerate(value))
            else:
                yield f"{part}.{name}", value
    tiles = state.tiles
    for name, tile, width, length in (
        ("hours", tiles.hours, HOUR, 16),
        ("days", tiles.days, DAY, 10),
    ):
        for key, count in sorted(tile.items()):
            when = _moment((key >> _BITS) * width)[:length]
            yield f"tiles.{name}[{when} {_kind(key & ((1 << _BITS) - 1))}]", count
    for day, money in sorted(tiles.spend.items()):
        yield f"tiles.spend[{_moment(day * DAY)[:10]}]", money
    for event, second in sorted(state.ids.items()):
        yield f"ids[{event:08x}]", _moment(second * SECOND)
    yield from ((f"traits[{name}]", value) for name, value in sorted(state.traits.items()))
    for channel, (at, granted) in sorted(state.traits.words.items()):
        yield f"words[{channel or 'all'}]", f"{'yes' if granted else 'no'} {_moment(at)}"
    yield from ((f"visitors[{name:08x}]", count) for name, count in sorted(state.visitors.items()))
    if (trail := state.trail) is not None:
        yield "trail.customer", trail.customer or "nobody"
        yield "trail.since", _moment(trail.since)
        yield "trail.handed", trail.handed
        yield "trail.lost", trail.lost
        for place, data in enumerate(trail.events):
            yield f"trail.events[{place}]", f"{crc32(data):08x}"


def _entries(ledger: Ledger, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for each in ledger.pending:
        entry = f"pending[{_moment(each.at)} {each.cause}]"
        yield entry, "a prediction"
        yield f"{entry}.due", _moment(each.due)
        yield f"{entry}.returned_in", each.returned_in
        yield f"{entry}.passed", each.passed
        vector = array("f")
        if len(each.vector) != len(names) * vector.itemsize:
            yield f"{entry}.vector", f"{len(each.vector)} bytes"
            continue
        vector.frombytes(each.vector)
        for name, value in zip(names, vector, strict=True):
            yield f"{entry}.vector.{name}", value
    for decision in ledger.decisions:
        yield f"decisions[{_moment(decision.at)} {decision.cause}]", "a decision"


def _is_time(name: str) -> bool:
    return name in _TIMES or name.startswith("told[")


def _kind(number: int) -> str:
    known: Mapping[int, Kind] = Kind._value2member_map_  # type: ignore[assignment]  # an IntEnum's
    return known[number].name if number in known else str(number)


def _text(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _moment(value: Any) -> str:
    """Return a time in words, whatever a damaged state says that it is."""
    if value == NEVER:
        return "never"
    if value == -1:
        return "not yet"
    try:
        return to_iso(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return str(value)
