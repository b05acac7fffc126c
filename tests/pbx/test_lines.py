"""The phone of a published line that nobody called: whether it is there is known from the start, and as it goes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .asterisk import Pbx
from .database import Database
from .product import Product

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

DESK = "1050"
LINES = """
[[line]]
name = "front-desk"
interface = "PJSIP/1050"
[[line]]
name = "office"
interface = "PJSIP/1001"
[[line]]
name = "nowhere"
interface = "PJSIP/7777"
"""
STATES = "telephony_lines"


@contextmanager
def desk(pbx: Pbx) -> Iterator[Callable[[int], None]]:
    """A phone that registers for so many seconds; 0: it goes."""
    host = pbx.phone_host(DESK)
    numbers = iter(range(1, 100))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((host, 5060))
        phone.settimeout(5)

        def register(seconds: int) -> None:
            number = next(numbers)
            said = [
                f"REGISTER sip:{pbx.host} SIP/2.0", f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-{number}",
                "Max-Forwards: 70", f"From: <sip:{DESK}@{pbx.host}>;tag=a", f"To: <sip:{DESK}@{pbx.host}>",
                f"Call-ID: desk@{host}", f"CSeq: {number} REGISTER", f"Contact: <sip:{DESK}@{host}:5060>",
                f"Expires: {seconds}", "Content-Length: 0", "", "",
            ]  # fmt: skip
            phone.sendto("\r\n".join(said).encode(), (pbx.host, 5060))
            assert phone.recv(4_000).startswith(b"SIP/2.0 200 ")

        yield register


async def becomes(product: Product, line: str, state: str) -> None:
    """What /metrics tells of the line's phone."""
    await product.until(lambda: product.metrics().total(STATES, line=line, state=state) == 1, 5, f"{line} is {state}")


async def test_a_phone_that_nobody_called_is_known_to_be_there_or_not(pbx: Pbx) -> None:
    with desk(pbx) as register:
        async with Database() as database, Product([pbx], database.url, extra=LINES) as product:
            await becomes(product, "front-desk", "unavailable")
            await becomes(product, "office", "ready")
            await becomes(product, "nowhere", "unknown")
            await asyncio.to_thread(register, 60)
            await becomes(product, "front-desk", "ready")
            await asyncio.to_thread(register, 0)
            await becomes(product, "front-desk", "unavailable")
            assert product.metrics().total("telephony_ami_quarantined_total") == 0
