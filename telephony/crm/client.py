"""Asks a CRM who has a number. The address is the configuration's and no other: no redirect is followed."""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import aiohttp
import structlog

from telephony.crm.answer import MOST_BYTES, BadAnswer, read
from telephony.crm.remembering import Breaker, Remembered
from telephony.customers.lookup import Found, LookupUnavailable
from telephony.customers.numbers import E164

AT_ONCE = 16
FAILURES = 5
REST = timedelta(seconds=30)
NOBODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}
PLACEHOLDER = "{number}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to ask.

    Attributes:
        url: https, or on this machine http. With `{number}` in it the number stands there, and in every log on the way.
        header: in which the number stands; empty: in the body, as `{"number": "+86…"}`.
        token: shown as a Bearer; a secret, it has no repr. Empty: none.
        certificates: a file of authorities; None: the system's.
        answer_within: limit for the whole question.
        remember: so long an answer holds, also that nobody has the number. most: so many answers.
    """

    url: str
    header: str = ""
    token: str = ""
    certificates: str | None = None
    answer_within: timedelta = timedelta(milliseconds=300)
    remember: timedelta = timedelta(minutes=5)
    most: int = 10_000

    def __repr__(self) -> str:
        return "Settings(…)"


class Crm:
    """Answers the look-up port.

    Args:
        settings: how to ask.
        clock: monotonic.

    Raises:
        OSError: the file of authorities cannot be read, or holds none.

    Attributes:
        asked, failed, remembered, spared: questions that went out, those of them that got no answer, those that were
            answered from memory, and those that were not asked as the CRM is away.
    """

    def __init__(self, settings: Settings, clock: Callable[[], timedelta]) -> None:
        self._settings, self._clock = settings, clock
        self._known: Remembered[E164, Found] = Remembered(settings.most, settings.remember)
        self._breaker = Breaker(FAILURES, REST)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tls = ssl.create_default_context(cafile=settings.certificates)  # here, as it reads files
        self._session: aiohttp.ClientSession | None = None
        self._log = structlog.get_logger(__name__)
        self.asked = self.failed = self.remembered = self.spared = 0

    async def of(self, number: E164) -> Found:
        """Whom the number belongs to.

        Raises:
            LookupUnavailable: the CRM is away, slow, or answers something else.
        """
        known = self._known.get(number, self._clock())
        if known is not None:
            self.remembered += 1
            return known
        if not self._breaker.may(self._clock()):
            self.spared += 1
            raise LookupUnavailable("the CRM has not answered lately")
        try:
            async with asyncio.timeout(self._settings.answer_within.total_seconds()), self._turns:
                found = await self._ask(number)
        except (TimeoutError, OSError, aiohttp.ClientError, BadAnswer, ValueError) as error:
            self._went(_said(error), well=False)
            raise LookupUnavailable(_said(error)) from None
        self._went("", well=True)
        self._known.put(number, found, self._clock())
        return found

    async def close(self) -> None:
        """Let the connections go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _went(self, error: str, *, well: bool) -> None:
        self.failed += not well
        was = self._breaker.is_broken
        self._breaker.went(self._clock(), well=well)
        if self._breaker.is_broken and not was:
            rest = REST.total_seconds()
            self._log.warning(
                "crm_away", error=error, remedy=f"none: asked again after {rest:g} s; see docs/customers.md"
            )
        elif was and not self._breaker.is_broken:
            self._log.info("crm_back")

    async def _ask(self, number: E164) -> Found:
        settings = self._settings
        self.asked += 1
        headers = {"Accept": "application/json"}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        url, body = settings.url, None
        if PLACEHOLDER in url:
            url = url.replace(PLACEHOLDER, number.replace("+", "%2B"))
        elif settings.header:
            headers[settings.header] = number
        else:
            headers["Content-Type"], body = "application/json", json.dumps({"number": number})
        method = "GET" if body is None else "POST"
        async with self._opened().request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
            if answer.status in NOBODY:
                return Found()
            if answer.status != HTTPStatus.OK:
                raise BadAnswer(f"it answers with status {answer.status}")
            told = bytearray()
            async for chunk in answer.content.iter_chunked(MOST_BYTES):
                told += chunk
                if len(told) > MOST_BYTES:
                    break
            return read(bytes(told))

    def _opened(self) -> aiohttp.ClientSession:
        """Its cookies are not kept, nor are proxies of the environment asked."""
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls, limit=AT_ONCE)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            )
        return self._session


def _said(error: Exception) -> str:
    """Without addresses: they may hold a number."""
    return str(error) if isinstance(error, BadAnswer) else type(error).__name__
