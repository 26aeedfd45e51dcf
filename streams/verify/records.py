"""What the topics say of decisions: the risk, by which model, and the alert as it was sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from models.deciding import Alert
from models.learning import PRIOR, Judge, Snapshot, TrainingExample
from models.registry import REGISTRY, Task, prior_judge

#: Judges that are kept; another one is made again when it is asked for.
_JUDGES: Final = 64


class Recorded(NamedTuple):
    """What was recorded of a decision: its risk, and the version of the model that judged."""

    risk: float
    version: str


class Records:
    """What the topics say of the decisions on some customers.

    Parameters
    ----------
    chosen
        Whether a customer is among them.
    task
        What the models are made for.

    Attributes
    ----------
    told, alerts
        What was recorded of decisions, and the alerts, by decision id.
    """

    def __init__(self, chosen: Callable[[str], bool], task: Task) -> None:
        self._chosen = chosen
        self._task = task
        self._snapshots: dict[str, bytes] = {}
        self._judges: OrderedDict[str, Judge | None] = OrderedDict()
        self._example = msgspec.json.Decoder(TrainingExample)
        self._alert = msgspec.json.Decoder(Alert)
        self._snapshot = msgspec.json.Decoder(Snapshot)
        self.told: dict[str, Recorded] = {}
        self.alerts: dict[str, Alert] = {}
        self._by_customer: dict[str, set[str]] = {}

    def read_training(self, messages: Iterable[Any]) -> None:
        """Take note of the risks and versions that matured examples carry."""
        for message in messages:
            try:
                example = self._example.decode(message.value or b"")
            except msgspec.DecodeError:
                continue
            if example.whole and self._chosen(example.user_id):
                self.told[example.example_id] = Recorded(example.risk, example.model_version)

    def read_alerts(self, messages: Iterable[Any]) -> None:
        """Take note of the alerts."""
        for message in messages:
            try:
                alert = self._alert.decode(message.value or b"")
            except msgspec.DecodeError:
                continue
            if self._chosen(alert.user_id) and alert.alert_id not in self.alerts:
                self.alerts[alert.alert_id] = alert
                self._by_customer.setdefault(alert.user_id, set()).add(alert.alert_id)

    def read_models(self, messages: Iterable[Any]) -> None:
        """Take note of every model that was published."""
        for message in messages:
            if message.key and message.value:
                self._snapshots[message.key.decode(errors="replace")] = message.value

    def of(self, name: str) -> Recorded | None:
        """Return what was recorded of a decision; None if nothing is."""
        found = self.told.get(name)
        if found is None and (alert := self.alerts.get(name)) is not None:
            return Recorded(alert.risk, alert.model_version)
        return found

    def alerts_of(self, user_id: str) -> set[str]:
        """Return the ids of a customer's alerts."""
        return self._by_customer.get(user_id, set())

    def judge(self, version: str) -> Judge | None:
        """Return the model of a version; None if it is not recorded, or is of another shop."""
        if version not in self._judges:
            self._judges[version] = self._make(version)
            if len(self._judges) > _JUDGES:
                self._judges.popitem(last=False)
        self._judges.move_to_end(version)
        return self._judges[version]

    def _make(self, version: str) -> Judge | None:
        if version == PRIOR:
            return prior_judge(self._task)
        try:
            snapshot = self._snapshot.decode(self._snapshots[version])
            return REGISTRY[snapshot.name].judge(self._task, snapshot)
        except (LookupError, ValueError):
            return None


__all__ = ["Recorded", "Records"]
