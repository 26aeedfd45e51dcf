"""Whether acting on alerts helped: treated against held out, with bounds that may be watched."""

from models.effect.adjusting import adjusted
from models.effect.advice import Advice, advise
from models.effect.comparing import LEAST, Effect, compare
from models.effect.following import Followed, Following
from models.effect.grouping import DIMENSIONS, group_of
from models.effect.measuring import FIGURES, Line, Measured, Rules, measure
from models.effect.pace import weeks_until_clear
from models.effect.ratio import ALARM, mismatch
from models.effect.sequence import reach

__all__ = [
    "ALARM",
    "DIMENSIONS",
    "FIGURES",
    "LEAST",
    "Advice",
    "Effect",
    "Followed",
    "Following",
    "Line",
    "Measured",
    "Rules",
    "adjusted",
    "advise",
    "compare",
    "group_of",
    "measure",
    "mismatch",
    "reach",
    "weeks_until_clear",
]
