"""Plans and situations to be drawn from: few words, so that much matches and much is in the way."""

from __future__ import annotations

from hypothesis import strategies as st

from features import DAY, HOUR
from models.playbooks import (
    Action,
    Arm,
    Budget,
    Cap,
    Condition,
    Consent,
    OneOf,
    Plan,
    Playbook,
    Quiet,
    Rate,
    Sent,
    Situation,
    Within,
)

NOW = 20_000 * DAY + 7 * HOUR
CHANNELS = st.sampled_from(["email", "phone"])
BANDS = st.sampled_from(["low", "medium", "high"])
REASONS = st.sampled_from(["silence", "trouble", "offers"])
TIERS = st.sampled_from(["gold", "staff"])
SHARES = st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0])


def some(words: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(words, min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def bounds(draw: st.DrawFn, about: str, key: str, most: float) -> Within:
    low, high = sorted(draw(st.tuples(SHARES, SHARES)))
    given = draw(st.sampled_from(["min", "max", "both"]))
    return Within(
        about,
        key,
        None if given == "max" else low * most,
        None if given == "min" else high * most,
    )


CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    some(BANDS).map(lambda words: OneOf("band", "", words)),
    some(REASONS).map(lambda words: OneOf("reasons", "", words)),
    some(TIERS).map(lambda words: OneOf("traits", "tier", words)),
    st.just(OneOf("consent", "", ("email",))),
    bounds("risk", "", 1.0),
    bounds("value", "", 10_000.0),
    bounds("features", "orders", 10.0),
)
DOING = st.builds(
    Action,
    st.sampled_from(["call", "message"]),
    CHANNELS,
    st.integers(0, 500),
    transactional=st.booleans(),
)
NOTHING = st.just(Action("nothing"))


@st.composite
def arms(draw: st.DrawFn) -> tuple[Arm, ...]:
    count = draw(st.sampled_from([1, 1, 2, 3]))
    found = [
        Arm(f"arm{n}", draw(st.sampled_from([0.0, 1.0, 2.5])), draw(st.one_of(DOING, NOTHING)))
        for n in range(count)
    ]
    return (found[0]._replace(weight=1.0), *found[1:])


PLAYBOOKS = st.builds(
    Playbook,
    name=st.sampled_from(["a", "b", "c", "d"]),
    arms=arms(),
    priority=st.sampled_from([1, 1, 2]),
    when=st.lists(CONDITIONS, max_size=2).map(tuple),
    unless=st.lists(CONDITIONS, max_size=1).map(tuple),
    holdout=st.sampled_from([0.0, 0.5]),
    budget=st.sampled_from([Budget(), Budget(1_000), Budget(None, 5_000)]),
    cooldown=st.sampled_from([0, 3 * DAY]),
    uplift=st.sampled_from([None, 0.0, 0.05, 0.5]),
    enabled=st.sampled_from([True, True, True, False]),
)
CAPS = st.builds(
    Cap,
    st.sampled_from(["", "email", "phone"]),
    st.integers(0, 3),
    st.sampled_from([DAY, 5 * DAY]),
)
PLANS = st.builds(
    Plan,
    st.lists(PLAYBOOKS, min_size=1, max_size=4, unique_by=lambda each: each.name).map(tuple),
    timezone=st.sampled_from(["UTC", "Asia/Shanghai"]),
    holdout=st.sampled_from([0.0, 0.5]),
    cooldown=st.sampled_from([0, 2 * DAY]),
    rate=st.sampled_from([None, Rate(5, HOUR)]),
    caps=st.lists(CAPS, max_size=2).map(tuple),
    quiet=st.sampled_from([None, Quiet(21 * 60, 8 * 60), Quiet(60, 600, "tz", ("email",))]),
    consents=st.sampled_from(
        [(), (Consent("email", "news"),), (Consent("email", "news", unknown=True),)]
    ),
)
SENT = st.builds(
    Sent,
    # Often right at the end of a cooldown or of a cap's time.
    st.one_of(
        st.sampled_from([-1, 0, 1, 2, 3, 5]).map(lambda days: NOW - days * DAY),
        st.integers(-8 * 24, 24).map(lambda hours: NOW + hours * HOUR),
    ),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "email", "phone"]),
    st.booleans(),
)
SITUATIONS = st.builds(
    Situation,
    st.sampled_from(["ada", "bob", "cyd", "dan"]),
    st.just(NOW),
    risk=SHARES,
    band=BANDS,
    cause=st.just("silence"),
    reasons=st.lists(REASONS, max_size=2, unique=True).map(tuple),
    value=SHARES.map(lambda share: share * 10_000),
    facts=st.sampled_from([{}, {"orders": 2.0}, {"orders": 9.0}]),
    traits=st.sampled_from(
        [{}, {"tier": "gold"}, {"tier": "staff", "news": "Yes"}, {"news": "no", "tz": "Asia/Tokyo"}]
    ),
    sent=st.lists(SENT, max_size=4).map(tuple),
)
