"""How events move through the running system: agents, chunks, the outbox, the learner.

What is exported is imported when it is first asked for: ``ebb status`` needs no Faust.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.live.apps import learner_app, worker_app
    from streams.live.attendance import Working
    from streams.live.dossier import Dossier, HasBecome, TooEarly, UnknownCustomer
    from streams.live.redis import open_redis
    from streams.live.running import run, use_uvloop
    from streams.live.status import Logs, Status
    from streams.live.stopping import CannotGoOn, leave_within
    from streams.live.view import View, looking
    from streams.live.whereabouts import partition_of_customer

__all__ = [
    "CannotGoOn",
    "Dossier",
    "HasBecome",
    "Logs",
    "Status",
    "TooEarly",
    "UnknownCustomer",
    "View",
    "Working",
    "learner_app",
    "leave_within",
    "looking",
    "open_redis",
    "partition_of_customer",
    "run",
    "use_uvloop",
    "worker_app",
]

_PLACES = {
    "CannotGoOn": "stopping",
    "Dossier": "dossier",
    "HasBecome": "dossier",
    "Logs": "status",
    "Status": "status",
    "TooEarly": "dossier",
    "UnknownCustomer": "dossier",
    "View": "view",
    "Working": "attendance",
    "learner_app": "apps",
    "leave_within": "stopping",
    "looking": "view",
    "open_redis": "redis",
    "partition_of_customer": "whereabouts",
    "run": "running",
    "use_uvloop": "running",
    "worker_app": "apps",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"streams.live.{_PLACES[name]}"), name)
