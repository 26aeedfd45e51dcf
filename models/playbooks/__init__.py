"""What a shop has decided to do about whom: the policy file, and what it says of one customer."""

from models.playbooks.asking import request_of, want_of
from models.playbooks.choosing import Considered, Course, Need, Option, choose
from models.playbooks.comparing import Change, changes
from models.playbooks.conditions import Hindrance
from models.playbooks.doubting import Doubt, customers_needed, doubts
from models.playbooks.draws import Chances, chances_of
from models.playbooks.faults import Fault, PolicyWrong
from models.playbooks.fitting import Spender, TooFew, fit_prior
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
    Within,
)
from models.playbooks.reading import read_plan
from models.playbooks.rehearsing import Rehearsed, rehearse
from models.playbooks.remembering import remembered
from models.playbooks.saying import money, say
from models.playbooks.situation import STAGES, Sent, Situation, stage_of
from models.playbooks.valuing import order_mean, orders_expected, worth

__all__ = [
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
    "Fault",
    "Hindrance",
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
    "TooFew",
    "Within",
    "chances_of",
    "changes",
    "choose",
    "customers_needed",
    "doubts",
    "fit_prior",
    "money",
    "order_mean",
    "orders_expected",
    "read_plan",
    "rehearse",
    "remembered",
    "request_of",
    "say",
    "stage_of",
    "want_of",
    "worth",
]
