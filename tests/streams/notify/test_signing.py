"""Signatures: a stock library takes ours, whichever of the secrets it knows, and nobody else's."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from streams.notify import Secret, new_secret, signed_headers

OLD, NEW = new_secret(bytes(range(32))), new_secret(bytes(range(32, 64)))
BODIES = st.text(max_size=200).map(str.encode)
IDS = st.from_regex(r"[A-Za-z0-9_:-]{1,200}", fullmatch=True)


def now() -> int:
    return time.time_ns() // 1_000_000


def taken(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


@given(BODIES, IDS, st.binary(min_size=32, max_size=32))
def test_a_stock_library_takes_our_signature_and_no_other_body_or_id(
    body: bytes, webhook_id: str, randomness: bytes
) -> None:
    secret = new_secret(randomness)
    headers = signed_headers([Secret(secret)], webhook_id, body, now())
    assert taken(secret, body, headers)
    assert not taken(secret, body + b" ", headers)
    assert not taken(secret, body, {**headers, "webhook-id": f"{webhook_id}x"})
    assert not taken(NEW, body, headers)


@given(BODIES)
def test_while_a_secret_is_changed_old_and_new_receivers_both_take_it(body: bytes) -> None:
    at = now()
    secrets = [Secret(NEW), Secret(OLD, until=at + 1)]
    both = signed_headers(secrets, "a1", body, at)
    assert taken(OLD, body, both)
    assert taken(NEW, body, both)
    ended = signed_headers(secrets, "a1", body, at + 1)
    assert not taken(OLD, body, ended)
    assert taken(NEW, body, ended)


def test_an_attempt_is_stamped_when_it_is_made() -> None:
    stale = signed_headers([Secret(OLD)], "a1", b"{}", now() - 6 * 60_000)
    assert not taken(OLD, b"{}", stale)


def test_a_secret_is_never_shown_by_accident() -> None:
    secret = Secret(OLD)
    assert OLD not in f"{secret} {secret!r} {[secret]}"
    assert base64.b64decode(OLD.removeprefix("whsec_")) == secret.key


def test_a_secret_is_made_of_enough_randomness() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        new_secret(bytes(16))
