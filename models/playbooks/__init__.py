"""What a shop has decided to do about whom: the policy file, and what it says of one customer."""

from models.playbooks.asking import Limited, limits_of, request_of, want_of
from models.playbooks.choosing import Considered, Course, Need, Option, choose
from models.playbooks.comparing import Change, changes
from models.playbooks.conditions import Hindrance
from models.playbooks.doubting import Doubt, customers_needed, doubts
from models.playbooks.draws import Chances, chances_of
from models.playbooks.faults import Fault, PolicyWrong
from models.playbooks.fitting import Spender, TooFew, fit_prior
from models.playbooks.learnt import (
    GROUPINGS,
    LEARNT_VERSION,
    MOST_BYTES,
    Group,
    Learnt,
    LearntWrong,
    decode_learnt,
    encode_learnt,
)
from models.playbooks.plan import (
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
from models.playbooks.reading import read_plan
from models.playbooks.rehearsing import Rehearsed, rehearse
from models.playbooks.remembering import memory_of, rememberable, remembered
from models.playbooks.saying import money, say, say_steering
from models.playbooks.situation import STAGES, Sent, Situation, stage_of
from models.playbooks.steering import Estimate, at_response, with_learnt
from models.playbooks.valuing import order_mean, orders_expected, worth

__all__ = [
    "GROUPINGS",
    "LEARNT_VERSION",
    "MOST_BYTES",
    "STAGES",
    "Action",
    "Arm",
    "Budget",
    "Cap",
    "Chances",
    "Change",
    "Condition",
    "Consent",
    "Considered",
    "Course",
    "Doubt",
    "Estimate",
    "Fault",
    "Group",
    "Hindrance",
    "Learnt",
    "LearntWrong",
    "Limited",
    "Need",
    "OneOf",
    "Option",
    "Plan",
    "Playbook",
    "PolicyWrong",
    "Prior",
    "Quiet",
    "Rate",
    "Rehearsed",
    "Sent",
    "Situation",
    "Spender",
    "Steering",
    "TooFew",
    "Within",
    "at_response",
    "chances_of",
    "changes",
    "choose",
    "customers_needed",
    "decode_learnt",
    "doubts",
    "encode_learnt",
    "fit_prior",
    "limits_of",
    "memory_of",
    "money",
    "order_mean",
    "orders_expected",
    "read_plan",
    "rehearse",
    "rememberable",
    "remembered",
    "request_of",
    "say",
    "say_steering",
    "stage_of",
    "want_of",
    "with_learnt",
    "worth",
]
