"""Whether the model still fits, and whether another one fits better."""

from models.watching.challenge import ROUND, Guard, Rivalry, Trial
from models.watching.drift import Watch
from models.watching.model_event import ModelEvent, model_event_id
from models.watching.pairs import Pairs
from models.watching.stability import Stability

__all__ = [
    "ROUND",
    "Guard",
    "ModelEvent",
    "Pairs",
    "Rivalry",
    "Stability",
    "Trial",
    "Watch",
    "model_event_id",
]
