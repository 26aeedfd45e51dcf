"""What another policy would have decided in a finished backtest, and what it would have brought."""

from streams.trial.decided import Decided, read_decided
from streams.trial.logged import Trial, Trials, WrongLog, read_trials, trials_of
from streams.trial.scenes import as_if_consented, read_scenes
from streams.trial.trying import Joined, join, value_as_dict, worth
from streams.trial.whatif import Alternative, Tried, try_policy, what_if

__all__ = [
    "Alternative",
    "Decided",
    "Joined",
    "Trial",
    "Trials",
    "Tried",
    "WrongLog",
    "as_if_consented",
    "join",
    "read_decided",
    "read_scenes",
    "read_trials",
    "trials_of",
    "try_policy",
    "value_as_dict",
    "what_if",
    "worth",
]
