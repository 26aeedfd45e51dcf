"""Why a customer was contacted, or was not: the answer to what a CRM owner asks most.

Everything is read off the decisions that are kept of a customer, also those not to act, and off
when there was activity last. In this order:

=============  ================================================================================
``visitor``    somebody who has not said who they are, and on whom nothing is decided
``gone``       silent for A or longer by then, so nobody looked any more
``unjudged``   known by then, but not looked at yet
``contacted``  the last decision was an alert, and the customer is treated
``held out``   it was an alert, and the customer is held out
``below``      the risk was too low
``resting``    there was an alert not long before
``hovering``   there was an alert, and the risk has not been low since
``unmatched``  the risk was high enough, and no playbook of the policy file was for the customer
``unfunded``   it was, and there was no money left for what could be done, or no room in the rate
``spared``     it was, and a playbook leaves the customer in peace
``nothing``    it was an alert, and chance drew the arm of the playbook that does nothing
=============  ================================================================================
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from features import CustomerState, Millis, format_duration, to_iso
from models.deciding import DECISIONS_KEPT, WHY, Because, Decision, Standing, decision_id

CODES: Final = (
    "visitor",
    "gone",
    "unjudged",
    "contacted",
    "held out",
    "below",
    "resting",
    "hovering",
    "unmatched",
    "unfunded",
    "spared",
    "nothing",
)


class NotKept(LookupError):
    """Of that time nothing is kept any more, or the customer was not known yet."""


@dataclass(frozen=True)
class Answer:
    """Why a customer was contacted at a time, or was not.

    Parameters
    ----------
    customer, at
        Who, and as of when.
    code
        One of `CODES`.
    text
        Why, in words.
    decision
        The last one by then; None if there was none.
    alerted_at
        When the last alert by then was decided; None if nobody knows of one.
    held_out
        Whether the customer is one of those who are never treated.
    """

    customer: str
    at: Millis
    code: str
    text: str
    decision: Decision | None
    alerted_at: Millis | None
    held_out: bool

    @property
    def contacted(self) -> bool:
        """Whether the last decision was to contact the customer."""
        return self.code == "contacted"

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, without the decision."""
        alert = self.decision if self.decision is not None and self.decision.alert else None
        return {
            "customer": self.customer,
            "at": to_iso(self.at),
            "contacted": self.contacted,
            "code": self.code.replace(" ", "_"),
            "why": self.text,
            "held_out": self.held_out,
            "alert_id": None
            if alert is None
            else decision_id(self.customer, alert.at, alert.cause),
            "last_alert": None if self.alerted_at is None else to_iso(self.alerted_at),
        }


def answer(
    customer: str,
    state: CustomerState,
    decisions: Sequence[Decision],
    standing: Standing,
    at: Millis,
    *,
    held_out: bool,
    judged: bool = True,
    language: str = "en",
) -> Answer:
    """Return why a customer was contacted by a time, or was not.

    Parameters
    ----------
    customer, state
        Who, and what is known now.
    decisions
        Those that are kept, oldest first.
    standing
        How things stand now.
    at
        As of when; not in the future.
    held_out
        Whether the customer is never treated by the settings of now.
    judged
        Whether decisions are taken at all: not on visitors, unless the shop wants it.
    language
        In which it is told, one of those of the reasons. What a version before this one decided
        stays as it was told.

    Raises
    ------
    NotKept
        If the customer was not known by then, or the decisions of then are not kept any more.
    """
    if state.events and at < state.first_seen:
        raise NotKept(
            f"{customer} was first seen at {to_iso(state.first_seen)}, after {to_iso(at)}"
        )
    if len(decisions) >= DECISIONS_KEPT and at < decisions[0].at:
        raise NotKept(
            f"the last {len(decisions)} decisions on {customer} are kept, from"
            f" {to_iso(decisions[0].at)} on; ask for that time or a later one"
        )
    decision = next((each for each in reversed(decisions) if each.at <= at), None)
    alerts = [each.at for each in decisions if each.alert and each.at <= at]
    if 0 <= standing.alerted_at <= at:
        alerts.append(standing.alerted_at)
    if decision is not None:
        # As it was then: the settings may have been others.
        held_out = decision.arm == "holdout"
    if decision is None and not judged:
        code, text = "visitor", _words("visitor", language)
    else:
        code, text = _why(state, decision, at, language)
    return Answer(customer, at, code, text, decision, max(alerts, default=None), held_out)


def _why(
    state: CustomerState, decision: Decision | None, at: Millis, language: str
) -> tuple[str, str]:
    definition, last = state.definition, state.last_activity
    if 0 <= last <= at and at - last >= definition.active:
        since, active = f"{to_iso(last)[:16]}Z", format_duration(definition.active)
        return "gone", _words("gone", language, last=since, active=active)
    if decision is None:
        if last < 0:
            kinds = ", ".join(sorted(definition.activity)) or "*"
            return "unjudged", _words("inactive", language, kinds=kinds)
        return "unjudged", _words("unjudged", language)
    play, by = decision.play, why_of(decision, language)
    if not decision.alert:
        return _code_of(decision.because), by
    if decision.arm == "holdout" and play is not None and play.held == "playbook":
        return "held out", _words("held_of", language, why=by, playbook=play.playbook)
    if decision.arm == "holdout":
        return "held out", _words("held", language, why=by)
    if play is not None and play.kind == "nothing":
        return "nothing", _words("nothing", language, why=by)
    return "contacted", by


def why_of(decision: Decision, language: str = "en") -> str:
    """Return why something was decided, in words, with the playbook if there is one.

    Parameters
    ----------
    decision
        Also one not to act.
    language
        In which it is told. What a version before this one decided stays as it was told.

    Examples
    --------
    >>> decision = Decision(0, "silence", 0.7, "high", "treated", "prior", True,
    ...     Because("reached", (0.7, 0.6)), [])
    >>> why_of(decision)
    'risk 0.70 is at or above 0.60'
    """
    because, play = decision.because, decision.play
    why = str(because)
    if because.code in WHY:
        why = _words(because.code, language, *because.numbers)
    if play is None or not play.playbook:
        return why
    what = f"{play.kind}, {play.channel}" if play.channel else play.kind
    named = {"playbook": play.playbook, "variant": play.variant, "what": what}
    # Where there is one arm, it needs no name.
    name = "played_only" if play.variant in ("", "only") else "played"
    return _words(name, language, why=why, **named)


@cache
def read_words() -> dict[str, dict[str, str]]:
    """Return the sentences as they are written, by language; read once."""
    return tomllib.loads(files("streams").joinpath("answers.toml").read_text(encoding="utf-8"))


def _words(name: str, language: str, *numbers: float, **words: str) -> str:
    return read_words()[name][language].format(*numbers, **words)


def _code_of(because: Because) -> str:
    if because.code in CODES:
        return because.code
    # A version before kept the words alone.
    if "left in peace" in because.code:
        return "resting"
    return "hovering" if "has not been below" in because.code else "below"


__all__ = ["CODES", "Answer", "NotKept", "answer", "why_of"]
