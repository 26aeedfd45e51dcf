"""Endpoints: addresses that can be used, names, secrets that are changed and never shown."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.notify import Endpoint, Secret, checked_url, name_of, new_secret

SECRETS = [new_secret(bytes([number]) * 32) for number in range(4)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("crm.example/hooks", "write https://HOST/PATH"),
        ("ftp://crm.example/", "write https://HOST/PATH"),
        ("https://", "write https://HOST/PATH"),
        ("https://crm.example:port/", "write https://HOST/PATH"),
        ("https://crm.example:0/", "write https://HOST/PATH"),
        ("https://ada:pw@crm.example/", "leave name and password out"),
        ("https://crm.example/#top", "leave out what comes after the #"),
        ("https://crm.example/a b", "blanks"),
        ("https://crm.example/\n", "blanks"),
        ("http://crm.example/", "notify.http = true"),
        (f"https://crm.example/{'x' * 2_000}", "longer than 2000"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_what_would_be_right(
    url: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        checked_url(url, plain=False)


@given(st.from_regex(r"https://[a-z0-9.-]{1,80}(:[1-9][0-9]{0,3})?/[a-z]*", fullmatch=True))
def test_every_host_gives_a_name_that_can_be_kept(url: str) -> None:
    name = name_of(url)
    secret = Secret(SECRETS[0])
    kept = Endpoint(name=name, url=url, secrets=(secret,))
    again = msgspec.json.decode(msgspec.json.encode(kept), type=Endpoint)
    assert again == kept


def test_a_query_is_not_shown() -> None:
    endpoint = Endpoint(name="crm", url="https://crm.example/h?token=pw", secrets=(Secret("x"),))
    assert endpoint.shown_url == "https://crm.example/h?***"


@given(st.lists(st.tuples(st.integers(1, 1_000), st.integers(0, 2_000)), max_size=3))
def test_an_old_secret_ends_when_it_was_said_and_never_later(
    rotations: list[tuple[int, int]],
) -> None:
    endpoint = Endpoint(name="crm", url="https://crm.example", secrets=(Secret(SECRETS[0]),))
    ends: dict[str, int] = {}
    now = 0
    for number, (step, keep) in enumerate(rotations, start=1):
        now += step
        for secret in endpoint.secrets:
            ends[secret.text] = min(ends.get(secret.text, now + keep), now + keep)
        endpoint = endpoint.rotated(SECRETS[number], now, keep)
    assert endpoint.secrets[0] == Secret(SECRETS[len(rotations)])
    for moment in (now, now + 500, now + 5_000):
        signing = {secret.text for secret in endpoint.secrets if not secret.ended(moment)}
        expected = {text for text, end in ends.items() if moment < end}
        assert signing == expected | {SECRETS[len(rotations)]}
