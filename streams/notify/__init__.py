"""Webhooks: alerts sent to endpoints, signed, again and again until they are taken or given up."""

from streams.notify.delivery import DeadNotice, trial_notice
from streams.notify.endpoint import (
    MOST_ENDPOINTS,
    NAME,
    TYPES,
    Endpoint,
    Standing,
    checked_url,
    name_of,
)
from streams.notify.guard import refusal
from streams.notify.health import CannotListen
from streams.notify.queue import Queue
from streams.notify.roster import NameTaken, NoSuchEndpoint, Roster, TooManyEndpoints
from streams.notify.running import queue_of, run, sender_of
from streams.notify.sending import Sender
from streams.notify.signing import BYTES, Secret, new_secret, signed_headers

__all__ = [
    "BYTES",
    "MOST_ENDPOINTS",
    "NAME",
    "TYPES",
    "CannotListen",
    "DeadNotice",
    "Endpoint",
    "NameTaken",
    "NoSuchEndpoint",
    "Queue",
    "Roster",
    "Secret",
    "Sender",
    "Standing",
    "TooManyEndpoints",
    "checked_url",
    "name_of",
    "new_secret",
    "queue_of",
    "refusal",
    "run",
    "sender_of",
    "signed_headers",
    "trial_notice",
]
