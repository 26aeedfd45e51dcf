"""The models that can be named in the settings, each with how it learns and how it judges.

To add one, give it an `Entry`: how its learner is made, afresh or from a snapshot, and how its
judge is made from a snapshot. Everything else, live and in a backtest, goes by these verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from models.bayes import BAYES, StagedJudge, for_workers
from models.learning import PRIOR, Judge, Learner, Snapshot
from models.registry.folded import LOGISTIC
from models.registry.plain import only
from models.registry.task import Task


def _as_it_is(snapshot: Snapshot) -> Snapshot:
    return snapshot


@dataclass(frozen=True)
class Entry:
    """A model of the registry.

    Parameters
    ----------
    meaning
        One line for those who choose.
    learner
        Makes the learning side, afresh or from a snapshot.
    judge
        Makes the judging side from a snapshot.
    source
        Where it is described.
    self_starting
        Whether it judges well before it has learnt anything, so that nobody need stand in.
    stages
        Whether it judges the stages of the horizon, and learns as each of them matures.
    live
        Whether the learner can run it. One that cannot is retrained by ``snapshot``, on all that
        it was ever given; the snapshot holds the trained thing itself and is no data, so it can
        be judged with in the same process and never be written down: for backtests only.
    extra, needs
        The extra of Ebbtide that brings its libraries, and their modules; empty when none is
        needed. Without them ``learner`` raises `MissingLibrary`.
    for_workers
        Takes out of a snapshot what only the learner needs.
    """

    meaning: str
    learner: Callable[[Task, Snapshot | None], Learner]
    judge: Callable[[Task, Snapshot], Judge]
    source: str = ""
    self_starting: bool = False
    stages: bool = False
    live: bool = True
    extra: str = ""
    needs: tuple[str, ...] = ()
    for_workers: Callable[[Snapshot], Snapshot] = _as_it_is


def _bayes(task: Task, snapshot: Snapshot | None) -> Learner:
    from models.bayes import StagedLearner

    return StagedLearner(task.signs, snapshot, task.weighing)


def _bayes_judge(task: Task, snapshot: Snapshot) -> Judge:
    return StagedJudge.of(task.signs, snapshot)


def _late(place: str) -> Callable[[Task, Snapshot | None], Any]:
    """Return a function of this room that is imported when it is called: River takes a second."""
    module, _, name = place.partition(":")

    def called(task: Task, snapshot: Snapshot | None) -> Any:
        return getattr(import_module(f"{__package__}.{module}"), name)(task, snapshot)

    return called


REGISTRY: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        BAYES: Entry(
            "renewal view and recursive Bayesian logistic, learnt in three stages",
            _bayes,
            _bayes_judge,
            "renewal: Schmittlein, Morrison, Colombo 1987; filter: Fahrmeir 1992",
            self_starting=True,
            stages=True,
            for_workers=for_workers,
        ),
        LOGISTIC: Entry(
            "standardised logistic regression with AdaGrad (River)",
            _late("logistic:logistic_learner"),
            _late("folded:folded_judge"),
            "Duchi, Hazan, Singer 2011",
        ),
        "linear-svm": Entry(
            "linear support vector machine, its margins made probabilities (River)",
            _late("margins:svm_learner"),
            _late("folded:folded_judge"),
            "Shalev-Shwartz, Singer, Srebro 2007; Platt 1999",
        ),
        "passive-aggressive": Entry(
            "passive-aggressive classifier, its margins made probabilities (River)",
            _late("margins:passive_aggressive_learner"),
            _late("folded:folded_judge"),
            "Crammer et al. 2006; Platt 1999",
        ),
        "naive-bayes": Entry(
            "Gaussian naive Bayes over standardised inputs (River)",
            _late("naive_bayes:naive_learner"),
            _late("gaussians:NaiveJudge"),
            "Hand, Yu 2001",
        ),
        "neural-network": Entry(
            "sixteen units beside a straight line, learnt with AdaGrad",
            _late("network:network_learner"),
            _late("network:NetworkJudge"),
            "Cheng et al. 2016; Duchi, Hazan, Singer 2011",
        ),
        "hoeffding-tree": Entry(
            "one tree that grows by information gain, splitting when that is certain (River)",
            _late("trees:hoeffding_tree_learner"),
            _late("flat_trees:TreesJudge"),
            "Domingos, Hulten 2000",
            for_workers=only("flat"),
        ),
        "hoeffding-adaptive-tree": Entry(
            "a Hoeffding tree that regrows a branch when its errors rise (River)",
            _late("trees:adaptive_tree_learner"),
            _late("flat_trees:TreesJudge"),
            "Bifet, Gavaldà 2009",
            for_workers=only("flat"),
        ),
        "adaptive-random-forest": Entry(
            "ten Hoeffding trees on random inputs, replaced as they drift (River)",
            _late("trees:forest_learner"),
            _late("flat_trees:TreesJudge"),
            "Gomes et al. 2017",
            for_workers=only("flat"),
        ),
        "recency": Entry(
            "baseline: the longer silent, the more likely gone; nothing else is looked at",
            _late("recency:recency_learner"),
            _late("recency:RecencyJudge"),
            "Hughes 1994; Ayer et al. 1955",
        ),
        "bgnbd": Entry(
            "baseline: BG/NBD, when visits came and how many, by maximum likelihood",
            _late("bgnbd:bgnbd_learner"),
            _late("bgnbd:BgNbdJudge"),
            "Fader, Hardie, Lee 2005",
            for_workers=only("shop"),
        ),
        "batch-lightgbm": Entry(
            "rival: gradient-boosted trees, retrained on everything (LightGBM)",
            _late("batch:lightgbm_learner"),
            _late("batch:BatchJudge"),
            "Ke et al. 2017",
            live=False,
            extra="batch",
            needs=("lightgbm",),
        ),
        "batch-logistic": Entry(
            "rival: logistic regression, retrained on everything (scikit-learn)",
            _late("batch:logistic_learner"),
            _late("batch:BatchJudge"),
            "Cox 1958",
            live=False,
            extra="batch",
            needs=("sklearn",),
        ),
        "batch-forest": Entry(
            "rival: random forest, retrained on everything (scikit-learn)",
            _late("batch:forest_learner"),
            _late("batch:BatchJudge"),
            "Breiman 2001",
            live=False,
            extra="batch",
            needs=("sklearn",),
        ),
    }
)


def prior_judge(task: Task) -> Judge:
    """Return who judges a shop's first day: what each customer's rhythm says, before any label."""
    return StagedJudge.untaught(task.signs, PRIOR)


def judge_of(task: Task, snapshot: Snapshot | None, warmup: int) -> Judge:
    """Return who judges: the model of the snapshot, or the prior while it has learnt too little.

    Parameters
    ----------
    task
        What is to be predicted.
    snapshot
        The newest one; None when there is none.
    warmup
        Examples that a model must have learnt, and at least one of each label, before it takes
        over from the prior; a model that starts from the prior by itself takes over at once.

    Raises
    ------
    ValueError
        If the snapshot is of an unknown model, or of one learnt for something else.
    """
    if snapshot is None:
        return prior_judge(task)
    if snapshot.name not in REGISTRY:
        raise ValueError(f"unknown model {snapshot.name!r}; known are {', '.join(REGISTRY)}")
    entry = REGISTRY[snapshot.name]
    enough = snapshot.learnt >= warmup and snapshot.returned and snapshot.churned
    if not (entry.self_starting or enough):
        return prior_judge(task)
    return entry.judge(task, snapshot)
