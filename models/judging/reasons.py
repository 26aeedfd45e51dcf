"""Why a risk is what it is, in words that can be read out.

A linear judgement is a sum, so its parts are exact. Inputs that speak of the same thing are
added up into one cause, and a cause is told with the customer's own numbers. The texts state
facts that are true of the customer whatever the model made of them: `causes` chooses the numbers,
`phrases` puts them into a language.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.judging.causes import CODES, TOPICS, Facts, Topic, code_of
from models.judging.phrases import Numbers, phrases_in
from models.learning import Judgement


class Cause(NamedTuple):
    """A cause of a risk.

    Parameters
    ----------
    code
        Its stable name.
    text
        What it says, in the explainer's language.
    contribution
        What it adds to the logit.
    numbers
        What the text is made of: `Explainer.tell` makes it anew in another language.
    """

    code: str
    text: str
    contribution: float
    numbers: dict[str, float]


class Ground(NamedTuple):
    """A cause of a risk before it is put into words, which is done when somebody reads it.

    Parameters
    ----------
    code, contribution, numbers
        As of a `Cause`.
    text
        The words, where only they were kept; else empty.
    """

    code: str
    contribution: float
    numbers: dict[str, float]
    text: str = ""


class Weights(NamedTuple):
    """What each cause adds to one logit; and the share of such customers that does not come back.

    Parameters
    ----------
    parts
        One for each of `CODES`.
    silent
        P(no visit until H) by the rhythm alone, but no more than the risk: where the model has
        learnt better, nobody should read "nine of ten" beside .6. None where it is not known.
    """

    parts: list[float]
    silent: float | None


class Weighed:
    """What each cause adds to each of many logits, to be taken row by row.

    Parameters
    ----------
    parts
        Shape (decision points, causes).
    risks
        What the model says, shape (decision points,).
    silent
        P(no visit until H) by the rhythm alone, shape (decision points,); None where the model
        does not say.
    """

    __slots__ = ("_rows", "parts", "risks", "silent")

    def __init__(
        self,
        parts: npt.NDArray[np.float64],
        risks: npt.NDArray[np.float64],
        silent: npt.NDArray[np.float64] | None,
    ) -> None:
        self.parts = parts
        self.risks = risks
        self.silent = silent
        self._rows: list[Weights] = []

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, row: int) -> Weights:
        if not self._rows:
            # All at once: a number at a time, numpy is slow.
            shares: list[float | None] = [None] * len(self)
            if self.silent is not None:
                shares = np.minimum(self.silent, self.risks).tolist()
            self._rows = list(map(Weights, self.parts.tolist(), shares))
        return self._rows[row]


class _Grouping:
    """Sums of the inputs of each cause: rounded alike for one customer and for many.

    A matrix product would be shorter, but its rounding depends on how many are judged at once,
    and what is decided must not.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        topics = np.array([CODES.index(code_of(name)) for name in names], dtype=np.intp)
        self._order = np.argsort(topics, kind="stable")
        self._present, self._starts = np.unique(topics[self._order], return_index=True)

    def sums(self, contributions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(contributions), len(CODES)))
        if len(self._order):
            sorted_by_cause = contributions.take(self._order, axis=1)
            found[:, self._present] = np.add.reduceat(sorted_by_cause, self._starts, axis=1)
        return found


class Explainer:
    """From judgements to causes.

    Parameters
    ----------
    verb
        What an active customer of this shop does: ``comes``, or ``buys`` where only purchases
        count as activity.
    language
        In which texts are told, one of `LANGUAGES`.

    Examples
    --------
    >>> Explainer("buys").tell("silence", {"silent": 31.0, "usual": 9.2})
    'usually buys every 9 days, silent for 31'
    >>> Explainer("buys", "zh").tell("offers", {"coupons": 2.0})
    '近90天使用优惠券2张'
    """

    def __init__(self, verb: str = "comes", language: str = "en") -> None:
        self._verb = verb
        self.language = language
        self._phrases = phrases_in(language)
        self._groupings: dict[tuple[str, ...], _Grouping] = {}

    def weigh(self, judgement: Judgement) -> Weighed:
        """Return what each cause adds to each logit; a model that tells no parts has no causes."""
        grouping = self._groupings.get(judgement.names)
        if grouping is None:
            grouping = self._groupings[judgement.names] = _Grouping(judgement.names)
        # Only models that have a view of the customer's rhythm say what it says by itself.
        silent = getattr(judgement, "renewal", None)
        return Weighed(grouping.sums(judgement.contributions), judgement.risks, silent)

    def causes(self, weights: Weights, facts: Facts, most: int = 3) -> list[Cause]:
        """Return the causes that raise a risk, strongest first.

        Parameters
        ----------
        weights
            One row of `weigh`.
        facts
            The vector by feature name.
        most
            At most so many.
        """
        return [
            Cause(code, self.tell(code, numbers), contribution, numbers)
            for code, contribution, numbers, _ in self.grounds(weights, facts, most)
        ]

    def grounds(self, weights: Weights, facts: Facts, most: int = 3) -> list[Ground]:
        """Return what `causes` returns, not yet in words: few decisions are ever read."""
        raising = [(-part, place) for place, part in enumerate(weights.parts) if part > 0]
        raising.sort()
        return [
            Ground(TOPICS[place].code, -part, TOPICS[place].numbers(facts, weights.silent))
            for part, place in raising[:most]
        ]

    def say(self, ground: Ground) -> str:
        """Return a ground in words."""
        return ground.text or self.tell(ground.code, ground.numbers)

    def all_causes(self, weights: Weights, facts: Facts) -> list[Cause]:
        """Return every cause that matters, the strongest first, whichever way it pulls."""
        strengths = [(-abs(part), place) for place, part in enumerate(weights.parts) if part]
        return [self._cause(place, weights, facts) for _, place in sorted(strengths)]

    def tell(self, code: str, numbers: Numbers) -> str:
        """Return the text of a cause from its numbers, such as those of a `Cause`.

        Parameters
        ----------
        code
            One of `CODES`.
        numbers
            Those that a cause of this code had.
        """
        return self._tell(TOPICS[CODES.index(code)], numbers)

    def _cause(self, place: int, weights: Weights, facts: Facts) -> Cause:
        topic = TOPICS[place]
        numbers = topic.numbers(facts, weights.silent)
        return Cause(topic.code, self._tell(topic, numbers), weights.parts[place], numbers)

    def _tell(self, topic: Topic, numbers: Numbers) -> str:
        tell = self._phrases.tell
        sentences = topic.say(numbers, self._verb)
        if len(sentences) == 1:
            return tell(sentences[0], numbers)
        return "".join([tell(sentence, numbers) for sentence in sentences])
