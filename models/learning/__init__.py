"""How beliefs are learnt: examples, their labels, the models and their snapshots."""

from models.learning.example import TrainingExample

__all__ = ["TrainingExample"]
