"""Whether acting on alerts helped: treated against held out, with bounds that may be watched."""

from models.effect.adjusting import adjusted
from models.effect.advice import REASONS, Advice, advise
from models.effect.comparing import LEAST, Effect, compare
from models.effect.following import Followed, Following
from models.effect.grouping import DIMENSIONS, NO_PLAYBOOK, RESPONSE, group_of
from models.effect.looking import Look, looks
from models.effect.measuring import FIGURES, Line, Measured, Rules, measure
from models.effect.pace import weeks_until_clear
from models.effect.ratio import ALARM, UNTOLD, Drawn, Split, evidence, split
from models.effect.response import EARLY, THIRDS, Case, Response, known_of, thirds
from models.effect.sequence import reach

__all__ = [
    "ALARM",
    "DIMENSIONS",
    "EARLY",
    "FIGURES",
    "LEAST",
    "NO_PLAYBOOK",
    "REASONS",
    "RESPONSE",
    "THIRDS",
    "UNTOLD",
    "Advice",
    "Case",
    "Drawn",
    "Effect",
    "Followed",
    "Following",
    "Line",
    "Look",
    "Measured",
    "Response",
    "Rules",
    "Split",
    "adjusted",
    "advise",
    "compare",
    "evidence",
    "group_of",
    "known_of",
    "looks",
    "measure",
    "reach",
    "split",
    "thirds",
    "weeks_until_clear",
]
