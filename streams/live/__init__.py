"""How events move through the running system: agents, chunks, the outbox, the learner."""

from streams.live.apps import learner_app, worker_app
from streams.live.chunks import CannotGoOn
from streams.live.dossier import Dossier, TooEarly, UnknownCustomer
from streams.live.running import run, use_uvloop
from streams.live.status import Status
from streams.live.view import View, looking

__all__ = [
    "CannotGoOn",
    "Dossier",
    "Status",
    "TooEarly",
    "UnknownCustomer",
    "View",
    "learner_app",
    "looking",
    "run",
    "use_uvloop",
    "worker_app",
]
