"""What a sender meets at the door: every way in, and every way to be refused."""

from __future__ import annotations

import gzip
import json
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from features import decode_event
from streams.collect.addresses import EVENT_PATHS
from streams.collect.limits import Limits
from streams.deadletters import HEADER, LARGEST
from streams.topics import partition_of
from tests.servers import wait_for
from tests.streams.collect.servers import SECRET, Collector, Keys, basic, event, running

TRACK = {"userId": "ada", "messageId": "m1", "event": "visit"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Collector]:
    with running(Limits(body=100_000, size=400_000)) as made:
        yield made


@pytest.fixture
def door(shared: Collector) -> Collector:
    shared.broker.records.clear()
    return shared


@pytest.mark.parametrize("path", sorted(EVENT_PATHS))
def test_every_address_of_the_protocol_takes_events(door: Collector, path: str) -> None:
    said = {"batch": [TRACK, TRACK]} if EVENT_PATHS[path] == "batch" else TRACK
    answer = door.post(path, said)
    assert (answer.status, answer.said) == (200, {"success": True})
    assert [each["user_id"] for each in door.events] == ["ada"] * (1 + ("batch" in said))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/track", {"authorization": basic(SECRET)}),
        ("/v1/track", {"authorization": f"Bearer {SECRET}"}),
        ("/v1/track?writeKey=ebb_secret", {"key": None}),
        ("/beacon/v1/batch?writeKey=ebb_secret", {"key": None, "content_type": "text/plain"}),
        ("/v1/events?writeKey=ebb_secret", {"key": None}),
    ],
)
def test_the_key_comes_in_every_way_that_is_in_use(
    door: Collector, path: str, words: dict[str, str]
) -> None:
    said = event() if "events" in path else {**TRACK, "batch": [TRACK]}
    assert door.post(path, said, **words).status == 200
    assert len(door.events) == 1


@pytest.mark.parametrize("authorization", ["", "Bearer token-of-theirs", "Basic !", "Basic Og=="])
def test_the_key_may_be_in_the_body_whatever_else_is_in_the_header(
    door: Collector, authorization: str
) -> None:
    said = {**TRACK, "writeKey": SECRET}
    assert door.post("/v1/track", said, authorization=authorization).status == 200
    assert len(door.events) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"key": None}, "no_key"),
        ({"key": "ebb_guess"}, "unknown_key"),
        ({"authorization": "Bearer nobodys"}, "no_key"),
        ({"key": "x" * 5_000}, "unknown_key"),
        ({"key": "ключ"}, "unknown_key"),
    ],
)
def test_a_wrong_key_is_refused_with_code_and_message(
    door: Collector, words: dict[str, str], code: str
) -> None:
    for path, said in (("/v1/track", TRACK), ("/v1/events", event())):
        answer = door.post(path, said, **words)
        assert (answer.status, answer.code) == (401, code)
    assert door.broker.records == []


def test_records_are_keyed_by_customer_and_name_their_source(door: Collector) -> None:
    door.post("/v1/track", TRACK)
    [record] = door.broker.records
    assert (record.key, record.partition) == (b"ada", partition_of(b"ada", 4))
    assert dict(record.headers) == {"ebb_source": b"web"}
    assert decode_event(record.value).event_id == "m1"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("", gzip.compress),
        ("gzip", bytes),
        ("x-gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
    ],
)
def test_a_body_is_unpacked_by_what_it_is(
    door: Collector, encoding: str, pack: type[bytes]
) -> None:
    body = pack(json.dumps(TRACK).encode())
    headers = {"content_encoding": encoding, "content_type": "application/x-www-form-urlencoded"}
    assert door.ask("POST", "/v1/track", body, **headers).status == 200
    assert len(door.events) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (gzip.compress(bytes(5_000_000)), {}, 413, "too_large"),
        (b" " * 100_001, {}, 413, "too_large"),
        (gzip.compress(b"{}", mtime=0)[:-9], {}, 400, "invalid_gzip"),
        (b"\x1f\x8bnothing", {}, 400, "invalid_gzip"),
        (gzip.compress(b"") * 65, {}, 400, "invalid_gzip"),
        (b"\x28\xb5\x2f\xfd", {"content_encoding": "zstd"}, 415, "unknown_encoding"),
        (b"\xff\xfe", {}, 400, "invalid_json"),
        (b"{", {}, 400, "invalid_json"),
        (b"", {}, 400, "invalid_json"),
        (b"[" * 90_000, {}, 400, "invalid_json"),
        (b"7", {}, 400, "invalid_request"),
    ],
)
def test_what_cannot_be_read_is_refused(
    door: Collector, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = door.ask("POST", "/v1/events", body, **headers)
    assert (answer.status, answer.code) == (status, code)
    assert door.broker.records == []
    assert (door.door.capacity.requests, door.door.capacity.size) == (0, 0)


def test_a_body_of_unknown_length_is_bounded_as_it_comes(door: Collector) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as raw:
        raw.sendall(
            f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: {basic(SECRET)}\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        raw.sendall(piece * 4)
        assert raw.recv(1000).startswith(b"HTTP/1.1 413")


def test_the_protocols_own_refusal_is_passed_on(door: Collector) -> None:
    answer = door.post("/v1/batch", [])
    assert (answer.status, answer.said) == (
        400,
        {"code": "invalid_body", "message": "not an object"},
    )


def test_what_cannot_be_used_is_a_dead_letter_and_its_neighbours_are_taken(
    door: Collector,
) -> None:
    batch = [TRACK, {"event": "visit"}, 7, {**TRACK, "text": "x" * 40_000}, TRACK]
    assert door.post("/v1/batch", {"batch": batch}).status == 200
    assert len(door.events) == 2
    whys = [json.loads(dict(letter.headers)[HEADER]) for letter in door.letters]
    assert [(why["topic"], why["partition"]) for why in whys] == [
        ("collect/web", 2),
        ("collect/web", 1),
        ("collect/web", 3),
    ]
    assert [why["reason"] for why in whys][:2] == ["not an object", "no_identity"]
    assert json.loads(door.letters[1].value or b"") == batch[1]


def test_what_nobody_consented_to_is_not_kept_as_a_dead_letter_either(door: Collector) -> None:
    for header in ({"dnt": "1"}, {"sec_gpc": "1"}):
        assert door.post("/v1/batch", {"batch": [TRACK, 7]}, **header).status == 200
    assert door.broker.records == []
    assert 'refused_total{reason="no_consent"} 2' in door.ask("GET", "/metrics").body.decode()


def test_our_own_schema_comes_alone_in_a_list_and_with_a_name(door: Collector) -> None:
    for said in (event(1), [event(2), event(3)], {"events": [event(4)]}, [], {"events": []}):
        assert door.post("/v1/events", said).said["errors"] == []
    assert [each["event_id"] for each in door.events] == ["e1", "e2", "e3", "e4"]


def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(door: Collector) -> None:
    assert door.post("/v1/events", [event(1, time=36374.0, v=1.0, price=1.0)]).said["taken"] == 1
    assert (door.events[0]["time"], door.events[0]["price"]) == (36374, 1.0)
    assert door.post("/v1/events", event(1, time=36374.5)).said["field"] == "time"
    assert door.post("/v1/events", event(1, time="soon")).said["field"] == "time"


def test_of_a_list_what_cannot_be_used_is_told_by_its_place(door: Collector) -> None:
    said = [event(1), event(2, price="dear"), event(3), None]
    answer = door.post("/v1/events", said)
    assert answer.status == 200
    assert answer.said == {
        "taken": 2,
        "errors": [
            {
                "index": 1,
                "code": "invalid_event",
                "message": "Expected `float | null`, got `str`",
                "field": "price",
            },
            {"index": 3, "code": "invalid_event", "message": "Expected `object`, got `null`"},
        ],
    }
    assert door.letters == []


def test_an_event_that_comes_alone_and_cannot_be_used_is_refused(door: Collector) -> None:
    answer = door.post("/v1/events", event(rating=7))
    assert (answer.status, answer.code, answer.said["field"]) == (400, "invalid_event", "rating")


def test_a_get_is_never_mistaken_for_a_delivery(door: Collector) -> None:
    for path in [*EVENT_PATHS, "/v1/events", "/m"]:
        for method in ("GET", "PUT", "DELETE"):
            answer = door.ask(method, path)
            assert (answer.status, answer.code) == (405, "method_not_allowed")
            assert "POST" in answer.headers["allow"]
    assert door.ask("GET", "/v1/nix").code == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/t", 401), ("GET", "/t", 405), ("GET", "/nix", 404), ("POST", "/m", 200)],
)
def test_browsers_may_read_every_answer(
    door: Collector, method: str, path: str, status: int
) -> None:
    answer = door.ask(
        method, path, b"{}" if method == "POST" else None, key=None, origin="https://a"
    )
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "retry-after"


def test_a_preflight_needs_no_key_and_may_ask_for_any_header(door: Collector) -> None:
    asked = "authorization,content-type,x-retry-count,rsa-recovered"
    answer = door.ask("OPTIONS", "/v1/t", key=None, access_control_request_headers=asked)
    assert (answer.status, answer.headers["access-control-allow-headers"]) == (204, asked)
    assert "POST" in answer.headers["access-control-allow-methods"]
    plain = door.ask("OPTIONS", "/v1/t", key=None)
    assert "rsa-retry-attempt" in plain.headers["access-control-allow-headers"]


def test_headers_and_addresses_have_an_end(door: Collector) -> None:
    assert door.ask("GET", "/healthz", x="y" * 40_000).code == "headers_too_large"
    assert door.ask("GET", f"/healthz?{'y' * 9_000}").code == "url_too_long"


def raw_answer(door: Collector, said: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", door.port)) as raw:
        raw.sendall(said)
        answer = b""
        while piece := raw.recv(65_536):
            answer += piece
        return answer


def test_a_head_without_end_is_given_up(door: Collector) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nx: ")
        for _ in range(1_000):
            raw.sendall(b"y" * 1_000)
            if select.select([raw], [], [], 0.01)[0]:
                break
        answer = raw.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 431")
    assert b'"headers_too_large"' in answer


def test_what_is_no_http_is_told_so_in_json(door: Collector) -> None:
    answer = raw_answer(door, b"hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "invalid_request"


def test_whoever_goes_away_in_the_midst_leaves_nothing_behind(door: Collector) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as raw:
        raw.sendall(
            f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: {basic(SECRET)}\r\n"
            "content-length: 90000\r\n\r\n[".encode()
        )
        wait_for("it is inside", lambda: door.door.capacity.requests == 1, 10, 0.01)
    wait_for("it is let go", lambda: door.door.capacity.requests == 0, 10, 0.01)
    assert door.door.capacity.size == 0
    assert door.broker.records == []


def test_a_letter_larger_than_a_topic_takes_is_cut() -> None:
    with running() as door:
        batch = [TRACK, "x" * (LARGEST + 1)]
        assert door.post("/v1/batch", {"batch": batch}).status == 200
        [letter] = door.letters
        assert (letter.key, letter.value) == (b"", None)
        assert json.loads(dict(letter.headers)[HEADER])["cut"] == LARGEST + 3
        assert len(door.events) == 1


def test_a_slow_body_is_given_up() -> None:
    with (
        running(Limits(read=50)) as door,
        socket.create_connection(("127.0.0.1", door.port)) as raw,
    ):
        raw.sendall(
            f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: {basic(SECRET)}\r\n"
            "content-length: 10\r\n\r\n[".encode()
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 408")


def test_only_the_named_sites_may_read_the_answers() -> None:
    with running(Limits(origins=("https://shop.example",))) as door:
        allowed = door.post("/t", TRACK, origin="https://shop.example")
        other = door.post("/t", TRACK, origin="https://evil.example")
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-origin" not in other.headers
        assert allowed.headers["vary"] == other.headers["vary"] == "origin"


def test_the_settings_documents_lead_the_sdks_here(door: Collector) -> None:
    segment = door.ask("GET", f"/v1/projects/{SECRET}/settings", key=None).said
    assert segment["integrations"]["Segment.io"]["apiHost"] == f"127.0.0.1:{door.port}/v1"
    assert segment["integrations"]["Segment.io"]["protocol"] == "http"
    for path in ("/sourceConfig", "/sourceConfig/"):
        rudder = door.ask("GET", f"{path}?writeKey={SECRET}&p=npm", key=None).said
        assert (rudder["source"]["name"], rudder["source"]["enabled"]) == ("web", True)
    assert door.ask("GET", "/v1/projects/ebb_guess/settings", key=None).code == "unknown_key"


def test_the_address_in_the_settings_documents_can_be_set() -> None:
    with running(Limits(url="https://events.shop.example/x/")) as door:
        document = door.ask("GET", f"/v1/projects/{SECRET}/settings").said
        options = document["integrations"]["Segment.io"]
        assert (options["protocol"], options["apiHost"]) == ("https", "events.shop.example/x/v1")


def test_a_defect_is_told_as_one_and_the_log_quotes_nobody(
    door: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret words of ada")

    monkeypatch.setattr("streams.collect.serving.take_events", broken)
    answer = door.post("/v1/events", event(), origin="https://a")
    assert (answer.status, answer.code) == (500, "internal")
    assert answer.headers["access-control-allow-origin"] == "*"
    # It is told to the sender first.
    wait_for("it is told to the log", lambda: "RuntimeError" in caplog.text, 10, 0.01)
    assert "ada" not in caplog.text
    assert door.door.capacity.requests == 0


def test_without_any_keys_the_door_says_how_to_make_one() -> None:
    with running(keys=Keys([])) as door:
        answer = door.post("/t", TRACK, key=None)
        assert (answer.status, answer.code) == (401, "no_keys_defined")
        assert "ebb keys create" in answer.said["message"]


def test_an_open_door_lets_anybody_in_and_still_knows_its_keys() -> None:
    with running(Limits(open=True)) as door:
        for key in (None, "ebb_guess", SECRET):
            assert door.post("/t", TRACK, key=key).status == 200
        sources = [dict(sent.headers)["ebb_source"] for sent in door.broker.records]
        assert sources == [b"open", b"open", b"web"]


def test_a_refusal_is_said_at_once_and_takes_no_thread(door: Collector) -> None:
    for method, path, key, status in (
        ("GET", "/v1/track", SECRET, 405),
        ("GET", "/nowhere", SECRET, 404),
        ("GET", "/v1/projects/ebb_guess/settings", None, 401),
        ("POST", "/v1/track", "ebb_guess", 401),
    ):
        assert door.ask(method, path, b"{}", key=key).status == status
    assert [each.name for each in threading.enumerate() if "AnyIO" in each.name] == []
