"""Forms of ours, and nobody else's: each carries what only a page of this browser's can know.

A page of another site is refused by the `Origin` that browsers send; beside it, the form repeats what stands in a
cookie, mixed with the session, so that neither a forged header nor an old form is enough.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import IO

from aiohttp import BodyPartReader, web
from multidict import MultiDict

from handlers.admission import ours
from handlers.http.doorkeeper import by_tls, session_of

SECURE_COOKIE, PLAIN_COOKIE = "__Host-threerings_form", "threerings_form"
COOKIE: web.RequestKey[str] = web.RequestKey("form_cookie")
FIELD = "form"
FIELDS = 200
LONGEST = 8_192
"""Bytes of a field beside a file."""
CHUNK = 65_536
Fields = MultiDict[str]


class Forms:
    """Gives forms what proves them, and takes it back.

    Args:
        origins: where else our pages are shown, `https://calls.example.com`.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)

    def proof(self, request: web.Request) -> str:
        """For a hidden field `form`."""
        if COOKIE not in request:
            request[COOKIE] = _cookie(request) or secrets.token_urlsafe(24)
        return _mixed(request[COOKIE], session_of(request))

    def give(self, request: web.Request, response: web.Response) -> None:
        """Along with a page that has such a form."""
        if COOKIE in request and not _cookie(request):
            secure = by_tls(request)
            name = SECURE_COOKIE if secure else PLAIN_COOKIE
            response.set_cookie(
                name, request[COOKIE], path="/", secure=secure, httponly=True, samesite="Lax"
            )  # fmt: skip

    async def taken(self, request: web.Request) -> Fields:
        """The fields of a form of ours, as text.

        Raises:
            HTTPForbidden: it is none.
        """
        if not ours(request, self._origins) or request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPForbidden
        posted = await request.post()
        fields = MultiDict((name, str(value)) for name, value in posted.items())
        if not self._proven(request, fields.get(FIELD, "")) or len(fields) > FIELDS:
            raise web.HTTPForbidden
        return fields

    async def taken_with_file(self, request: web.Request) -> tuple[Fields, BodyPartReader | None]:
        """The fields of a form of ours that stand before its file, and the file, not read yet; None: there is none.

        Raises:
            HTTPForbidden: it is none of ours.
        """
        if request.content_type != "multipart/form-data":
            return await self.taken(request), None
        if not ours(request, self._origins):
            raise web.HTTPForbidden
        fields, reader = MultiDict[str](), await request.multipart()
        file: BodyPartReader | None = None
        while isinstance(part := await reader.next(), BodyPartReader):
            if part.filename is not None:
                file = part
                break
            text = await part.read_chunk(LONGEST)
            if len(fields) >= FIELDS or not part.at_eof():
                raise web.HTTPForbidden
            fields.add(part.name or "", text.decode("utf-8", "replace"))
        if not self._proven(request, fields.get(FIELD, "")):
            raise web.HTTPForbidden
        return fields, file

    def _proven(self, request: web.Request, given: str) -> bool:
        expected = _mixed(_cookie(request), session_of(request)).encode()
        return bool(_cookie(request)) and hmac.compare_digest(given.encode("utf-8", "replace"), expected)


async def upload(part: BodyPartReader, into: IO[bytes], most: int) -> int:
    """A file of a form, written as it comes; its size.

    Raises:
        HTTPRequestEntityTooLarge: it is larger than `most` bytes.
    """
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)
        into.write(chunk)
    into.seek(0)
    return size


def _cookie(request: web.Request) -> str:
    secure = request.cookies.get(SECURE_COOKIE, "")
    return secure if secure or by_tls(request) else request.cookies.get(PLAIN_COOKIE, "")


def _mixed(cookie: str, session: str) -> str:
    return hashlib.sha256(f"threerings form|{cookie}|{session}".encode("utf-8", "replace")).hexdigest()
