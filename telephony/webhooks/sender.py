"""Tells events over HTTP: to where the configuration says and nowhere else, in bounded time, by TLS."""

import asyncio
import socket
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from telephony.webhooks.addresses import refused
from telephony.webhooks.signing import Event, headers

SECONDS = 10.0
"""For one attempt, looking up the name included."""


class AddressRefused(OSError):  # noqa: N818 - what it is
    """The name leads to where nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told. `private`: it is within our network. Address and key have no repr: addresses may hold a token."""

    name: str
    url: str = field(repr=False)
    key: bytes = field(repr=False)
    private: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to. `status` None: there was no answer. `why`: in a few words, empty when it is taken."""

    status: int | None
    why: str = ""


class Sender:
    """One receiver, at most one attempt at a time; what it answers is not read.

    Args:
        receiver: who is told.
        seconds: limit for one attempt.
    """

    def __init__(self, receiver: Receiver, seconds: float = SECONDS) -> None:
        self._receiver, self._seconds = receiver, seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, event: Event, at: datetime) -> Answer:
        """One attempt; never raises for what the receiver does."""
        told = {**headers(event, at, self._receiver.key), "Content-Type": "application/json"}
        asked = self._opened().post(self._receiver.url, data=event.body, headers=told, allow_redirects=False)
        try:
            async with asyncio.timeout(self._seconds), asked as answer:
                taken = answer.ok and answer.status < 300  # noqa: PLR2004 - whoever redirects has not taken it
                return Answer(answer.status, "" if taken else f"answered {answer.status}")
        except TimeoutError:
            return Answer(None, f"no answer within {self._seconds:g} s")
        except aiohttp.ClientSSLError:  # before the next, of which it is one without its error
            return Answer(None, "its certificate is not trusted")
        except aiohttp.ClientConnectorError as error:
            inner = error.os_error
            if isinstance(inner, AddressRefused) or "AddressRefused" in repr(inner):
                return Answer(None, "its name leads into our own network; see private in docs/webhooks.md")
            return Answer(None, "cannot be reached")
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(None, "broke off")

    async def close(self) -> None:
        """Let the connection go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=1, socket_factory=self._socket, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": "threerings"},
            )
        return self._session

    def _socket(self, info: Any) -> socket.socket:  # noqa: ANN401 - as the library hands it over
        """Of the very address that is connected to: a name cannot lead elsewhere between a check and its use."""
        family, kind, protocol, _, address = info
        if refused(str(address[0]), private=self._receiver.private):
            raise AddressRefused("AddressRefused")
        return socket.socket(family, kind, protocol)
