"""Webhooks: alerts sent to endpoints, signed, again and again until they are taken or given up."""

from streams.notify.endpoint import Endpoint, Standing, checked_url, name_of
from streams.notify.guard import refusal
from streams.notify.queue import Queue
from streams.notify.roster import NameTaken, NoSuchEndpoint, Roster, TooManyEndpoints
from streams.notify.signing import BYTES, Secret, new_secret, signed_headers

__all__ = [
    "BYTES",
    "Endpoint",
    "NameTaken",
    "NoSuchEndpoint",
    "Queue",
    "Roster",
    "Secret",
    "Standing",
    "TooManyEndpoints",
    "checked_url",
    "name_of",
    "new_secret",
    "refusal",
    "signed_headers",
]
