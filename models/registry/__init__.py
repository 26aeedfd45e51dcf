"""The models that can be named, each with how it learns and how it judges."""

from models.registry.inputs import Inputs
from models.registry.plain import MissingLibrary
from models.registry.registry import REGISTRY, Entry, judge_of, prior_judge
from models.registry.task import Task

__all__ = ["REGISTRY", "Entry", "Inputs", "MissingLibrary", "Task", "judge_of", "prior_judge"]
