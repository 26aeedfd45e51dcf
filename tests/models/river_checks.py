"""River's own checks of an estimator, one test for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from river import checks


def all_checks(estimators: Sequence[Any]) -> Iterator[Any]:
    """Return every check of River's for every estimator, as parameters of a test."""
    for number, model in enumerate(estimators):
        skipped = model._unit_test_skips()
        seen: dict[str, int] = {}
        for check in checks.yield_checks(model):
            if check.__name__ in skipped:
                continue
            again = seen[check.__name__] = seen.get(check.__name__, 0) + 1
            yield pytest.param(
                model, check, id=f"{number}-{type(model).__name__}-{check.__name__}-{again}"
            )
