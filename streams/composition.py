"""From settings to the small frozen rules that the pure rooms own: where the two meet."""

from __future__ import annotations

from dataclasses import replace

from features import PASSIVE, Definition, build_catalogue
from models.deciding import Policy
from models.judging import Explainer, Offer
from models.learning import Weighing
from models.playbooks import Plan
from models.registry import REGISTRY, Task
from models.watching import Guard, Rivalry
from streams.pipeline import Shop
from streams.planning import plan_of
from streams.settings import Settings, SettingsError


def definition_of(settings: Settings) -> Definition:
    """Return what "gone" means in this shop.

    Raises
    ------
    SettingsError
        If a sensitive trait is named as a feature without being taken off the sensitive ones.

    Examples
    --------
    >>> shop = definition_of(Settings())
    >>> shop.counts_as_activity("anything"), shop.counts_as_activity("identified")
    (True, False)
    """
    churn = settings.churn
    sensitive = sorted(set(settings.features.traits) & set(settings.features.sensitive))
    if sensitive:
        raise SettingsError(
            f"features.traits names {', '.join(sensitive)}, which features.sensitive keeps away "
            "from the model; take it out of one of the two"
        )
    any_event = "*" in churn.activity
    return Definition(
        horizon=churn.horizon,
        active=churn.active,
        activity=frozenset() if any_event else frozenset(churn.activity),
        passive=PASSIVE - set(churn.activity),
        session_gap=churn.session_gap,
        waits=settings.silence.waits,
        multiples=settings.silence.multiples,
        traits=settings.features.traits,
        amount_cap=settings.features.amount_cap,
        quantity_cap=settings.features.quantity_cap,
    )


def offer_of(settings: Settings) -> Offer | None:
    """Return what an alert costs and brings; None if that is not known.

    Examples
    --------
    >>> offer_of(Settings()) is None
    True
    >>> offer_of(Settings.model_validate({"offer": {"cost": 5, "margin": 100}})).break_even
    0.25
    """
    offer = settings.offer
    if offer.cost is None or offer.margin is None:
        return None
    return Offer(offer.cost, offer.margin, offer.saved, offer.capacity)


def policy_of(settings: Settings, plan: Plan | None = None) -> Policy:
    """Return when to act.

    Parameters
    ----------
    settings
        All of them.
    plan
        Of the policy file; who is held out is then said there.
    """
    policy = settings.policy
    return Policy(
        threshold=policy.threshold,
        hysteresis=policy.hysteresis,
        cooldown=policy.cooldown,
        holdout=policy.holdout if plan is None else plan.holdout,
        salt=policy.salt if plan is None else plan.salt,
        valid=policy.valid,
    )


def explainer_of(settings: Settings) -> Explainer:
    """Return who tells reasons, in which language: where only purchases count, customers *buy*."""
    only_purchases = set(settings.churn.activity) <= {"purchase", "order_completed"}
    return Explainer("buys" if only_purchases else "comes", settings.alerts.language)


def shop_of(settings: Settings, *, deciding: bool = True) -> Shop:
    """Return all the rules of the shop.

    Parameters
    ----------
    settings
        All of them.
    deciding
        Whether anything is decided by them: if not, the policy file is not read.

    Raises
    ------
    SettingsError
        If the settings, or the policy file that they name, cannot be held to.
    """
    definition = definition_of(settings)
    plan = plan_of(settings, definition) if deciding else None
    return Shop(
        definition=definition,
        catalogue=build_catalogue(definition),
        policy=policy_of(settings, plan),
        explainer=explainer_of(settings),
        lateness=settings.time.lateness,
        skew=settings.time.skew,
        keep=settings.labels.keep,
        max_pending=settings.labels.max_pending,
        visitors=settings.churn.visitors,
        plan=plan,
    )


def shop_by(shop: Shop, settings: Settings, plan: Plan) -> Shop:
    """Return the shop as another version of its policy file has it.

    Parameters
    ----------
    shop
        As it was.
    settings
        All of them: all but the file is as they say.
    plan
        Of the file.
    """
    return replace(shop, plan=plan, policy=policy_of(settings, plan))


def weighing_of(settings: Settings) -> Weighing:
    """Return how much each example counts for the learner."""
    model = settings.model
    return Weighing(
        returned=model.weight_returned,
        churned=model.weight_churned,
        treated=model.weight_treated,
        memory=model.memory,
    )


def rivalry_of(settings: Settings) -> Rivalry:
    """Return who challenges the model that judges, and what follows.

    Raises
    ------
    SettingsError
        If a setting names no model that the learner can run, or the model itself.
    """
    model, challenger, drift = settings.model, settings.challenger, settings.drift
    able = [name for name, entry in REGISTRY.items() if entry.live]
    for key, name in (
        ("model.challenger", model.challenger),
        ("drift.challenger", drift.challenger),
    ):
        if name and name not in able:
            raise SettingsError(f"{key} = {name!r}: the learner can run {', '.join(able)}")
    if model.challenger == model.name:
        raise SettingsError(
            f"model.challenger = {model.challenger!r} is model.name itself; name another, or none"
        )
    return Rivalry(
        challenger=model.challenger,
        promote=model.promote,
        on_drift=drift.challenger,
        stability=drift.stability,
        warmup=model.warmup,
        guard=Guard(
            horizon=settings.churn.horizon,
            alpha=challenger.alpha,
            labels=challenger.labels,
            improvement=challenger.improvement,
            cooldown=challenger.cooldown,
        ),
    )


def task_of(shop: Shop, weighing: Weighing | None = None) -> Task:
    """Return what a model of this shop is made for."""
    definition = shop.definition
    return Task(
        shop.catalogue,
        definition.horizon_days,
        definition.active_days,
        weighing or Weighing(),
    )


__all__ = [
    "definition_of",
    "explainer_of",
    "policy_of",
    "rivalry_of",
    "shop_by",
    "shop_of",
    "task_of",
    "weighing_of",
]
