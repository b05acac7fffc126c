"""Sends queue_log from the PBX's host to the service. Keeps nothing: where to go on, the receiver says (its mark).

One parcel is under way at a time, and is sent again until the receiver says that it is in its journal. While it is away
nothing is read: the files keep it. When its mark is another than expected, reading begins there anew.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from random import Random

import structlog
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
)
from yarl import URL

from telephony.backoff import Backoff
from telephony.queuelog.aside import Aside
from telephony.queuelog.place import Place
from telephony.queuelog.reader import Reader
from telephony.queuelog.shipping.gathering import Gathering
from telephony.queuelog.shipping.parcel import CHUNK, Parcel
from telephony.queuelog.shipping.shipped import SenderName
from telephony.unreachable import reason

SENDER, UNREADABLE = "Queue-Log-Sender", "Queue-Log-Unreadable"
"""Headers: who sends, and why he cannot read the file."""
POLL, HELLO = 0.1, 5.0
"""Seconds between two looks at the file; and between two words to the receiver while nothing is new."""
AGAIN_FIRST, AGAIN_CAP = 0.2, 3.0
ANEW = 0.2
"""Seconds before reading begins anew at a mark."""
TIMEOUT = ClientTimeout(total=30, connect=10)
MAX_ANSWER = 16_384
REMEDIES = {
    400: "both sides should be of one version",
    401: "give the token that this [[pbx]] has as queue_log_token",
    403: "give an https:// address in --to, and let the proxy there set X-Forwarded-Proto",
    404: "see --pbx: a [[pbx]] of that name, with queue_log_token, must be in the configuration there",
    413: "let the proxy before the service pass bodies of 1 MiB",
    423: "end one of the two senders",
    429: "too many wrong tokens came from here; wait a minute",
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send.

    Attributes:
        url: of the queue_log of this PBX.
        token: bearer token.
        tls: for https; None: not https.
    """

    url: URL
    token: str = field(repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. `mark`: up to where all is in its journal; None: it has none, or did not say."""

    status: int
    title: str = ""
    mark: Place | None = None


class NoAnswerError(Exception):
    """What came is not the receiver's."""


class Sender:
    """Sends one file.

    Args:
        path: the name that Asterisk writes to.
        receiver: where to.
        name: who we are.
        rng: for jitter.
        poll: seconds between two looks at the file.
        hello: seconds between two words while nothing is new.

    Attributes:
        sent: lines that the receiver has.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - two of them for tests
        self,
        path: Path,
        receiver: Receiver,
        name: SenderName,
        rng: Random,
        poll: float = POLL,
        hello: float = HELLO,
    ) -> None:
        self.sent = 0
        self._path, self._receiver, self._name = path, receiver, name
        self._poll, self._hello = poll, hello
        self._backoff = Backoff(AGAIN_FIRST, AGAIN_CAP, rng)
        self._reached: Place | None = None
        self._unreadable = ""
        self._trouble: str | None = ""
        self._said_at = float("-inf")
        self._log = structlog.get_logger().bind(path=str(path), to=str(receiver.url))

    async def run(self) -> None:
        """Send until cancelled."""
        async with self._session() as session:
            mark = (await self._insist(session, None)).mark
            self._log.info("queue_log_shipping", behind=_shown(mark))
            while True:
                found = await self._send_from(session, mark)
                self._log.warning("queue_log_sought", behind=_shown(found), instead_of=_shown(mark))
                mark = found
                await asyncio.sleep(ANEW)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[ClientSession]:
        receiver = self._receiver
        connector = TCPConnector(limit=1, ssl=True if receiver.tls is None else receiver.tls)
        headers = {"Authorization": f"Bearer {receiver.token}", SENDER: str(self._name)}
        async with ClientSession(
            connector=connector, headers=headers, timeout=TIMEOUT, cookie_jar=DummyCookieJar()
        ) as session:
            yield session

    # --- the file ---

    async def _send_from(self, session: ClientSession, mark: Place | None) -> Place | None:
        """Send what stands behind a mark; ends with that of the receiver when it is another than it should be."""
        aside = Aside("queue_log")
        # A receiver that has forgotten all gets what follows on what an earlier answer of it said, if there was one.
        gathering = Gathering(Reader(self._path, mark or self._reached, CHUNK), mark)
        try:
            while True:
                parcel = await self._gather(session, aside, gathering)
                if parcel is None:
                    answer = await self._say_hello(session)
                    expected = mark
                else:
                    answer = await self._insist(session, parcel.pack())
                    expected = mark = parcel.piece.after
                if answer is not None and not _is_same(answer.mark, expected):
                    return answer.mark
                if parcel is not None:
                    self._reached = mark
                    self.sent += len(parcel.piece.lines)
                else:
                    await asyncio.sleep(self._poll)
        finally:
            aside.end(gathering.close)

    async def _gather(self, session: ClientSession, aside: Aside, gathering: Gathering) -> Parcel | None:
        """The next parcel; while the disk does not answer, the receiver is told so."""
        reading = aside.do(gathering.next)
        while not (await asyncio.wait([reading], timeout=self._hello))[0]:
            self._tell_unreadable("the disk does not answer")
            await self._say_hello(session)
        try:
            parcel = await reading
        except OSError as error:
            self._tell_unreadable(error.strerror or type(error).__name__)
            return None
        if self._unreadable:
            self._log.info("queue_log_readable")
            self._unreadable, self._said_at = "", float("-inf")
        return parcel

    def _tell_unreadable(self, why: str) -> None:
        if why != self._unreadable:
            self._log.warning("queue_log_unreadable", reason=why)
            self._unreadable, self._said_at = why, float("-inf")

    # --- the receiver ---

    async def _say_hello(self, session: ClientSession) -> Answer | None:
        """None: something was said lately."""
        if asyncio.get_running_loop().time() - self._said_at < self._hello:
            return None
        return await self._insist(session, None)

    async def _insist(self, session: ClientSession, packed: bytes | None) -> Answer:
        """Send a parcel, or a word, until the receiver says what is its mark."""
        while True:
            why, remedy = "", ""
            try:
                answer = await self._request(session, packed)
                if answer.status in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
                    self._works()
                    return answer
                why, remedy = f"{answer.status} {answer.title}", REMEDIES.get(answer.status, "")
            except (ClientError, OSError, NoAnswerError, ValueError) as error:
                why, remedy = explained(error)
            self._fails(why, remedy)
            await asyncio.sleep(self._backoff.next())

    async def _request(self, session: ClientSession, packed: bytes | None) -> Answer:
        headers = {"Content-Type": "application/gzip"} if packed is not None else {}
        if self._unreadable:
            headers[UNREADABLE] = self._unreadable.encode("ascii", "replace").decode()[:200]
        method = "GET" if packed is None else "POST"
        async with session.request(
            method, self._receiver.url, data=packed, headers=headers, allow_redirects=False
        ) as response:
            body = await _bounded(response.content)
        answer = _answer(response.status, body)
        self._said_at = asyncio.get_running_loop().time()
        return answer

    def _works(self) -> None:
        self._backoff.reset()
        if self._trouble:
            self._log.info("queue_log_receiver_answers")
        self._trouble = ""

    def _fails(self, why: str, remedy: str) -> None:
        if why != self._trouble:
            self._log.warning("queue_log_not_sent", reason=why, **({"remedy": remedy} if remedy else {}))
        self._trouble = why


def explained(error: Exception) -> tuple[str, str]:  # noqa: PLR0911 - a table
    """Why nothing could be sent, and what may be done."""
    match error:
        case ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            if "match" in why:
                return f"the certificate: {why}", "name the host in --to as its certificate does"
            return f"the certificate: {why}", "give the PEM file of the authority that signed it with --ca"
        case ClientConnectorSSLError():
            return "there is no TLS as it should be", "is this port one for https?"
        case ClientConnectorError():
            return reason(error.os_error), "is the service there, at --to? it is tried again"
        case OSError():
            return reason(error), ""
        case NoAnswerError():
            return str(error), "see --to: something else answers there"
        case _:
            return type(error).__name__, ""


async def _bounded(content: StreamReader) -> bytes:
    body = b""
    while more := await content.readany():
        body += more
        if len(body) > MAX_ANSWER:
            raise NoAnswerError("the answer is too long")
    return body


def _answer(status: int, body: bytes) -> Answer:
    """Understood.

    Raises:
        NoAnswerError: it is of somebody else.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    dumped, title = told.get("mark", ""), str(told.get("detail") or told.get("title") or "")[:300]
    if status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
        return Answer(status, title)
    mark = Place.load(dumped.encode()) if isinstance(dumped, str) else None
    if mark is None and dumped is not None:
        raise NoAnswerError(f"the answer {status} names no mark")
    return Answer(status, title, mark)


def _is_same(one: Place | None, other: Place | None) -> bool:
    return other is None if one is None else one.is_same(other)


def _shown(place: Place | None) -> str:
    return "nothing" if place is None else str(place.dump(), "ascii")
