"""What the body of a request may look like, and what is read of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.collect.tracking import BadRequest, Request, Source, read_request, translate
from streams.collect.tracking.protocol import CALLS, MAX_MESSAGES
from tests.streams.collect.tracking.speaking import NOW, message


def batch(*messages: object, **outer: Any) -> bytes:
    return json.dumps({"batch": messages, **outer}).encode()


def types(request: Request) -> list[str]:
    return [
        found.events[0].type
        for item in request.items
        if (found := translate(item, Source(), NOW, request.sent_at)).events
    ]


@pytest.mark.parametrize(
    ("header", "body", "query", "key"),
    [
        ("h", "b", "q", "h"),
        (None, "b", "q", "b"),
        ("", "  ", "q", "q"),
        (None, 7, None, None),
        (None, None, None, None),
    ],
)
def test_the_key_is_that_of_the_header_or_of_the_body_or_of_the_query(
    header: str | None, body: object, query: str | None, key: str | None
) -> None:
    one = json.dumps({"writeKey": body}).encode()
    assert read_request("track", one, header, query).write_key == key
    assert read_request("batch", batch(writeKey=body), header, query).write_key == key


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("track", b"", "invalid_json"),
        ("track", b"{", "invalid_json"),
        ("track", b"[]", "invalid_body"),
        ("track", b"null", "invalid_body"),
        ("track", b'{"event":' + b"[" * 100_000, "invalid_json"),
        ("batch", b'{"batch": {}}', "invalid_body"),
        ("batch", b"{}", "invalid_body"),
        ("batch", b'{"batch": [}', "invalid_json"),
        ("batch", b"%1f%8b", "invalid_json"),
        ("batch", b'{"batch": [], "context": {"consent": 1e999}}', "invalid_context"),
        (
            "batch",
            b'{"batch": [], "context": {"consent": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
            "invalid_json",
        ),
        ("purchase", b"{}", "unknown_call"),
        ("batch", batch(*[1] * (MAX_MESSAGES + 1)), "too_many_messages"),
    ],
)
def test_only_what_cannot_be_read_at_all_is_refused_as_a_whole(
    path: str, body: bytes, code: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(path, body)
    assert refused.value.code == code
    assert refused.value.message


def test_one_bad_message_does_not_harm_its_neighbours() -> None:
    good = message(event="Product Viewed")
    request = read_request("batch", batch(good, 7, None, [good], "x", good, {"type": 5}))
    assert [refused.index for refused in request.refused] == [1, 2, 3, 4]
    assert {refused.code for refused in request.refused} == {"invalid_message"}
    assert [json.loads(refused.raw) for refused in request.refused] == [7, None, [good], "x"]
    assert [item.index for item in request.items] == [0, 5, 6]
    assert types(request) == ["product_viewed", "product_viewed"]


def test_a_message_remembers_its_own_bytes() -> None:
    first, second = message(event="a"), message(event="b")
    request = read_request("batch", batch(first, second))
    assert [json.loads(bytes(item.raw)) for item in request.items] == [first, second]


def test_an_empty_batch_is_a_batch() -> None:
    assert read_request("batch", batch()) == Request(None, None)


def test_the_path_says_what_a_single_message_is() -> None:
    for call in CALLS:
        request = read_request(call, b'{"type": "something else", "userId": "ada"}')
        assert request.items[0].call == call


def test_the_context_of_a_batch_is_that_of_its_messages_which_may_override_it() -> None:
    outer = {
        "campaign": {"name": "spring", "source": "news"},
        "page": {"path": "/outer"},
        "sessionId": 12,
    }
    own = {"page": {"path": "/own"}}
    body = batch(message(event="a"), message(event="b", context=own), context=outer)
    first, second = (
        translate(item, Source(), NOW).events[0] for item in read_request("batch", body).items
    )
    assert (first.campaign, first.session_id) == ("spring", "12")
    assert first.properties["path"] == "/outer"
    assert (second.campaign, second.session_id) == ("spring", "12")
    assert second.properties["path"] == "/own"


@pytest.mark.parametrize("context", [None, [], "x", 5, {"page": 5, "campaign": {"name": "c"}}])
def test_a_context_of_the_wrong_shape_is_as_if_it_were_absent(context: object) -> None:
    body = batch(message(event="a", context=context), context=context)
    request = read_request("batch", body)
    assert request.refused == []
    [found] = translate(request.items[0], Source(), NOW).events
    assert found.properties == {}
    assert found.campaign == ("c" if isinstance(context, dict) else None)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"event": "caf\xe9", "userId": "ada"}', "caf"),
        (b'\xef\xbb\xbf{"event": "x", "userId": "ada"}', "x"),
        (b'{"event": "x \\ud83d", "userId": "ada"}', "x"),
        (b'{"event": "x \\ude00\\ud83d", "userId": "ada"}', "x"),
        (b'{"event": "\\\\ud83d", "userId": "ada"}', "ud83d"),
        (b'{"event": "x", "userId": "a\\ud83d\\ude00"}', "x"),
    ],
)
def test_what_browsers_do_to_text_is_mended(body: bytes, name: str) -> None:
    assert types(read_request("track", body)) == [name]
    inner = body.removeprefix(b"\xef\xbb\xbf")[:-1]
    assert types(read_request("batch", b'{"batch":[' + inner + b',"type":"track"}]}')) == [name]


def test_a_pair_of_halves_is_left_whole() -> None:
    request = read_request("track", b'{"event": "x", "userId": "\\ud83d\\ude00 \\ud83d"}')
    [found] = translate(request.items[0], Source(), NOW).events
    assert found.user_id == "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"


PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\ud83d", b"\xff", b"\xef\xbb\xbf"]
PIECES += [b'"batch"', b'"context"', b'"sentAt"', b'"type":"track"', b'"userId":"ada"', b"1e999"]


@settings(max_examples=300)
@given(st.sampled_from([*CALLS, "batch"]), st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_no_body_raises_anything_but_a_bad_request(path: str, body: bytes) -> None:
    try:
        request = read_request(path, body)
    except BadRequest as refused:
        assert refused.code
        assert refused.message
        return
    for item in request.items:
        translate(item, Source(), NOW, request.sent_at)
