"""What a section and a setting are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, meaning: str, *, env: str | None = None, **bounds: Any) -> Any:
    """Return a setting's default, with what it means, and the bounds that pydantic knows.

    Parameters
    ----------
    default
        What holds where nothing is set.
    meaning
        One line, for the page of settings.
    env
        The short name of its variable in the environment, if it has one.
    bounds
        What `pydantic.Field` takes.

    Examples
    --------
    >>> class Door(Section):
    ...     port: int = setting(8080, "port to listen on", ge=1)
    >>> Door().port, Door.model_fields["port"].description
    (8080, 'port to listen on')
    """
    extra: dict[str, Any] | None = {"env": env} if env else None
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    """Keys that belong together: ``[name]`` in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


__all__ = ["Section", "setting"]
