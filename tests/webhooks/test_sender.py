"""Receivers that answer in hostile ways, or are not who they should be: one attempt ends in time and says why."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from telephony.webhooks.sender import Receiver, Sender
from telephony.webhooks.signing import Event, event_id

AT = datetime(2026, 3, 2, tzinfo=UTC)
EVENT = Event(event_id("case.closed", UUID(int=7), 1), "case.closed", AT, {})
Says = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def receiver(says: Says, tls: ssl.SSLContext | None = None) -> Any:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await says(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        sender = Sender(Receiver("crm", f"{'https' if tls else 'http'}://127.0.0.1:{port}/", bytes(32), True), 0.5)
        try:
            yield sender
        finally:
            await sender.close()


def saying(*words: bytes, again: bool = False) -> Says:
    async def says(writer: asyncio.StreamWriter) -> None:
        while True:
            for word in words:
                writer.write(word)
                await writer.drain()
            if not again:
                return
            await asyncio.sleep(0)

    return says


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("says", "status", "why"),
    [
        (saying(HEAD + b"Content-Length: 0\r\n\r\n"), 200, ""),
        (saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nspam!\r\n" * 1000), 200, ""),
        (saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9999999999\r\n\r\nx"), 200, ""),
        (saying(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"), 500, "answered 500"),
        (saying(b"SSH-2.0-OpenSSH\r\n\r\n"), None, "broke off"),
        (saying(), None, "broke off"),
        (saying(HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n"), None, "broke off"),
        (saying(b"H", again=True), None, None),
        (saying(HEAD, b"X: y\r\n", again=True), None, None),
    ],
)
async def test_whatever_is_answered_an_attempt_ends(says: Says, status: int | None, why: str | None) -> None:
    async with receiver(says) as sender:
        answer = await sender.send(EVENT, AT)
    assert answer.status == status
    assert answer.why in ({"broke off", "no answer within 0.5 s"} if why is None else {why})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
async def test_nothing_is_told_to_who_cannot_prove_to_be_the_receiver(tmp_path: Path) -> None:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1"
    files = ("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"))
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with receiver(saying(HEAD + b"Content-Length: 0\r\n\r\n"), context) as sender:
        answer = await sender.send(EVENT, AT)
    assert (answer.status, answer.why) == (None, "its certificate is not trusted")


async def test_who_is_not_there_cannot_be_reached_and_a_name_of_nobody_neither(unused_tcp_port: int) -> None:
    for host in ("127.0.0.1", "nobody.invalid"):
        sender = Sender(Receiver("crm", f"http://{host}:{unused_tcp_port}/", bytes(32), True), 3)
        answer = await sender.send(EVENT, AT)
        assert answer.status is None
        assert answer.why in {"cannot be reached", "no answer within 3 s"}
        await sender.close()
