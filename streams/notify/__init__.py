"""Webhooks: alerts sent to endpoints, signed, again and again until they are taken or given up."""

from streams.notify.endpoint import Endpoint, Standing, checked_url, name_of
from streams.notify.guard import refusal
from streams.notify.signing import BYTES, Secret, new_secret, signed_headers

__all__ = [
    "BYTES",
    "Endpoint",
    "Secret",
    "Standing",
    "checked_url",
    "name_of",
    "new_secret",
    "refusal",
    "signed_headers",
]
