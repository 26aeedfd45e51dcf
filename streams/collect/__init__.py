"""How events come in over HTTP: who may send, how much at once, and when it is truly taken."""

from streams.collect.openapi import openapi
from streams.collect.running import run

__all__ = ["openapi", "run"]
