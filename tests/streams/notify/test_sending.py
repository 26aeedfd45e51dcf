"""One attempt over HTTP, at real servers: who is not connected to, and what is never followed."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import web

from streams.demo import free_port
from streams.notify import sender_of
from streams.notify.schedule import Answer
from streams.notify.sending import Sender
from streams.settings import SettingsError, load_settings
from tests.streams.notify.alerts import wall
from tests.streams.notify.receivers import Receiver, receiver

T = TypeVar("T")
LOOPBACK = ("127.0.0.0/8",)


def sent(
    work: Callable[[Sender, Receiver], Awaitable[T]],
    answers: Callable[[object], web.Response] | None = None,
    allow: tuple[str, ...] = LOOPBACK,
    pause: float | None = 0.0,
) -> tuple[T, Receiver]:
    async def run() -> tuple[T, Receiver]:
        async with receiver(Receiver(pause=pause)) as at:
            if answers is not None:
                at.answers = answers
            sender = Sender(500, map(ipaddress.ip_network, allow), wall)
            try:
                return await work(sender, at), at
            finally:
                await sender.close()

    return asyncio.run(run())


def attempt(**words: object) -> tuple[Answer, Receiver]:
    return sent(lambda sender, at: sender.send(at.url, {"webhook-id": "a"}, b"{}"), **words)  # type: ignore[arg-type]


def test_an_attempt_brings_the_body_and_the_headers() -> None:
    answer, at = attempt()
    assert answer == Answer(204, "204 No Content")
    [came] = at.came
    assert (came.body, came.webhook_id) == (b"{}", "a")
    assert came.headers["content-type"] == "application/json"
    assert came.headers["user-agent"] == "ebbtide"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "0"],
)
def test_however_loopback_is_written_it_is_not_connected_to(host: str) -> None:
    async def work(sender: Sender, at: Receiver) -> Answer:
        return await sender.send(f"http://{host}:{at.port}/", {}, b"{}")

    answer, at = sent(work, allow=())
    assert answer.status == 0
    # The client itself refuses some ways to write a number.
    assert "not an address of the public internet" in answer.words or "canonical" in answer.words
    assert at.came == []


def test_what_is_allowed_is_what_the_network_says() -> None:
    answer, at = attempt(allow=("10.0.0.0/8",))
    assert "notify.allow" in answer.words
    assert at.came == []


def test_no_redirect_is_followed() -> None:
    answer, at = attempt(
        answers=lambda _: web.Response(status=307, headers={"location": "/elsewhere"})
    )
    assert (answer.status, answer.taken) == (307, False)
    assert "redirects are not followed" in answer.words
    assert len(at.came) == 1


def test_who_does_not_answer_is_not_waited_for() -> None:
    answer, _ = attempt(pause=None)
    assert answer == Answer(0, "no answer within 0.5 s")


def test_who_does_not_listen_is_told_apart() -> None:
    async def work(sender: Sender, _: Receiver) -> Answer:
        return await sender.send(f"http://127.0.0.1:{free_port()}/", {}, b"{}")

    answer, _ = sent(work)
    assert answer.status == 0
    assert "cannot connect" in answer.words


def test_a_request_to_come_back_later_is_heard() -> None:
    answer, _ = attempt(answers=lambda _: web.Response(status=429, headers={"retry-after": "7"}))
    assert (answer.status, answer.retry_after) == (429, 7_000)


def test_a_long_answer_is_not_read_and_a_cookie_not_kept() -> None:
    async def work(sender: Sender, at: Receiver) -> list[int]:
        return [(await sender.send(at.url, {}, b"{}")).status for _ in range(2)]

    def answers(_: object) -> web.Response:
        return web.Response(body=bytes(5_000_000), headers={"set-cookie": "a=b"})

    statuses, at = sent(work, answers)
    assert statuses == [200, 200]
    assert "cookie" not in at.came[1].headers


def test_what_is_no_http_is_a_failure_in_words_without_the_address() -> None:
    async def run() -> Answer:
        async def rubbish(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(rubbish, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = Sender(500, map(ipaddress.ip_network, LOOPBACK), wall)
        async with server:
            answer = await sender.send(f"http://127.0.0.1:{port}/?token=pw", {}, b"{}")
        await sender.close()
        return answer

    answer = asyncio.run(run())
    assert answer.status == 0
    assert "token" not in answer.words
    assert "\n" not in answer.words


def certificate(folder: Path) -> Path:
    """Return a file with a certificate for loopback that nobody has signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with: apt install openssl")
    file = folder / "both.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*words, "-keyout", file, "-out", folder / "cert.pem"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    with file.open("a") as both:
        both.write((folder / "cert.pem").read_text())
    return file


def test_a_certificate_counts_only_from_an_authority_that_is_trusted(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)

    async def sends(ca_file: Path | None) -> tuple[Answer, int]:
        environ = {"EBB_NOTIFY_ALLOW": "127.0.0.0/8", "EBB_NOTIFY_CA_FILE": str(ca_file or "")}
        sender = sender_of(load_settings(environ=environ).settings)
        async with receiver(Receiver(tls=tls)) as at:
            answer = await sender.send(at.url, {}, b"{}")
        await sender.close()
        return answer, len(at.came)

    answer, came = asyncio.run(sends(None))
    assert (answer.status, came) == (0, 0)
    assert "certificate" in answer.words
    answer, came = asyncio.run(sends(tmp_path / "cert.pem"))
    assert (answer.status, came) == (204, 1)
    with pytest.raises(SettingsError, match=r"notify\.ca_file = .*write the path"):
        asyncio.run(sends(tmp_path / "nix.pem"))
