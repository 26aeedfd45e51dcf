"""What every command is handed: the settings, where each came from, and a place to talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.cli.errors import Usage

if TYPE_CHECKING:
    from rich.console import Console

    from streams.settings import Loaded, Settings


@dataclass
class Context:
    """The settings of this run of ``ebb``, read when a command first asks for them.

    Parameters
    ----------
    config
        The file of ``--config``.
    options
        Values of the command line by dotted key, as text.
    environ
        The environment; ``os.environ`` when not given.

    Examples
    --------
    >>> context = Context(options={"churn.horizon": "12w"}, environ={})
    >>> context.settings.churn.horizon // 86_400_000, context.source("churn.horizon")
    (84, 'command line')
    """

    config: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """The settings and the place that each value came from."""
        from streams.settings import load_settings

        return load_settings(self.config, self.environ, self.options)

    @property
    def settings(self) -> Settings:
        """The settings; raises `SettingsError`, which ends the command with exit 2."""
        return self.loaded.settings

    @cached_property
    def console(self) -> Console:
        """Where a command talks to people: stderr, so that stdout stays clean for a pipe."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def source(self, key: str) -> str:
        """Return the place that a setting's value came from."""
        return self.loaded.sources[key]

    def address(self, key: str) -> str:
        """Return a setting's value as it may be shown: passwords masked."""
        from streams.settings import keys

        return self.loaded.value(keys()[key])

    def set(self, pair: str) -> None:
        """Take ``key=value`` from the command line.

        Raises
        ------
        Usage
            If there is no ``=``, or the value is a secret, which all users of the machine
            could read in the list of processes.
        """
        key, sign, value = pair.partition("=")
        key = key.strip()
        if not sign:
            raise Usage(f"--set {pair}: write --set key=value, such as --set churn.horizon=12w")
        from streams.settings import keys

        known = keys()
        if key in known and known[key].secret:
            raise Usage(f"{key} is a secret; set {known[key].env} in the environment")
        self.options[key] = value.strip()
        # Whoever has looked at the settings before must not be the last to see them change.
        self.__dict__.pop("loaded", None)
