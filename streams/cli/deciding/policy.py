"""``ebb policy what-if``: other thresholds, cooldowns and budgets, on what has happened."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from features import format_duration, parse_duration, to_iso
from streams.cli.context import Context
from streams.cli.deciding.budgets import budgets
from streams.cli.deciding.playbooks import check, explain, value
from streams.cli.deciding.rehearsal import rehearse
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from models.judging import Offer, PolicyValue
    from streams.trial import Alternative, Decided, Joined, Tried

EPILOG = """\b
Examples:
  ebb policy what-if out --threshold .5,.6,.7
  ebb policy what-if out --threshold .7 --budget 20,none --cost 5 --margin 80 --saved .2
  ebb alerts --json --from-beginning > alerts.jsonl
  ebb policy what-if out --threshold .7 --logged alerts.jsonl"""

#: More alternatives than that nobody reads.
_MOST: Final = 60
_T = TypeVar("_T")


@click.group()
def policy() -> None:
    """Check policy files, and try policies on what has happened, before they go live."""


policy.add_command(budgets)
policy.add_command(check)
policy.add_command(explain)
policy.add_command(value)
policy.add_command(rehearse)


@policy.command(
    "what-if", short_help="Take a backtest's decisions again under other policies.", epilog=EPILOG
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", "models", metavar="NAME,...", help="Go by the risks of this model.")
@click.option("--threshold", "thresholds", metavar="RISK,...", help="Risk from which to alert.")
@click.option("--hysteresis", metavar="RISK,...", help="How far it must fall to alert again.")
@click.option("--cooldown", metavar="DURATION,...", help="Least time between two alerts.")
@click.option("--holdout", metavar="SHARE,...", help="Share of customers never treated.")
@click.option("--budget", metavar="N,...", help="Alerts a day, at most; none for any number.")
@click.option("--cost", type=float, metavar="AMOUNT", help="Of one offer, whoever gets it.")
@click.option("--margin", type=float, metavar="AMOUNT", help="Earned with a customer who is saved.")
@click.option("--saved", type=float, metavar="SHARE", help="Of the churners with an offer.")
@click.option(
    "--logged",
    metavar="FILE|kafka://TOPIC",
    help="What was tried, by chance: alerts as ebb alerts --json prints them, a log of your own, or"
    " kafka://interventions.",
)
@click.option(
    "--logged-holdout",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of customers held out when the alerts went out.  [default: the backtest's]",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def what_if(
    context: Context,
    folder: Path,
    models: str | None,
    thresholds: str | None,
    hysteresis: str | None,
    cooldown: str | None,
    holdout: str | None,
    budget: str | None,
    cost: float | None,
    margin: float | None,
    saved: float | None,
    logged: str | None,
    logged_holdout: float | None,
    as_json: bool,
) -> None:
    """Take the decisions of a finished backtest again under other policies.

    FOLDER is of a backtest without --landmarks. An option may be a list, and every combination is
    tried; what no option names is as it was in the backtest. The risks stay as they were recorded.

    A budget is kept at the end of each day (UTC): of those whom the policy would alert on that
    day, the highest risks are; the others stand as if nobody had looked.

    Precision is of the alerts whose label is known: nothing that counts came in the horizon.
    Recall is of the silences that went on until the customer was gone (churn.active): an alert
    came before. Lead time is from the first such alert until then, the median.
    """
    from streams.report import NotComparable, OutputRefused
    from streams.trial import WrongLog
    from streams.trial import what_if as try_all

    asked = _Asked(models, thresholds, hysteresis, cooldown, holdout, budget)
    if logged is None and logged_holdout is not None:
        raise Usage("--logged-holdout goes with --logged")
    try:
        recorded, alternatives = _alternatives(folder, asked)
        offer = _offer(recorded, cost, margin, saved)
        tried = try_all(recorded, alternatives, offer)
        joined = None if logged is None else _joined(context, recorded, logged, logged_holdout)
    except (NotComparable, WrongLog) as error:
        raise Usage(str(error)) from None
    except OutputRefused as error:
        raise Problem(str(error)) from None
    values = _values(joined, tried)
    if as_json:
        click.echo(json.dumps(_as_dict(recorded, offer, tried, joined, values, logged)))
    else:
        from streams.cli.deciding.policies import show_trials, show_tried

        show_tried(recorded, tried)
        if joined is not None:
            show_trials(joined, tried, values)
    for note in _notes(recorded, tried, joined):
        context.console.print(note, markup=False, soft_wrap=True)


@dataclasses.dataclass(frozen=True)
class _Asked:
    models: str | None
    thresholds: str | None
    hysteresis: str | None
    cooldown: str | None
    holdout: str | None
    budget: str | None


# -- what to try ------------------------------------------------------------------------------


def _alternatives(folder: Path, asked: _Asked) -> tuple[Decided, list[Alternative]]:
    from streams.trial import Alternative, read_decided

    thresholds = _share("--threshold", asked.thresholds, above=True)
    hysteresis = _share("--hysteresis", asked.hysteresis)
    cooldowns = _list("--cooldown", asked.cooldown, _cooldown)
    holdouts = _share("--holdout", asked.holdout)
    budgets = _list("--budget", asked.budget, _budget)
    models = _list("--model", asked.models, str)
    recorded = read_decided(folder)
    was = recorded.policy
    chosen: list[Decided] = [
        recorded if name == recorded.model else read_decided(folder, name) for name in models
    ]
    found: list[Alternative] = []
    for each, threshold, fall, wait, held, most in product(
        chosen or [recorded],
        thresholds or [was.threshold],
        hysteresis or [was.hysteresis],
        cooldowns or [was.cooldown],
        holdouts or [was.holdout],
        budgets or [None],
    ):
        if fall >= threshold:
            raise Usage(
                f"the hysteresis of {fall:g} must be smaller than the threshold of "
                f"{threshold:g}, or nobody is ever alerted twice; name both"
            )
        other = dataclasses.replace(
            was, threshold=threshold, hysteresis=fall, cooldown=wait, holdout=held
        )
        alternative = Alternative(each, other, most)
        if alternative.differences():
            found.append(alternative)
    if len(found) > _MOST:
        raise Usage(f"these are {len(found)} alternatives; name at most {_MOST}")
    return recorded, found


def _list(option: str, text: str | None, read: Callable[[str], _T]) -> list[_T]:
    """Read a list, each value once."""
    if text is None:
        return []
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise Usage(f"{option} names nothing")
    try:
        return list(dict.fromkeys(read(word) for word in words))
    except ValueError as error:
        raise Usage(f"{option} {text}: {error}") from None


def _share(option: str, text: str | None, *, above: bool = False) -> list[float]:
    def read(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            raise ValueError(f"{word!r} is not a number") from None
        if not (0 < value < 1 or (value == 0 and not above)):
            raise ValueError(f"{word} is not {'above 0' if above else '0 or more'} and below 1")
        return value

    return _list(option, text, read)


def _cooldown(word: str) -> int:
    return 0 if word == "0" else parse_duration(word)


def _budget(word: str) -> int | None:
    if word == "none":
        return None
    if not (word.isascii() and word.isdecimal() and int(word) >= 1):
        raise ValueError(f"{word!r} is neither a number of alerts, 1 or more, nor none")
    return int(word)


def _offer(
    recorded: Decided, cost: float | None, margin: float | None, saved: float | None
) -> Offer | None:
    from models.judging import Offer

    was = recorded.offer
    if cost is margin is saved is None:
        return was
    if was is not None:
        cost = was.cost if cost is None else cost
        margin = was.margin if margin is None else margin
        saved = was.saved if saved is None else saved
    if cost is None or margin is None or saved is None:
        raise Usage("an offer has --cost, --margin and --saved; name all three")
    try:
        return Offer(cost, margin, saved, None if was is None else was.capacity)
    except ValueError as error:
        raise Usage(str(error)) from None


# -- what was tried on customers --------------------------------------------------------------


def _joined(context: Context, recorded: Decided, logged: str, holdout: float | None) -> Joined:
    from streams.trial import join, read_trials, trials_of

    share = recorded.policy.holdout if holdout is None else holdout
    scheme, mark, topic = logged.partition("://")
    if not mark:
        return join(recorded, read_trials(Path(logged), share))
    if scheme != "kafka" or not topic or set(topic) & set("/?&#"):
        raise Usage(f"--logged {logged}: name a file, or a topic as kafka://interventions")
    import msgspec

    from models.deciding import Alert
    from streams.reading import Reading

    settings = context.settings
    name = settings.topic("interventions") if topic == "interventions" else topic
    skipped = 0
    alerts = []
    decode = msgspec.json.Decoder(Alert).decode
    with Reading(settings, name) as reading:
        for message in reading.past():
            try:
                alerts.append(decode(message.value or b""))
            except msgspec.DecodeError:
                skipped += 1
    if skipped:
        click.echo(f"Skipped {skipped:,} messages of {name} that are no alerts.", err=True)
    return join(recorded, trials_of(logged, alerts, share))


def _values(joined: Joined | None, tried: Sequence[Tried]) -> list[PolicyValue | None]:
    from streams.trial import worth

    if joined is None:
        return [None] * len(tried)
    return [worth(joined, each) for each in tried]


# -- telling ----------------------------------------------------------------------------------


def _as_dict(
    recorded: Decided,
    offer: Offer | None,
    tried: Sequence[Tried],
    joined: Joined | None,
    values: Sequence[PolicyValue | None],
    logged: str | None,
) -> dict[str, Any]:
    from streams.trial import value_as_dict

    told = [
        {**each.as_dict(), "value": None if value is None else value_as_dict(value)}
        for each, value in zip(tried, values, strict=True)
    ]
    at = recorded.at
    return {
        "folder": str(recorded.folder),
        "model": recorded.model,
        "decisions": len(at),
        "customers": len(recorded.names),
        "first": to_iso(int(at[0])) if len(at) else None,
        "last": to_iso(int(at[-1])) if len(at) else None,
        "offer": None if offer is None else dataclasses.asdict(offer),
        "recorded": told[0],
        "alternatives": told[1:],
        "logged": None if joined is None else {"source": logged, **joined.as_dict()},
    }


def _notes(recorded: Decided, tried: Sequence[Tried], joined: Joined | None) -> list[str]:
    notes = []
    if len(tried) == 1:
        notes.append("Name what to try, such as --threshold .5,.7; ebb policy what-if --help.")
    weight = recorded.report["configuration"]["weights"]["treated"]
    if len(tried) > 1 and weight != 1:
        notes.append(
            f"Treated customers taught {weight:g} as much as others: under another policy the "
            "models would have learnt from others, and said something else. The risks are those "
            "of the recorded one."
        )
    if joined is None:
        notes.append(
            "No logged arms: what the alerts themselves change cannot be estimated (--logged)."
        )
    cooldown = recorded.policy.cooldown
    horizon = parse_duration(recorded.report["configuration"]["horizon"])
    if joined is not None and cooldown < horizon:
        notes.append(
            f"A customer can have a second alert within the horizon of {format_duration(horizon)}: "
            "what came of the first is then in part the work of the second."
        )
    return notes
