"""What an older version stored, brought up to date step by step; what a newer one did, refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Turns the fields of one version into those of the next; the first field is the version.
Step = Callable[[list[Any]], list[Any]]


class UnknownVersion(ValueError):
    """The bytes were written by a newer Ebbtide; this one must not guess what they mean."""


def up_to_date(fields: list[Any], version: int, steps: Mapping[int, Step]) -> list[Any]:
    """Return the fields as the present version would have written them.

    Parameters
    ----------
    fields
        As they were stored; the first one is the version that wrote them.
    version
        The present one.
    steps
        For each older version, what leads to the next one.

    Raises
    ------
    UnknownVersion
        If a newer version wrote them, or none that this one knows of.

    Examples
    --------
    >>> up_to_date([1, "ada"], 2, {1: lambda old: [2, *old[1:], 0]})
    [2, 'ada', 0]
    """
    while fields and fields[0] != version:
        step = steps.get(fields[0]) if isinstance(fields[0], int) else None
        if step is None:
            raise UnknownVersion(
                f"version {str(fields[0])[:20]} was not written by this Ebbtide, which knows "
                f"{version}; run the version that wrote it, or rebuild the state from the topic"
            )
        fields = step(fields)
    return fields
