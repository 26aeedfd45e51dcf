"""What kind of customer somebody is, and what judgements rest on, for people who run a shop."""

from models.understanding.cuts import Cut, NoCut, read_cut
from models.understanding.importance import Importance, Share
from models.understanding.segments import SEGMENTS, Lifecycle

__all__ = ["SEGMENTS", "Cut", "Importance", "Lifecycle", "NoCut", "Share", "read_cut"]
