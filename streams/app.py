"""The composition root of the worker: ``faust -A streams.app worker -l info``.

``ebb worker`` runs the same app, with errors in words and uvloop where it is installed.
"""

from __future__ import annotations

from streams.live import worker_app
from streams.settings import load_settings

app = worker_app(load_settings().settings)
