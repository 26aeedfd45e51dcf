"""In which order examples of one time are learnt."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from features import Millis
from models.learning.example import TrainingExample, vector_bytes


def in_learning_order(examples: Iterable[TrainingExample], seed: int = 0) -> list[TrainingExample]:
    """Return examples by time; those of one time shuffled, always alike for one seed.

    A filter that saw a block's customers sorted by anything would take the end of the block for
    the shop's latest news. The shuffle goes by what an example says and not by the customer's
    name or the date, so that neither can matter.
    """
    key = seed.to_bytes(8, "big", signed=True)

    def place(example: TrainingExample) -> tuple[Millis, bytes]:
        said = vector_bytes(example) + bytes((example.stage, example.label))
        return example.matured_at, blake2b(said, key=key, digest_size=8).digest()

    return sorted(examples, key=place)
