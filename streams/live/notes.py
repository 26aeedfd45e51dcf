"""How the model stands against its challenger, and what drift there was: the learner's notes."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis
from features.store import Store
from models.learning import Snapshot
from models.watching import ModelEvent, Trial, Watch
from streams.live.model import PARTITION
from streams.live.stopping import NewerVersion

NOTES: Final = "contest"
NOTES_VERSION: Final = 1

_snapshots = msgspec.json.Decoder(Snapshot)


class Notes(msgspec.Struct, kw_only=True):
    """What is known besides the models.

    Parameters
    ----------
    champion, challenger
        Who judges, and who is tried: names of the registry. The challenger's is empty if there is
        none.
    named
        The model of the settings, as of then: empty where an older version noted none.
    by_drift
        When drift has started the challenger; None if it is that of the settings.
    trial, standing
        The evidence, and what it says in words and numbers.
    made, first, evicted
        Pairs made, the first that counts, and those that had to make room.
    promoted_at, told_at
        When a challenger last took over, and was last called better without.
    watch
        The detectors of drift.
    events
        The last ones that were told.
    """

    champion: str
    challenger: str = ""
    named: str = ""
    by_drift: Millis | None = None
    trial: Trial = msgspec.field(default_factory=Trial)
    standing: dict[str, float] = {}
    made: int = 0
    first: int = 0
    evicted: int = 0
    promoted_at: Millis | None = None
    told_at: Millis | None = None
    watch: Watch = msgspec.field(default_factory=Watch)
    events: list[ModelEvent] = []
    v: Annotated[int, Meta(ge=1, le=NOTES_VERSION)] = NOTES_VERSION

    def encode(self) -> bytes:
        """Return the notes as JSON."""
        return msgspec.json.encode(self)


_decoder = msgspec.json.Decoder(Notes)


async def read_notes(store: Store) -> Notes | None:
    """Return the learner's notes; None before the first.

    Raises
    ------
    NewerVersion
        If a newer Ebbtide wrote them.
    """
    page = await store.read(PARTITION, [NOTES], -1, 0)
    data = page.records[NOTES].state
    if data is None:
        return None
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise NewerVersion(
            f"what the learner noted in Redis was written by a newer Ebbtide ({error}; this one "
            f"knows version {NOTES_VERSION}): run that one"
        ) from None


def as_snapshot(data: bytes | None) -> Snapshot | None:
    """Return a stored snapshot; None if there is none."""
    return None if data is None else _snapshots.decode(data)
