"""A prediction whose label has become known: what the learner learns from."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis

EXAMPLE_VERSION: Final = 1


class TrainingExample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A decision point, the vector as it was scored, and what then happened.

    Parameters
    ----------
    example_id
        Deterministic; repeats are harmless.
    user_id
        The customer.
    at
        Event time of the prediction, in milliseconds.
    matured_at
        When the horizon had passed: ``at`` plus H, in milliseconds.
    cause
        Why the customer was looked at.
    label
        1: churned, no activity in (at, at + H]; 0: came back.
    risk, model_version
        What was predicted then, and by which model: a prequential test for free.
    treated
        Whether an alert of the treated arm went out at this decision.
    catalogue
        Fingerprint of the features' names and order.
    vector
        The features as they were scored, in the catalogue's order.
    """

    example_id: Annotated[str, Meta(min_length=1, max_length=200)]
    user_id: Annotated[str, Meta(min_length=1, max_length=200)]
    at: Millis
    matured_at: Millis
    cause: str
    label: Annotated[int, Meta(ge=0, le=1)]
    risk: Annotated[float, Meta(ge=0, le=1)]
    model_version: str
    treated: bool
    catalogue: str
    vector: Annotated[list[float], Meta(max_length=1_000)]
    v: Annotated[int, Meta(ge=1, le=EXAMPLE_VERSION)] = EXAMPLE_VERSION
