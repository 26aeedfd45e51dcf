"""Whether the model still fits, and whether another one fits better."""

from models.watching.challenge import ROUND, Guard, Rivalry, Trial
from models.watching.drift import Watch
from models.watching.losses import LossAlarm, loss_alarms
from models.watching.model_event import ModelEvent, model_event_id
from models.watching.pairs import Pairs
from models.watching.stability import Stability

__all__ = [
    "ROUND",
    "Guard",
    "LossAlarm",
    "ModelEvent",
    "Pairs",
    "Rivalry",
    "Stability",
    "Trial",
    "Watch",
    "loss_alarms",
    "model_event_id",
]
