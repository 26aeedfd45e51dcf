"""How events move through the running system: agents, chunks, the outbox, the learner."""

from streams.live.apps import learner_app, worker_app

__all__ = ["learner_app", "worker_app"]
