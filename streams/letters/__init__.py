"""What is known of dead letters: which there are, what became of them, how to send them again."""

from streams.letters.acceptance import Acceptance, Refusal
from streams.letters.letter import Letter, Marker, letter_or_marker
from streams.letters.redriving import Redrive, Redriven, open_redrive_producer
from streams.letters.showing import as_dict, escaped, moment, readable
from streams.letters.surveying import State, Survey, TooManyLetters, survey

__all__ = [
    "Acceptance",
    "Letter",
    "Marker",
    "Redrive",
    "Redriven",
    "Refusal",
    "State",
    "Survey",
    "TooManyLetters",
    "as_dict",
    "escaped",
    "letter_or_marker",
    "moment",
    "open_redrive_producer",
    "readable",
    "survey",
]
