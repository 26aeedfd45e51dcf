"""Something happened to the models: what is told on ``model-events``."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from features import Millis

EVENT_VERSION: Final = 1
Kind = Literal["drift", "challenger", "better", "promoted", "retired"]


class ModelEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Drift, or news of a challenger.

    Parameters
    ----------
    event_id
        Deterministic; the same event may be sent twice.
    type
        'drift': the shop is not what was learnt. 'challenger': one was started because of it.
        'better': the challenger has proved better, and is not to take over by itself. 'promoted':
        it has taken over. 'retired': one that drift had started has not proved better.
    at
        Event time, in milliseconds.
    model
        Version that judged when it happened.
    challenger
        Version of the challenger; of 'promoted', the one that judges from now on. Empty if there
        was none.
    detector
        Of 'drift': 'page-hinkley', 'adwin' or 'stability'.
    feature
        Of 'drift': what has changed; 'loss', or the feature that has changed most.
    numbers
        What was found.
    """

    event_id: str
    type: Kind
    at: Millis
    model: str
    challenger: str = ""
    detector: str = ""
    feature: str = ""
    numbers: dict[str, float] = {}
    v: Annotated[int, Meta(ge=1, le=EVENT_VERSION)] = EVENT_VERSION


def model_event_id(kind: Kind, at: Millis, *who: str) -> str:
    """Return the id of an event: the same event always has the same one.

    Examples
    --------
    >>> model_event_id("drift", 0, "adwin") == model_event_id("drift", 0, "adwin")
    True
    """
    return blake2b("|".join((kind, str(at), *who)).encode(), digest_size=16).hexdigest()
