"""How events move through the running system: agents, chunks, the outbox, the learner."""

from streams.live.apps import learner_app, worker_app
from streams.live.chunks import CannotGoOn
from streams.live.running import run, use_uvloop

__all__ = [
    "CannotGoOn",
    "learner_app",
    "run",
    "use_uvloop",
    "worker_app",
]
