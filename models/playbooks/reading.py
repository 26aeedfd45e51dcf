"""From the text of a policy file to a `Plan`, or to everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final

from features import CATEGORY, DAY
from models.judging import CODES
from models.playbooks.faults import Fault, PolicyWrong, Table, meant, shown
from models.playbooks.lines import lines_of
from models.playbooks.plan import (
    GOALS,
    KINDS,
    MOST,
    MOST_DAYS,
    Action,
    Arm,
    Budget,
    Cap,
    Condition,
    Consent,
    OneOf,
    Plan,
    Playbook,
    Prior,
    Quiet,
    Rate,
    Steering,
    Within,
)
from models.playbooks.quiet import is_zone
from models.playbooks.remembering import MOST_CAPPED
from models.playbooks.situation import STAGES
from models.understanding import SEGMENTS

#: Of the form of the file.
PLAN_VERSION: Final = 1
BANDS: Final = ("low", "medium", "high")
CAUSES: Final = ("silence", "distress", "session_end")
#: More letters are no policy that anybody has written.
MOST_LETTERS: Final = 256 * 1024
MOST_PLAYBOOKS: Final = 100
_AT_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)$")
#: The lists of words that conditions may name, in the order in which they are looked at.
_LISTS: Final[Mapping[str, tuple[Collection[str], str]]] = {
    "band": (BANDS, "band"),
    "cause": (CAUSES, "cause"),
    "reasons": (CODES, "reason"),
    "segment": (SEGMENTS, "segment"),
    "stage": (STAGES, "stage"),
}


def read_plan(text: str, features: Collection[str]) -> Plan:
    r"""Return the plan that a policy file holds.

    Parameters
    ----------
    text
        Of the file.
    features
        The names that conditions on features may use: those of the catalogue.

    Raises
    ------
    PolicyWrong
        With everything that is wrong.

    Examples
    --------
    >>> plan = read_plan('''
    ... version = 1
    ... [[playbook]]
    ... name = "remind"
    ... when = { band = ["high"], stage = "late" }
    ... action = { kind = "message", channel = "email", cost = 0.05 }
    ... ''', features=())
    >>> plan.playbooks[0].arms[0].action.cost, plan.playbooks[0].when[1].words
    (5, ('late',))
    >>> read_plan('version = 1\n[[playbok]]\n', features=())
    Traceback (most recent call last):
    ...
    models.playbooks.faults.PolicyWrong: line 1, the file: there is no playbook; write [[playbook]]
    line 2, playbok: there is no such key; did you mean 'playbook'?
    """
    if len(text) > MOST_LETTERS:
        raise PolicyWrong([Fault(1, "the file", f"longer than {MOST_LETTERS:,} letters")])
    try:
        document = tomllib.loads(text)
        lines = lines_of(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyWrong([_no_toml(text, str(error))]) from None
    except RecursionError:
        raise PolicyWrong([Fault(1, "the file", "tables within tables without an end")]) from None
    faults: list[Fault] = []
    plan = _Reader(Table(document, (), lines, faults), features, text).plan()
    if faults:
        raise PolicyWrong(faults)
    return plan


def _no_toml(text: str, error: str) -> Fault:
    match = _AT_LINE.search(error)
    # It says "at end of document" otherwise.
    line = int(match[1]) if match else text.count("\n") + 1
    return Fault(line, "the file", f"not valid TOML: {_AT_LINE.sub('', error).strip()}")


class _Reader:
    def __init__(self, file: Table, features: Collection[str], text: str) -> None:
        self._file = file
        self._features = features
        self._text = text
        #: Over which something goes out.
        self._channels: list[str] = []

    def plan(self) -> Plan:
        file = self._file
        version = file.whole("version", 0, least=0, most=10**6, needed=True)
        if version not in (0, PLAN_VERSION):
            file.fault("version", f"{version} is not known to this version; write {PLAN_VERSION}")
        timezone = file.text("timezone", "UTC")
        if not is_zone(timezone):
            file.fault("timezone", f"{timezone!r} is no time zone; write one such as Europe/Berlin")
            timezone = "UTC"
        currency = file.text("currency")
        if currency and not re.fullmatch("[A-Z]{3}", currency):
            file.fault("currency", f"{currency!r}: write three capital letters, such as EUR")
        holdout, salt = self._holdout()
        cooldown, rate = self._limits()
        consents = self._consents()
        prior, steering = self._prior(), self._steering()
        playbooks = self._playbooks(consents)
        caps, quiet = self._caps(), self._quiet()
        file.end()
        return Plan(
            playbooks,
            timezone,
            currency,
            holdout,
            salt,
            cooldown,
            rate,
            caps,
            quiet,
            consents,
            prior,
            blake2b(self._text.encode(), digest_size=6).hexdigest(),
            steering,
        )

    # -- what holds for all -------------------------------------------------------------------

    def _holdout(self) -> tuple[float, str]:
        table = self._file.table("holdout")
        if table is None:
            return Plan.holdout, Plan.salt
        found = (
            table.number("share", Plan.holdout, least=0, most=0.9),
            table.text("salt", "ebbtide"),
        )
        table.end()
        return found

    def _limits(self) -> tuple[int, Rate | None]:
        table = self._file.table("limits")
        if table is None:
            return 0, None
        cooldown, rate = table.duration("cooldown"), None
        inner = table.table("rate")
        if inner is not None:
            rate = Rate(
                inner.whole("most", 1, least=1, most=10**9, needed=True),
                inner.duration("per", DAY, needed=True),
            )
            inner.end()
        table.end()
        return cooldown, rate

    def _consents(self) -> tuple[Consent, ...]:
        table = self._file.table("consent")
        found = []
        for name in table.content if table is not None else ():
            assert table is not None
            inner = table.table(name)
            if inner is not None:
                yes = inner.words("yes", None, "value")
                found.append(
                    Consent(
                        name,
                        _where_told(inner, name),
                        tuple(each.lower() for each in yes) or Consent("", "").yes,
                        inner.flag("unknown", False),
                        inner.flag("renews", False),
                    )
                )
                inner.end()
        return tuple(found)

    def _prior(self) -> Prior:
        table, usual = self._file.table("value"), Prior()
        if table is None:
            return usual
        found = Prior(
            table.number("margin", usual.margin, above=0, most=1),
            table.cents("order", usual.order, above=True),
            table.number("orders", usual.orders, above=0, most=MOST),
            table.number("rate", usual.rate, above=0, most=MOST),
            table.number("days", usual.days, above=0, most=MOST_DAYS),
        )
        table.end()
        return found

    def _steering(self) -> Steering | None:
        table = self._file.table("steering")
        if table is None:
            return None
        right = 'write the file of ebb effect --write-response, such as "response.json"'
        found = Steering(
            table.text("response", needed=True, right=right),
            # Where nobody explored, nothing could be learnt again of what is not done any more.
            explore=table.number("explore", Steering.explore, least=0.01, most=1),
            # Fewer have no bounds anyway.
            least=table.whole("least", Steering.least, least=50, most=10**7),
            spread=table.number("spread", Steering.spread, above=0, most=1),
            goal=table.word("goal", GOALS, "goal"),
        )
        table.end()
        return found

    def _caps(self) -> tuple[Cap, ...]:
        found = []
        for table in self._file.tables("cap", "cap"):
            channel = self._used_channel(table)
            # The workers remember so many actions of a customer.
            most = table.whole("most", 1, least=0, most=MOST_CAPPED, needed=True)
            found.append(Cap(channel, most, table.duration("per", DAY, needed=True)))
            table.end()
        return tuple(found)

    def _used_channel(self, table: Table) -> str:
        channel = table.name("channel", "channel")
        if channel and channel not in self._channels:
            table.fault("channel", self._unused(channel))
        return channel

    def _unused(self, channel: str) -> str:
        hint = meant(channel, self._channels) if self._channels else "no action has a channel"
        return f"no action goes out over {channel!r}; {hint}"

    def _quiet(self) -> Quiet | None:
        table = self._file.table("quiet")
        if table is None:
            return None
        start, end = table.minutes("from", 0), table.minutes("to", 1)
        if start == end:
            table.fault("to", "the same as from: no time of day would be quiet, or all of them")
        channels = table.words("channels", None, "channel")
        for place, channel in enumerate(channels):
            if channel not in self._channels:
                table.fault("channels", self._unused(channel), place)
        found = Quiet(start, end, table.text("trait", "timezone"), channels)
        table.end()
        return found

    # -- playbooks ----------------------------------------------------------------------------

    def _playbooks(self, consents: tuple[Consent, ...]) -> tuple[Playbook, ...]:
        tables = self._file.tables("playbook", "playbook")
        if self._file.content.get("playbook", []) == []:
            self._file.fault("", "there is no playbook; write [[playbook]]")
        if len(tables) > MOST_PLAYBOOKS:
            self._file.fault("playbook", f"more than {MOST_PLAYBOOKS} of them")
            tables = tables[:MOST_PLAYBOOKS]
        found: list[Playbook] = []
        names: list[str] = []
        for table in tables:
            playbook = self._playbook(table, consents)
            if playbook.name in names and playbook.name:
                table.fault("name", f"there is another playbook {playbook.name!r}; name this anew")
            names.append(playbook.name)
            found.append(playbook)
        return tuple(found)

    def _playbook(self, table: Table, consents: tuple[Consent, ...]) -> Playbook:
        name = table.name("name", "playbook", needed=True)
        when, unless = (self._conditions(table.table(key), consents) for key in ("when", "unless"))
        if "unless" in table.content and table.content["unless"] == {}:
            table.fault("unless", "it names nothing that would exclude; say what, or leave it out")
        arms = self._arms(table)
        budget = Budget()
        inner = table.table("budget")
        if inner is not None:
            day, month = (inner.cents(key) if key in inner else None for key in ("day", "month"))
            budget = Budget(day, month)
            if not inner.content:
                inner.fault("", "write day or month, or both, each with an amount")
            inner.end()
        uplift = table.number("uplift", least=0, most=1) if "uplift" in table else None
        playbook = Playbook(
            name,
            arms,
            table.whole("priority", 100, least=0, most=10_000),
            when,
            unless,
            holdout=table.number("holdout", 0.0, least=0, most=0.9),
            budget=budget,
            cooldown=table.duration("cooldown"),
            uplift=uplift,
            enabled=table.flag("enabled", True),
        )
        table.end()
        return playbook

    def _arms(self, table: Table) -> tuple[Arm, ...]:
        several = table.tables("arms", "arm") if "arms" in table else []
        alone = table.table("action")
        if several and alone is not None:
            table.fault("action", "there are arms as well; give each arm its action instead")
        if alone is None and "arms" not in table.content and "action" not in table.content:
            table.fault(
                "", "action is missing; write action = { kind = ... }, or [[playbook.arms]]"
            )
        if not several:
            return (Arm("only", 1.0, Action("nothing") if alone is None else self._action(alone)),)
        arms: list[Arm] = []
        for each in several:
            name = each.name("name", "arm", needed=True)
            if name and name in [arm.name for arm in arms]:
                each.fault("name", f"there is another arm {name!r}; name this one anew")
            weight = each.number("weight", 1.0, least=0, most=1e6)
            inner = each.table("action")
            if inner is None and "action" not in each.content:
                each.fault("", "action is missing; write action = { kind = ... }")
            arms.append(
                Arm(name, weight, Action("nothing") if inner is None else self._action(inner))
            )
            each.end()
        if not sum(arm.weight for arm in arms) > 0:
            table.fault("arms", "all of them have the weight 0; give one a weight above 0")
            arms = [arm._replace(weight=1.0) for arm in arms]
        return tuple(arms)

    def _action(self, table: Table) -> Action:
        kind = table.word("kind", KINDS, "kind of action", needed=True)
        right = "write over which it goes, such as email, sms, push or phone"
        known = table.content.get("kind") in KINDS
        does = known and kind != "nothing"
        channel = table.name("channel", "channel", needed=does, right=right)
        found = Action(
            kind,
            channel,
            table.cents("cost"),
            table.text("template"),
            table.number("depth", above=0, most=1, needed=known and kind == "coupon"),
            table.duration("expires", needed=known and kind == "coupon"),
            table.flag("transactional", False),
        )
        if known and kind != "coupon":
            for key in ("depth", "expires"):
                if key in table.content:
                    table.fault(
                        key, f"only a coupon has one, and the kind is {kind!r}; leave it out"
                    )
        if known and kind == "nothing":
            for key in ("channel", "cost", "template", "transactional"):
                if key in table.content:
                    table.fault(key, "nothing is done, so there is none; leave it out")
        if channel and channel not in self._channels:
            self._channels.append(channel)
        table.end()
        return found

    # -- conditions ---------------------------------------------------------------------------

    def _conditions(
        self, table: Table | None, consents: tuple[Consent, ...]
    ) -> tuple[Condition, ...]:
        if table is None:
            return ()
        found: list[Condition] = []
        if "risk" in table:
            found.append(self._within(table, "risk", "risk", "", least=0.0, most=1.0))
        for about, (known, what) in _LISTS.items():
            found.append(OneOf(about, "", table.words(about, known, what)))
        found.append(OneOf("consent", "", self._named_consents(table, consents)))
        if "value" in table:
            found.append(self._within(table, "value", "value", "", least=0.0, cents=True))
        traits = table.table("traits")
        for name in traits.content if traits is not None else ():
            assert traits is not None
            found.append(OneOf("traits", name, traits.words(name, None, "value")))
        facts = table.table("features")
        for name in facts.content if facts is not None else ():
            assert facts is not None
            if name not in self._features:
                facts.fault(name, f"there is no such feature; {_feature(name, self._features)}")
            found.append(self._within(facts, name, "features", name))
        table.end()
        return tuple(
            each for each in found if (each.words if isinstance(each, OneOf) else each.about)
        )

    def _named_consents(self, table: Table, consents: tuple[Consent, ...]) -> tuple[str, ...]:
        known = [each.name for each in consents]
        if "consent" in table and not known:
            table.fault("consent", "the file has no [consent] that says where it is known from")
            return ()
        return table.words("consent", known, "consent")

    def _within(
        self,
        table: Table,
        key: str,
        about: str,
        name: str,
        *,
        least: float | None = None,
        most: float | None = None,
        cents: bool = False,
    ) -> Within:
        value = table.content[key]
        if not isinstance(value, dict):
            table.fault(key, f"{shown(value)} has no bounds; write {key} = {{ min = ... }}, or max")
            # It was asked for all the same.
            assert key in table
            return Within(about, name, None, None)
        inner = table.table(key)
        assert inner is not None
        bounds = [
            inner.number(end, least=least, most=most) * (100 if cents else 1)
            if end in inner
            else None
            for end in ("min", "max")
        ]
        low, high = bounds
        if low is None and high is None:
            inner.fault("", "write min or max, or both")
        elif low is not None and high is not None and low > high:
            inner.fault("max", f"{value['max']:g} is below min = {value['min']:g}: nothing is both")
        inner.end()
        return Within(about, name, low, high)


def _where_told(consent: Table, name: str) -> str:
    """Return the trait by which a consent is known: the shop's own, or a banner's category."""
    if "category" not in consent:
        return consent.text("trait", name, needed=True)
    if "trait" in consent:
        consent.fault("category", "a consent is known from a trait or a category, not from both")
    return CATEGORY + consent.text("category", name)


def _feature(name: str, known: Collection[str]) -> str:
    hint = meant(name, known) if known else ""
    return hint if hint.startswith("did you mean") else "ebb features lists them all"


__all__ = ["BANDS", "CAUSES", "PLAN_VERSION", "read_plan"]
