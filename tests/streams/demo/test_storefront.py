"""The little shop's page, as a browser on this machine gets it."""

from __future__ import annotations

from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from streams.demo.storefront import Storefront, page


def test_the_page_has_the_tracker_of_the_collector_and_the_command_to_look_with() -> None:
    plain = page("", "example")
    made = page("http://127.0.0.1:7/", "ebb_key", "EBB_CONFIG=/a'b\"&c ebb inspect")
    assert '<script async src="http://127.0.0.1:7/ebb.js" data-key="ebb_key" data-dnt>' in made
    assert 'data-command="EBB_CONFIG=/a&#x27;b&quot;&amp;c ebb inspect"' in made
    differing = [
        (before, after)
        for before, after in zip(plain.splitlines(), made.splitlines(), strict=True)
        if before != after
    ]
    assert len(differing) == 2


def test_there_is_one_page_under_any_question_and_nothing_else() -> None:
    with Storefront("http://127.0.0.1:7", "ebb_key") as shop:
        for address in (shop.url, f"{shop.url}?cart"):
            with urlopen(address, timeout=10) as answer:
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
                assert answer.headers["cache-control"] == "no-store"
                assert answer.read().decode() == page("http://127.0.0.1:7", "ebb_key")
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{shop.url}../pyproject.toml", timeout=10)


def test_it_closes_while_somebody_stands_in_the_door() -> None:
    with Storefront("http://127.0.0.1:7", "ebb_key") as shop:
        silent = HTTPConnection(urlsplit(shop.url).netloc, timeout=10)
        silent.connect()
        with urlopen(shop.url, timeout=10) as answer:
            assert answer.status == 200
    with pytest.raises(OSError):
        urlopen(shop.url, timeout=10)
    silent.close()
